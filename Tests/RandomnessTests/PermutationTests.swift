import Randomness
import Testing

struct PermutationTests {
    @Test(arguments: [0, 1, 2, 3, 17, 60_000])
    func isAPermutation(_ count: Int) {
        let order = permutation(count: count, random: KeyedRandom(seed: 7, purpose: .sampleOrder, epoch: 3))
        #expect(order.sorted() == (0..<count).map(Int32.init))
    }

    /// Computed by a separate implementation. Every run's order of samples hangs on these values: if this test fails, the code is wrong, not the test.
    @Test func valuesArePinned() {
        let small = permutation(count: 12, random: KeyedRandom(seed: 7, purpose: .sampleOrder, epoch: 1))
        #expect(small == [4, 8, 5, 10, 2, 7, 1, 9, 6, 0, 11, 3])
        let large = permutation(count: 60_000, random: KeyedRandom(seed: 7, purpose: .sampleOrder, epoch: 1))
        #expect(Array(large.prefix(6)) == [56175, 54271, 12930, 6824, 37105, 50210])
        #expect(Array(large.suffix(6)) == [16007, 5179, 43168, 1997, 19985, 19840])
    }

    /// The documented shuffle, word by word, on elements other than 0, 1, 2, …
    @Test func shuffleIsAsDocumented() {
        let random = KeyedRandom(seed: 11, purpose: .validationSplit)
        let start = (0..<100).map { Int32($0 * 3 - 50) }
        var shuffled = start
        shuffle(&shuffled, random: random)
        var expected = start
        var sequence = RandomSequence(random)
        for index in stride(from: 99, to: 0, by: -1) {
            let other = Int(sequence.next(below: UInt32(index + 1)))
            (expected[index], expected[other]) = (expected[other], expected[index])
        }
        #expect(shuffled == expected)
        #expect(shuffled == permutation(count: 100, random: random).map { start[Int($0)] })
    }

    /// All 24 orders of four elements over 24,000 seeds: 1,000 each, standard deviation 31.
    @Test func everyOrderIsEquallyLikely() {
        var counts: [[Int32]: Int] = [:]
        for seed in UInt64(0)..<24_000 {
            counts[permutation(count: 4, random: KeyedRandom(seed: seed, purpose: .synthetic)), default: 0] += 1
        }
        #expect(counts.count == 24)
        #expect(counts.values.allSatisfy { abs($0 - 1_000) < 160 })
    }

    @Test func epochsAndSeedsDiffer() {
        let orders = Set(
            (UInt64(0)..<10).flatMap { number in
                [
                    permutation(count: 50, random: KeyedRandom(seed: 1, purpose: .sampleOrder, epoch: number + 1)),
                    permutation(count: 50, random: KeyedRandom(seed: number + 2, purpose: .sampleOrder, epoch: 1)),
                ]
            })
        #expect(orders.count == 20)
    }
}
