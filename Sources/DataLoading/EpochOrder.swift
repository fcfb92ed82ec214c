import Randomness

/// In which order an epoch visits its samples: `shuffle` of the indices, keyed by (seed, sampleOrder, epoch). It is
/// global: every worker has the same order and reads its own grains' places in it.
package struct EpochOrder: Sendable {
    package let batchSize: Int
    package private(set) var epoch: UInt64
    /// A sample's index at each position of the epoch.
    package private(set) var samples: [Int32]
    private let indices: [Int32]
    private let seed: UInt64

    package init(indices: [Int32], seed: UInt64, epoch: UInt64, batchSize: Int) {
        precondition(batchSize > 0, "EpochOrder: batch size \(batchSize) is not positive")
        self.batchSize = batchSize
        self.epoch = epoch
        self.indices = indices
        self.seed = seed
        samples = [Int32](repeating: 0, count: indices.count)
        prepare(epoch: epoch)
    }

    /// Makes the order of another epoch, in the same memory unless somebody holds a copy of `samples`. It depends on nothing that was before.
    package mutating func prepare(epoch: UInt64) {
        self.epoch = epoch
        samples.withUnsafeMutableBufferPointer { _ = $0.update(fromContentsOf: indices) }
        shuffle(&samples, random: KeyedRandom(seed: seed, purpose: .sampleOrder, epoch: epoch))
    }

    /// Steps of an epoch; the last batch may be short.
    package var stepCount: Int { (samples.count + batchSize - 1) / batchSize }

    /// The positions of the batch that step `step` of the epoch trains on.
    package func positions(ofStep step: Int) -> Range<Int> {
        precondition(step >= 0 && step < stepCount, "EpochOrder: step \(step) is outside 0..<\(stepCount)")
        return step * batchSize..<min((step + 1) * batchSize, samples.count)
    }

    /// The samples of that batch, in order; its first index is the position in the epoch.
    package func batch(_ step: Int) -> ArraySlice<Int32> { samples[positions(ofStep: step)] }
}
