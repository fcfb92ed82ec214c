import KernelContract

/// What one worker's part of a batch took, measured.
package struct WorkerSpeed: BitwiseCopyable {
    /// Of its own forward and backward pass; nobody's time, 0, where it has no sample.
    package var secondsPerSample: Double
    /// Seconds for its parameters in a batch, and what part of all parameters' cost they are.
    package var sliceSeconds, share: Double
    /// Seconds of a batch in which it waited and exchanged.
    package var exchangeSeconds: Double
    /// Seconds of a batch.
    package var batchSeconds: Double

    package init(
        secondsPerSample: Double, sliceSeconds: Double, share: Double, exchangeSeconds: Double, batchSeconds: Double
    ) {
        self.secondsPerSample = secondsPerSample
        (self.sliceSeconds, self.share) = (sliceSeconds, share)
        self.exchangeSeconds = exchangeSeconds
        self.batchSeconds = batchSeconds
    }
}

/// What a batch takes under another division, by what was measured under the even one: the slowest worker's grains, the slowest
/// worker's parameters, and between hosts what the busiest host sends.
package struct WorkModel {
    private let partition: GrainPartition
    private let hosts: [Range<Int>]
    private let grainSeconds: [Double]
    /// By worker, what part of all parameters' cost it does in a second.
    private let sliceSpeeds: [Double]
    /// Seconds for as many bytes as the parameters have; 0 where nothing depends on the grains.
    private let linkSeconds: Double
    private let even: WorkDivision

    /// What is to be gained for work to be divided anew.
    package static let leastGain = 1.05

    package struct Choice {
        package let division: WorkDivision
        /// By the model: how many times as fast as the even division.
        package let gain: Double
    }

    /// - Parameters:
    ///   - partition: Of a full batch.
    ///   - hosts: Their workers.
    ///   - sendsSubtrees: Whether hosts send each other the sums of whole subtrees.
    package init(_ partition: GrainPartition, workers: [WorkerSpeed], hosts: [Range<Int>], sendsSubtrees: Bool) {
        func known(_ values: [Double]) -> [Double] {
            let measured = values.filter { $0 > 0 && $0.isFinite }
            let mean = measured.isEmpty ? 1 : measured.reduce(0, +) / Double(measured.count)
            return values.map { $0 > 0 && $0.isFinite ? $0 : mean }
        }
        self.partition = partition
        self.hosts = hosts
        even = .even(workers.count)
        grainSeconds = known(workers.map { $0.secondsPerSample * Double(partition.grainSize) })
        sliceSpeeds = known(workers.map { $0.share / $0.sliceSeconds })
        // Who comes last waits for nobody: what it spends is the way of the messages.
        let exchange = workers.map(\.exchangeSeconds).min() ?? 0
        linkSeconds =
            sendsSubtrees && hosts.count > 1
            ? exchange / Self.payload(even, partition.grainCount, hosts) : 0
    }

    /// Seconds of a full batch.
    package func seconds(_ division: WorkDivision) -> Double {
        let runs = division.grains.runs(grainCount: partition.grainCount)
        let total = division.shares.reduce(0, +)
        let grains = zip(runs, grainSeconds).reduce(0) { max($0, Double($1.0.count) * $1.1) }
        let slices = zip(division.shares, sliceSpeeds).reduce(0) { max($0, $1.0 / total / $1.1) }
        let link = linkSeconds > 0 ? linkSeconds * Self.payload(division, partition.grainCount, hosts) : 0
        return grains + slices + link
    }

    /// The even division, unless another is faster by `leastGain`.
    ///
    /// A host whose grains are many small subtrees sends each of them, so hosts' grains may begin at multiples of a power of two.
    package func best() -> Choice {
        let evenSeconds = seconds(even)
        guard partition.grainCount >= grainSeconds.count else { return Choice(division: even, gain: 1) }
        let units = linkSeconds > 0 ? (0..<Int.bitWidth).map { 1 << $0 }.prefix { $0 < partition.grainCount } : [1]
        var best = (division: even, seconds: evenSeconds)
        for unit in units {
            let grains = GrainDivision(costs: grainSeconds, groups: hosts, unit: unit)
            for shares in [sliceSpeeds, even.shares] {
                let division = WorkDivision(grains: grains, shares: shares)
                let seconds = seconds(division)
                if seconds < best.seconds { best = (division, seconds) }
            }
        }
        let gain = evenSeconds / best.seconds
        return gain >= Self.leastGain ? Choice(division: best.division, gain: gain) : Choice(division: even, gain: 1)
    }

    /// What the busiest host sends, in parameters: its subtrees for the others' slices, its slice to each of them.
    private static func payload(_ division: WorkDivision, _ grainCount: Int, _ hosts: [Range<Int>]) -> Double {
        let runs = division.grains.runs(grainCount: grainCount)
        let total = division.shares.reduce(0, +)
        return hosts.reduce(0) { most, members in
            let run = runs[members.lowerBound].lowerBound..<runs[members.upperBound - 1].upperBound
            let subtrees = Double(CanonicalTree.maximalNodes(in: run, grainCount: grainCount).count)
            let share = division.shares[members].reduce(0, +) / total
            return max(most, subtrees * (1 - share) + share * Double(hosts.count - 1))
        }
    }
}
