import Randomness
import Testing

struct RandomSequenceTests {
    let random = KeyedRandom(seed: 99, purpose: .search, epoch: 4, subject: 5)

    @Test func wordsAreThoseOfTheStream() {
        var sequence = RandomSequence(random)
        for position in UInt64(0)..<101 {
            #expect(sequence.position == position)
            #expect(sequence.next() == random.word(at: position))
        }
    }

    /// The definition, without Lemire's shortcut: skip a word whose low product is below 2³² mod bound.
    private func definition(below bound: UInt32, position: inout UInt64) -> UInt32 {
        while true {
            let product = UInt64(random.word(at: position)) * UInt64(bound)
            position += 1
            if product % (1 << 32) >= (1 << 32) % UInt64(bound) { return UInt32(product >> 32) }
        }
    }

    /// 0xC000_0000 and 0x8000_0001 skip a third and half of the words.
    @Test(arguments: [1, 2, 3, 10, 60_000, 0x8000_0000, 0x8000_0001, 0xC000_0000, .max] as [UInt32])
    func boundedWordsFollowTheDefinition(_ bound: UInt32) {
        var sequence = RandomSequence(random)
        var position: UInt64 = 0
        for _ in 0..<500 {
            let value = sequence.next(below: bound)
            #expect(value < bound)
            #expect(value == definition(below: bound, position: &position))
            #expect(sequence.position == position)
        }
        if bound == 0x8000_0001 { #expect(position > 800) }
    }

    /// With 3 · 2³⁰ values, a biased draw takes those divisible by three twice as often as the others.
    @Test func boundedWordsAreUnbiased() {
        var sequence = RandomSequence(random)
        var counts = [0, 0, 0]
        for _ in 0..<30_000 { counts[Int(sequence.next(below: 0xC000_0000) % 3)] += 1 }
        for count in counts { #expect(abs(count - 10_000) < 500) }
    }

    @Test func boundOfZeroTraps() async {
        await #expect(processExitsWith: .failure) {
            var sequence = RandomSequence(KeyedRandom(seed: 0, purpose: .search))
            _ = sequence.next(below: 0)
        }
    }
}
