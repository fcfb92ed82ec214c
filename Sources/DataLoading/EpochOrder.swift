import Randomness

/// In which order an epoch visits its samples, keyed by (seed, sampleOrder, epoch). It is global: every worker has the same
/// order and reads its own grains' places in it.
///
/// `SampleOrder.full` is `shuffle` of the indices. With blocks, runs of consecutive indices follow each other as
/// `permutation` of subject 1 says; then the positions of each window, so many blocks on end, are shuffled by subject
/// 2 + window. The last window may be smaller, and the block that the indices end with.
package struct EpochOrder: Sendable {
    package let batchSize: Int
    package private(set) var epoch: UInt64
    /// A sample's index at each position of the epoch.
    package private(set) var samples: [Int32]
    /// In the order in which they are read; empty for one shuffle of all.
    package private(set) var blocks: [Block] = []
    private let indices: [Int32]
    private let seed: UInt64
    private let order: SampleOrder

    package struct Block: Sendable, Equatable {
        /// Of its first sample, before its window is shuffled.
        package let position: Int
        /// All positions where its samples may be.
        package let window: Range<Int>
        /// From the least index to the greatest.
        package let indices: ClosedRange<Int32>
    }

    package init(indices: [Int32], seed: UInt64, epoch: UInt64, batchSize: Int, order: SampleOrder = .full) {
        precondition(batchSize > 0, "EpochOrder: batch size \(batchSize) is not positive")
        self.batchSize = batchSize
        self.epoch = epoch
        self.indices = indices
        self.seed = seed
        self.order = order
        samples = [Int32](repeating: 0, count: indices.count)
        prepare(epoch: epoch)
    }

    /// Makes the order of another epoch, in the same memory unless somebody holds a copy of `samples`. It depends on nothing that was before.
    package mutating func prepare(epoch: UInt64) {
        self.epoch = epoch
        switch order {
        case .full:
            samples.withUnsafeMutableBufferPointer { _ = $0.update(fromContentsOf: indices) }
            let random = random(0)
            shuffle(&samples, random: random)
        case .blocks(let size, let window): arrange(size, window)
        }
    }

    private func random(_ subject: UInt64) -> KeyedRandom {
        KeyedRandom(seed: seed, purpose: .sampleOrder, epoch: epoch, subject: subject)
    }

    private mutating func arrange(_ size: Int, _ window: Int) {
        blocks.removeAll(keepingCapacity: true)
        let order = permutation(count: (indices.count + size - 1) / size, random: random(1))
        func places(_ block: Int32) -> Range<Int> { Int(block) * size..<min((Int(block) + 1) * size, indices.count) }
        var end = 0
        for (number, first) in stride(from: 0, to: order.count, by: window).enumerated() {
            let members = order[first..<min(first + window, order.count)]
            let positions = end..<members.reduce(end) { $0 + places($1).count }
            for block in members {
                let own = indices[places(block)]
                samples.replaceSubrange(end..<end + own.count, with: own)
                blocks.append(
                    Block(position: end, window: positions, indices: own[own.startIndex]...own[own.endIndex - 1]))
                end += own.count
            }
            let random = random(2 + UInt64(number))
            samples.withUnsafeMutableBufferPointer {
                shuffle(UnsafeMutableBufferPointer(rebasing: $0[positions]), random: random)
            }
        }
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
