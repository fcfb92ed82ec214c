import KernelContract

/// How work was divided among workers, where that was measured or asked for.
package struct BalanceRecord: Codable, Sendable, Equatable {
    /// By worker, its grains of a full batch.
    package private(set) var grains: [Int]
    /// By worker, its part of the cost of updating the parameters.
    package private(set) var parameters: [Double]
    /// The step after which work was divided so; 0 for the begin.
    package private(set) var afterStep: Int
    /// By worker, what its own forward and backward passes alone would train; nil where the division was given, and for a worker
    /// that had no sample 0.
    package let samplesPerSecond: [Double]?
    /// How many times as fast as the even division the model expects it to be; 1 where that stays.
    package let predictedGain: Double?
    /// Training under the even division and under another, medians of as many windows; nil where no other was tried.
    package private(set) var evenSamplesPerSecond: Double?
    package private(set) var balancedSamplesPerSecond: Double?

    init(forced division: WorkDivision, _ trainer: borrowing Trainer) {
        self.init(division, trainer, samplesPerSecond: nil, predictedGain: nil)
    }

    init(
        _ division: WorkDivision, _ trainer: borrowing Trainer, speeds: [WorkerSpeed],
        predictedGain: Double
    ) {
        self.init(
            division, trainer,
            samplesPerSecond: speeds.map { $0.secondsPerSample > 0 ? (1 / $0.secondsPerSample).rounded() : 0 },
            predictedGain: (predictedGain * 1_000).rounded() / 1_000)
    }

    private init(
        _ division: WorkDivision, _ trainer: borrowing Trainer, samplesPerSecond: [Double]?, predictedGain: Double?
    ) {
        (grains, parameters) = Self.parts(division, trainer.fullBatch)
        afterStep = trainer.stepCount
        self.samplesPerSecond = samplesPerSecond
        self.predictedGain = predictedGain
    }

    /// With what a full batch then took.
    func verified(
        _ trainer: borrowing Trainer, evenSeconds: Double, seconds: Double
    ) -> BalanceRecord {
        var record = self
        let samples = Double(trainer.fullBatch.sampleCount)
        record.evenSamplesPerSecond = (samples / evenSeconds).rounded()
        record.balancedSamplesPerSecond = (samples / seconds).rounded()
        let parts = Self.parts(trainer.division, trainer.fullBatch)
        if parts.grains != grains || parts.shares != parameters {
            (record.grains, record.parameters, record.afterStep) = (parts.grains, parts.shares, trainer.stepCount)
        }
        return record
    }

    private static func parts(_ division: WorkDivision, _ batch: GrainPartition) -> (grains: [Int], shares: [Double]) {
        let total = division.shares.reduce(0, +)
        return (
            division.grains.runs(grainCount: batch.grainCount).map(\.count),
            division.shares.map { ($0 / total * 1_000).rounded() / 1_000 }
        )
    }
}
