import Communication
import Foundation
import DataLoading
import Errors
import KernelContract
import Kernels
import Models

/// What training steps cost: whole epochs over data in memory, shuffled, forward, backward and optimizer.
package struct StepBenchmark: Sendable {
    package struct Result: Codable, Sendable {
        /// Of the suite.
        package let name: String?
        package let network: String
        package let workers: Int
        package let batchSize: Int
        package let optimizer: String
        package let instructionSet: String
        /// The median epoch's.
        package let samplesPerSecond: Double
        package let slowest: Double
        package let fastest: Double
        /// Arithmetic of the matrix products against the FMA peak of the cores in use.
        package let fractionOfPeak: Double
        /// Microseconds of a step of worker 0, by phase.
        package let phases: [Phase]
    }

    package struct Phase: Codable, Sendable {
        package let name: String
        package let microseconds: Double
    }

    private let name: String?
    private let configuration: TrainingConfiguration
    private let kernels: any KernelSet
    private let dataset: SharedDataset

    /// - Parameter dataset: That of the configuration.
    package init(
        _ configuration: TrainingConfiguration, name: String? = nil, dataset: SharedDataset, kernels: any KernelSet
    ) {
        self.name = name
        self.configuration = configuration
        self.kernels = kernels
        self.dataset = dataset
    }

    /// Trains one epoch to warm up and `configuration.epochs` more. The result is worker 0's clock.
    package func run(_ communicator: borrowing Communicator) throws -> Result {
        let data = try communicator.agree { try dataset.load() }
        let network = try communicator.agree {
            try Network(
                configuration.model, inputShape: [data.train.height, data.train.width, data.train.channels],
                outputs: configuration.loss.target == .input ? .inputs : .classes(data.classCount))
        }
        let count = data.train.count
        var trainer = try Trainer(
            configuration, network: network, images: data.train, sampleCount: count, kernels: kernels,
            communicator: communicator)
        var warmingUp = configuration
        warmingUp.epochs += 1
        let length = RunLength(warmingUp, sampleCount: count)
        var order = EpochOrder(
            indices: (0..<Int32(count)).map { $0 }, seed: configuration.seed, epoch: 0, batchSize: length.batchSize)
        let schedule = warmingUp.makeSchedule(length)
        var rates: [Double] = []
        for epoch in 0...configuration.epochs {
            order.prepare(epoch: UInt64(epoch))
            if epoch == 1 { trainer.resetPhases() }
            try communicator.barrier()
            let begin = PhaseClock.now()
            for index in 0..<length.stepsPerEpoch {
                let result = try trainer.step(
                    order, index: index, learningRate: schedule.learningRate(step: trainer.stepCount))
                guard result.lossSum.isFinite else {
                    return try communicator.agree {
                        throw Failure(.notFinite, "the loss is not finite after step \(trainer.stepCount)")
                    }
                }
            }
            if epoch > 0 { rates.append(Double(count) / (Double(PhaseClock.now() - begin) * 1e-9)) }
        }
        rates.sort()
        let rate = rates[rates.count / 2]
        try communicator.barrier()
        let cores = min(communicator.size, try communicator.processorCount())
        let peak = kernels.measuredPeakFlops() * Double(cores)
        let phases = trainer.phases
        if communicator.rank == 1 { let t = phases.named.map { "\($0.name) \(Double($0.nanoseconds) * 1e-3 / Double(phases.stepCount))" }; FileHandle.standardError.write(Data("rank1 \(t)\n".utf8)) }
        return Result(
            name: name, network: ModelText.text(of: configuration.model), workers: communicator.size,
            batchSize: length.batchSize, optimizer: configuration.update.optimizer.name,
            instructionSet: kernels.instructionSet.rawValue, samplesPerSecond: rate, slowest: rates[0],
            fastest: rates[rates.count - 1], fractionOfPeak: rate * network.trainingFlopsPerSample / peak,
            phases: phases.named.map {
                Phase(name: $0.name, microseconds: Double($0.nanoseconds) * 1e-3 / Double(phases.stepCount))
            })
    }
}
