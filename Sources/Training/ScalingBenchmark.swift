import Communication
import DataLoading
import Errors
import KernelContract
import Models

/// Measures what a step is made of on one worker, in a host's memory and between hosts, and sets what `ScalingModel` makes of it
/// beside a measured step of all workers.
package struct ScalingBenchmark: Sendable {
    package struct Result: Codable, Sendable {
        package let network: String
        package let batchSize: Int
        package let instructionSet: String
        package let model: ScalingModel
        /// Workers of each host, as measured.
        package let hosts: [Int]
        /// The median step of one worker, while the others sleep.
        package let aloneMicroseconds: Double
        /// The median step of all workers.
        package let measuredMicroseconds: Double
        package let predicted: ScalingModel.Prediction
    }

    private let steps: StepBenchmark
    private let seconds: Double
    private let meansHosts: Bool

    /// Each measurement takes about `seconds`. `meansHosts`: though it runs on one host, it is to say what several would take, which
    /// exchange gradients where one exchanges factors.
    package init(_ steps: StepBenchmark, seconds: Double, meansHosts: Bool = false) {
        self.steps = steps
        self.seconds = seconds
        self.meansHosts = meansHosts
    }

    /// Collective; the result is worker 0's.
    package func run(_ communicator: borrowing Communicator) throws -> Result {
        let configuration = steps.configuration
        let data = try steps.loadData(communicator)
        let network = try communicator.agree { try steps.network(for: data) }
        let batchSize = configuration.batchSize.count(of: data.train.count)
        let grainSize = configuration.grainSize
        let grainCount = (batchSize + grainSize - 1) / grainSize
        try communicator.agree {
            guard configuration.accumulation == 1, data.train.count >= batchSize else {
                throw Failure(
                    .usage, "bench scaling: a step is one full batch; leave --accumulate out, or take more samples")
            }
        }

        // Halves of the batch down to a grain, on all workers at once, who share caches and memory.
        var counts = [grainCount]
        while counts[0] > 1 { counts.insert((counts[0] + 1) / 2, at: 0) }
        let exchangesGradients = meansHosts || communicator.hostMembers.count > 1
        func part(_ count: Int) -> TrainingConfiguration {
            var part = configuration
            part.batchSize = .samples(min(count * grainSize, batchSize))
            part.reduction = .tree
            return part
        }
        let own = try counts.map { count in
            try communicator.eachAlone {
                try time(part(count), network, data, exchangesGradients: exchangesGradients, $0)
            }
        }
        let costs = try communicator.allGather(own.map { $0.median - $0.optimizer })
        let updates = try communicator.allGather(own.last!.optimizer)
        let spreads = try communicator.allGather(own.last!.spread)
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        let alone = try communicator.aloneOnRoot { try time(part(grainCount), network, data, $0) }
        let whole = try time(
            configuration, network, data, exchangesGradients: exchangesGradients, communicator)
        // On one host dense layers go by factors, so its own step says what moving costs.
        let memory =
            exchangesGradients
            ? try communicator.onHost { host in try memoryCost(host) }
            : CostLine(latency: communicator.size > 1 ? whole.moving : 0, perByte: 0)
        try communicator.barrier()
        let link = try linkCost(communicator)
        let model = ScalingModel(
            grainCount: grainCount, grainSize: grainSize, parameters: network.layout.floatCount,
            compute: counts.indices.map { index in
                .init(grains: counts[index], microseconds: mean(costs.map { $0[index] }))
            }, update: mean(updates), memory: memory, link: link.line, perMessage: link.perMessage,
            spread: mean(spreads), early: (whole.overlaps ?? meansHosts) ? network.earlyGradients : [])
        let hosts = communicator.hostMembers.map(\.count)
        return Result(
            network: steps.name ?? ModelText.text(of: configuration.model), batchSize: batchSize,
            instructionSet: steps.kernels.instructionSet.rawValue, model: model, hosts: hosts,
            aloneMicroseconds: alone?.median ?? 0, measuredMicroseconds: whole.median,
            predicted: model.predict(hosts: hosts))
    }

    private struct StepTimes {
        /// Microseconds.
        let median, optimizer: Double
        /// What is posted, summed and taken.
        let moving: Double
        /// Half of the distance of the 16th and the 84th percentile, as a share of the median: the standard deviation of what is
        /// normal, without the rare steps that the system holds up.
        let spread: Double
        /// Whether gradients travelled during the backward pass; nil where they could not.
        let overlaps: Bool?
    }

    /// `exchangesGradients`: as between hosts. Steps for about `seconds`, at least 20, after some that warm up.
    private func time(
        _ configuration: TrainingConfiguration, _ network: Network, _ data: ImageDataset,
        exchangesGradients: Bool = false,
        _ communicator: borrowing Communicator
    ) throws -> StepTimes {
        var trainer = try steps.trainer(
            configuration, network, data, exchangesGradients: exchangesGradients, communicator)
        let length = RunLength(configuration, sampleCount: data.train.count)
        let batchesPerEpoch = data.train.count / length.batchSize
        var order = EpochOrder(
            indices: (0..<Int32(data.train.count)).map { $0 }, seed: configuration.seed, epoch: 0,
            batchSize: length.batchSize, order: configuration.data.order)
        let recorder = trainer.recorder
        var (epoch, index) = (0, 0)
        func step() throws -> Double {
            if index == batchesPerEpoch { (epoch, index) = (epoch + 1, 0) }
            if index == 0 { order.prepare(epoch: UInt64(epoch)) }
            let begin = PhaseClock.now()
            // The rate has no effect on the time, and 0 keeps all finite.
            _ = try trainer.step(order, index: index, learningRate: 0)
            index += 1
            return Double(PhaseClock.now() - begin) * 1e-3
        }
        let warmUp = try (0..<10).map { _ in try step() }
        while !trainer.reducer.isSettled { _ = try step() }
        // All workers take as many steps as worker 0 thinks right.
        let count = try communicator.broadcast(
            min(max(Int(seconds * 1e6 / max(warmUp.sorted()[5], 1)), 20), 20_000), root: 0)
        recorder.reset()
        let times = try (0..<count).map { _ in try step() }.sorted()
        let phases = recorder.times
        func microseconds(_ phase: Phase) -> Double { Double(phases[phase]) * 1e-3 / Double(count) }
        return StepTimes(
            median: times[times.count / 2], optimizer: microseconds(.optimizer),
            moving: [.post, .reduction, .publish].reduce(0) { $0 + microseconds($1) },
            spread: (times[count * 84 / 100] - times[count * 16 / 100]) / (2 * times[count / 2]),
            overlaps: trainer.reducer.overlaps)
    }

    /// The reduction among a host's workers.
    private func memoryCost(_ host: borrowing Communicator) throws -> CostLine {
        guard host.size > 1 else { return CostLine(latency: 0, perByte: 0) }
        let benchmark = ReductionBenchmark(grainCount: 2 * host.size, repetitions: 31, kernels: steps.kernels)
        let points = try [1 << 12, 1 << 16, 1 << 18, 1 << 20].map { count in
            (
                bytes: Double(count) * 4,
                microseconds: try benchmark.time(parameters: count, .tree, host).microseconds
            )
        }
        return CostLine(fitting: points)
    }

    private func linkCost(_ communicator: borrowing Communicator) throws -> (line: CostLine, perMessage: Double) {
        func median(_ floatCount: Int, messages: Int = 1, times: Int) throws -> Double {
            let all = try communicator.timeOfExchange(
                floatCount: floatCount, messageCount: messages, repetitions: times)
            return all.isEmpty ? 0 : all.sorted()[all.count / 2]
        }
        guard communicator.hostMembers.count > 1 else { return (CostLine(latency: 0, perByte: 0), 0) }
        // A link may take the first hundred kilobytes faster than it goes on, so large messages say what it carries.
        let latency = try median(64, times: 101)
        let points = try [(1 << 18, 11), (1 << 19, 11), (1 << 20, 7), (1 << 21, 5)].map { count, times in
            (bytes: Double(count) * 4, microseconds: try median(count, times: times))
        }
        let many = try median(64, messages: 17, times: 101)
        return (CostLine(latency: latency, fitting: points), max((many - latency) / 16, 0))
    }
}
