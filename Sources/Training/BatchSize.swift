/// Samples of one batch over all workers.
package enum BatchSize: Hashable, Sendable {
    case samples(Int)
    /// The whole training set: full-batch gradient descent.
    case all

    package func count(of sampleCount: Int) -> Int {
        switch self {
        case .samples(let count): count
        case .all: max(sampleCount, 1)
        }
    }
}

extension BatchSize: LosslessStringConvertible, ExpressibleByIntegerLiteral {
    package init?(_ description: String) {
        if description == "all" {
            self = .all
        } else {
            guard let count = Int(description) else { return nil }
            self = .samples(count)
        }
    }

    package init(integerLiteral value: Int) { self = .samples(value) }

    package var description: String {
        switch self {
        case .samples(let count): "\(count)"
        case .all: "all"
        }
    }
}

/// How long a run is: samples are trained in batches, and each step updates by one batch or by several.
package struct RunLength: Hashable, Sendable {
    package let sampleCount: Int
    package let batchSize: Int
    /// Batches whose gradients one step adds, at most those of an epoch.
    package let accumulation: Int
    /// Of the whole run.
    package let stepCount: Int

    package init(_ configuration: TrainingConfiguration, sampleCount: Int) {
        self.sampleCount = sampleCount
        batchSize = configuration.batchSize.count(of: sampleCount)
        let batchesPerEpoch = Self.quotient(sampleCount, batchSize)
        accumulation = min(configuration.accumulation, max(batchesPerEpoch, 1))
        let perEpoch = Self.quotient(batchesPerEpoch, accumulation)
        stepCount = min(configuration.steps ?? .max, configuration.epochs * perEpoch)
    }

    package var batchesPerEpoch: Int { Self.quotient(sampleCount, batchSize) }
    /// The last step of an epoch may have fewer batches, and the last batch fewer samples.
    package var stepsPerEpoch: Int { Self.quotient(batchesPerEpoch, accumulation) }
    /// Samples of a full step.
    package var stepSampleCount: Int { batchSize * accumulation }

    /// The batches of a step, both counted from the epoch's begin.
    package func batches(ofStep step: Int) -> Range<Int> {
        step * accumulation..<min((step + 1) * accumulation, batchesPerEpoch)
    }

    /// The positions of a batch in the epoch's order.
    package func positions(ofBatch batch: Int) -> Range<Int> {
        min(batch * batchSize, sampleCount)..<min((batch + 1) * batchSize, sampleCount)
    }

    /// Of a step's first sample in the epoch's order.
    package func position(ofStep step: Int) -> Int { positions(ofBatch: batches(ofStep: step).lowerBound).lowerBound }

    private static func quotient(_ count: Int, _ size: Int) -> Int { (count + size - 1) / size }
}
