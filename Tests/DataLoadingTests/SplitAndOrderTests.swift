import DataLoading
import Errors
import Randomness
import Testing

struct SplitAndOrderTests {
    @Test(arguments: [
        (60_000, 0.2, 12_000), (60_000, 0, 0), (100, 0.29, 29), (100, 0.57, 57), (7, 0.5, 3), (10, 0.999, 9),
        (1, 0.9, 0),
        (0, 0.5, 0), (3, 0.3333, 0), (10, 0.1.nextDown, 1), (60_000, 1.0.nextDown, 59_999),
    ])
    func splitDividesAllSamples(_ count: Int, _ fraction: Double, _ validationCount: Int) throws {
        let split = try ValidationSplit(count: count, fraction: fraction, seed: 5)
        #expect(split.validation.count == validationCount)
        #expect((split.train + split.validation).sorted() == (0..<count).map(Int32.init))
        #expect(split.train == split.train.sorted())
        #expect(split.validation == split.validation.sorted())
        let order = permutation(count: count, random: KeyedRandom(seed: 5, purpose: .validationSplit))
        #expect(split.validation == order.prefix(validationCount).sorted())
    }

    @Test func splitDependsOnItsSeed() throws {
        let splits = try (UInt64(0)..<5).map { try ValidationSplit(count: 1_000, fraction: 0.1, seed: $0) }
        #expect(Set(splits.map(\.validation)).count == 5)
        #expect(try ValidationSplit(count: 1_000, fraction: 0.1, seed: 3) == splits[3])
    }

    @Test(arguments: [-0.1, 1, 1.5, .nan, .infinity, -.infinity])
    func impossibleFractions(_ fraction: Double) {
        let failure = #expect(throws: Failure.self) { try ValidationSplit(count: 10, fraction: fraction, seed: 0) }
        #expect(failure?.kind == .usage)
    }

    @Test(arguments: [(1_000, 64), (1_000, 1), (1_000, 1_000), (1_000, 5_000), (61, 61), (1, 8), (0, 8)])
    func batchesCoverTheEpoch(_ count: Int, _ batchSize: Int) {
        let indices = (0..<count).map { Int32($0 * 3 + 1) }
        let order = EpochOrder(indices: indices, seed: 7, epoch: 2, batchSize: batchSize)
        let random = KeyedRandom(seed: 7, purpose: .sampleOrder, epoch: 2)
        let expected = permutation(count: count, random: random).map { indices[Int($0)] }
        #expect(order.samples == expected)
        #expect((0..<order.stepCount).flatMap { Array(order.batch($0)) } == expected)
        for step in 0..<order.stepCount {
            #expect(order.batch(step).startIndex == step * batchSize)
            #expect(order.batch(step).count == (step + 1 < order.stepCount ? batchSize : count - step * batchSize))
        }
    }

    /// An epoch's order does not depend on the epochs before it, and takes no new memory.
    @Test func epochsAreMadeInPlace() {
        let indices = (0..<5_000).map { Int32($0) }
        var order = EpochOrder(indices: indices, seed: 7, epoch: 0, batchSize: 64)
        var seen: Set<[Int32]> = []
        let address = order.samples.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
        for epoch in [UInt64(1), 2, 3, 100] {
            order.prepare(epoch: epoch)
            #expect(order.epoch == epoch)
            #expect(order.samples.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) } == address)
            #expect(order.samples == EpochOrder(indices: indices, seed: 7, epoch: epoch, batchSize: 64).samples)
            seen.insert(order.samples.map { $0 })
        }
        #expect(seen.count == 4)
        order.prepare(epoch: 2)
        #expect(seen.contains(order.samples))
    }
}
