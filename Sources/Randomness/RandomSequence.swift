/// The words of a `KeyedRandom` one after the other, from position 0.
package struct RandomSequence: Sendable {
    private let random: KeyedRandom
    private var words = SIMD4<UInt32>()
    /// The position of the word that `next()` returns.
    package private(set) var position: UInt64 = 0

    package init(_ random: KeyedRandom) { self.random = random }

    package mutating func next() -> UInt32 {
        let lane = Int(position % 4)
        if lane == 0 { words = random.block(position / 4) }
        position += 1
        return words[lane]
    }

    /// Uniform in `0..<bound`, without bias: the high word of `next() · bound`, where words whose low product is below
    /// 2³² mod `bound` are skipped (Lemire, "Fast Random Integer Generation in an Interval", 2019).
    package mutating func next(below bound: UInt32) -> UInt32 {
        precondition(bound > 0, "RandomSequence: nothing lies below 0")
        var product = next().multipliedFullWidth(by: bound)
        if product.low < bound {
            let threshold = (0 &- bound) % bound
            while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
        }
        return product.high
    }
}
