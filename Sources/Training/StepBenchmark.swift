import Communication
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
        /// Of all steps: what the machine's other work does to a median shows in how far it is from the 5th percentile.
        package let steps: StepTimes
        /// Arithmetic of the matrix products against the FMA peak of the cores in use.
        package let fractionOfPeak: Double
        /// In the order of a step; the last one is what no phase has.
        package let phases: [PhaseCost]
    }

    /// Percentiles of the steps' durations by worker 0's clock, in microseconds; a step ends when all workers have ended it.
    package struct StepTimes: Codable, Sendable {
        package let fifthPercentile, median, ninetyFifthPercentile: Double

        /// Of at least one duration in nanoseconds.
        init(_ nanoseconds: [UInt64]) {
            let sorted = nanoseconds.sorted()
            func percentile(_ percent: Int) -> Double { Double(sorted[sorted.count * percent / 100]) * 1e-3 }
            (fifthPercentile, median, ninetyFifthPercentile) = (percentile(5), percentile(50), percentile(95))
        }
    }

    package struct PhaseCost: Codable, Sendable {
        package let name: String
        /// Of a step of worker 0.
        package let microseconds: Double
        package let shareOfStep: Double
        package let microsecondsByWorker: [Double]
        /// Over all workers.
        package let leastMicroseconds: Double
        package let greatestMicroseconds: Double
        /// What the machine needs at its peak, or copying as many bytes, against what all workers need; nil for phases
        /// that only wait.
        package let shareOfRoofline: Double?
    }

    let name: String?
    let configuration: TrainingConfiguration
    let kernels: any KernelSet
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

    /// Trains one epoch to warm up and `configuration.epochs` more. The result is worker 0's clock. `trace`, where it is
    /// given, gets the last steps.
    package func run(_ communicator: borrowing Communicator, trace: inout StepTrace?) throws -> Result {
        let data = try loadData(communicator)
        let network = try communicator.agree { try self.network(for: data) }
        let count = data.train.count
        var trainer = try self.trainer(configuration, network, data, communicator)
        var warmingUp = configuration
        warmingUp.epochs += 1
        let length = RunLength(warmingUp, sampleCount: count)
        var order = EpochOrder(
            indices: (0..<Int32(count)).map { $0 }, seed: configuration.seed, epoch: 0, batchSize: length.batchSize,
            order: configuration.data.order)
        let schedule = warmingUp.makeSchedule(length)
        let recorder = trainer.recorder
        var rates: [Double] = []
        var durations: [UInt64] = []
        durations.reserveCapacity(configuration.epochs * length.stepsPerEpoch)
        var (nanoseconds, origin) = (UInt64(0), UInt64(0))
        for epoch in 0...configuration.epochs {
            order.prepare(epoch: UInt64(epoch))
            if epoch == 1 {
                recorder.reset()
                let stepCount = configuration.epochs * length.stepsPerEpoch
                if let kept = trace.map({ min($0.stepLimit, stepCount) }) {
                    recorder.keepLaps(ofSteps: kept, from: stepCount - kept)
                }
            }
            try communicator.barrier()
            let begin = PhaseClock.now()
            if epoch == 1 { origin = begin }
            var readAhead = BlockReadAhead(order, of: data.train)
            for index in 0..<length.stepsPerEpoch {
                let stepBegin = PhaseClock.now()
                readAhead.advance(to: length.position(ofStep: index))
                let result = try trainer.step(
                    order, index: index, learningRate: schedule.learningRate(step: trainer.stepCount))
                guard result.lossSum.isFinite else {
                    return try communicator.agree {
                        throw Failure(.notFinite, "the loss is not finite after step \(trainer.stepCount)")
                    }
                }
                if epoch > 0 { durations.append(PhaseClock.now() - stepBegin) }
            }
            guard epoch > 0 else { continue }
            let duration = PhaseClock.now() - begin
            nanoseconds += duration
            rates.append(Double(count) / (Double(duration) * 1e-9))
        }
        rates.sort()
        let rate = rates[rates.count / 2]
        try communicator.barrier()
        let cores = min(communicator.size, try communicator.processorCount())
        let peak = kernels.measuredPeakFlops()
        try communicator.barrier()
        let phases = try costs(
            recorder.times, nanoseconds: nanoseconds, least: trainer.work(of: network).leastNanoseconds(peak: peak),
            communicator)
        let text = ModelText.text(of: configuration.model)
        try trace?.add(name ?? text, kept: recorder.kept, origin: origin, communicator)
        return Result(
            name: name, network: text, workers: communicator.size, batchSize: length.batchSize,
            optimizer: configuration.update.optimizer.name, instructionSet: kernels.instructionSet.rawValue,
            samplesPerSecond: rate, slowest: rates[0], fastest: rates[rates.count - 1], steps: StepTimes(durations),
            fractionOfPeak: rate * network.trainingFlopsPerSample / (peak * Double(cores)), phases: phases)
    }

    /// Collective.
    func loadData(_ communicator: borrowing Communicator) throws -> ImageDataset {
        try communicator.agree {
            let data = try dataset.load()
            try data.check(configuration.data.augmentation)
            return data
        }
    }

    func network(for data: ImageDataset) throws -> Network {
        try Network(
            configuration.model,
            inputShape: data.columns == nil
                ? [data.train.height, data.train.width, data.train.channels] : data.inputShape,
            outputs: data.outputs(configuration.loss.target))
    }

    /// Of all training images. `configuration` may differ from the benchmark's in the batch. `exchangesGradients`: factors are not
    /// used. Collective.
    func trainer(
        _ configuration: TrainingConfiguration, _ network: Network, _ data: ImageDataset,
        exchangesGradients: Bool = false, _ communicator: borrowing Communicator
    ) throws -> Trainer {
        let count = data.train.count
        return try Trainer(
            configuration, network: network, images: data.train, sampleCount: count,
            standardization: try .shared(
                configuration.data.standardization, data.train, samples: (0..<Int32(count)).map { $0 }, communicator),
            targetStandardization: try .shared(
                configuration.data.table?.standardizesTarget ?? false, data.train,
                samples: (0..<Int32(count)).map { $0 }, communicator),
            kernels: kernels, communicator: communicator, division: try ForcedDivision.wanted(communicator)?.division,
            exchangesGradients: exchangesGradients)
    }

    /// Gathers what all workers measured. Collective.
    ///
    /// - Parameters:
    ///   - nanoseconds: Of all steps of `times`.
    ///   - least: Nanoseconds that a step's phases need at least; 0 where that is not known.
    private func costs(
        _ times: PhaseTimes, nanoseconds: UInt64, least: [Double], _ communicator: borrowing Communicator
    ) throws -> [PhaseCost] {
        let steps = Double(times.stepCount)
        let other = nanoseconds - min(nanoseconds, times.nanoseconds.reduce(0, +))
        let all = try communicator.allGather((times.nanoseconds + [other]).map { Double($0) / steps })
        let allLeast = try communicator.allGather(least + [0])
        let step = all[0].reduce(0, +)
        // Workers that share a core take turns.
        let turns = max(1, Double(communicator.size) / Double(try communicator.processorCount()))
        return (Phase.allCases.map(\.name) + ["other"]).enumerated().map { index, name in
            let column = all.map { $0[index] }
            let (sum, leastSum) = (column.reduce(0, +), allLeast.reduce(0) { $0 + $1[index] })
            return PhaseCost(
                name: name, microseconds: column[0] * 1e-3, shareOfStep: column[0] / step,
                microsecondsByWorker: column.map { $0 * 1e-3 }, leastMicroseconds: (column.min() ?? 0) * 1e-3,
                greatestMicroseconds: (column.max() ?? 0) * 1e-3,
                shareOfRoofline: leastSum > 0 && sum > 0 ? leastSum * turns / sum : nil)
        }
    }
}
