/// What random words are drawn for. Streams of different purposes never share a counter.
///
/// The raw values are part of every result: never change or reuse one. They lie in 0...255.
package enum RandomPurpose: UInt32, Sendable, CaseIterable {
    case initialWeights = 1
    case sampleOrder = 2
    case validationSplit = 3
    case dropout = 4
    case augmentation = 5
    case mixup = 6
    case search = 7
    case synthetic = 8
    case verification = 9
    /// Of a report's forest.
    case importance = 10
}

/// One stream of random words, keyed by (seed, purpose, epoch, subject): a value without state.
///
/// The word at `position` depends on the five numbers alone, so any worker computes any word by itself. The seed is
/// the key of Philox (low word first); the counter holds the rest, each in bits of its own, so that two streams never
/// meet:
///
/// | counter word | bits 0...31 |
/// | --- | --- |
/// | 0 | block, low 32 bits, with block = position / 4 |
/// | 1 | block, high 16 bits; then subject, high 8 bits; then purpose, 8 bits |
/// | 2 | subject, low 32 bits |
/// | 3 | epoch |
///
/// Ranges: epoch < 2³², subject < 2⁴⁰, position < 2⁵⁰; beyond them is a caller's bug and traps. The word at `position`
/// is lane `position % 4` of its block.
package struct KeyedRandom: Sendable, Equatable {
    package static let epochLimit: UInt64 = 1 << 32
    package static let subjectLimit: UInt64 = 1 << 40
    package static let positionLimit: UInt64 = 1 << 50

    package let key: SIMD2<UInt32>
    /// The counter of block 0.
    package let origin: SIMD4<UInt32>

    /// `subject` is what the stream belongs to: a layer, a parameter, a sample.
    package init(seed: UInt64, purpose: RandomPurpose, epoch: UInt64 = 0, subject: UInt64 = 0) {
        precondition(epoch < Self.epochLimit, "KeyedRandom: epoch \(epoch) is not below 2^32")
        precondition(subject < Self.subjectLimit, "KeyedRandom: subject \(subject) is not below 2^40")
        key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
        origin = SIMD4(
            0, purpose.rawValue << 24 | UInt32(subject >> 32) << 16, UInt32(truncatingIfNeeded: subject), UInt32(epoch))
    }

    /// The words at positions `4 · index ..< 4 · index + 4`.
    package func block(_ index: UInt64) -> SIMD4<UInt32> {
        precondition(index < Self.positionLimit / 4, "KeyedRandom: block \(index) is not below 2^48")
        var counter = origin
        counter[0] = UInt32(truncatingIfNeeded: index)
        counter[1] |= UInt32(index >> 32)
        return Philox4x32.block(counter: counter, key: key)
    }

    package func word(at position: UInt64) -> UInt32 {
        block(position / 4)[Int(position % 4)]
    }

    /// Uniform in [0, 1): the top 24 bits of the word at `position`, times 2⁻²⁴. Exact.
    package func uniformFloat(at position: UInt64) -> Float {
        Self.uniformFloat(word(at: position))
    }

    /// Uniform in [0, 1): the top 53 bits of the words at `2 · position` (high) and `2 · position + 1` (low), times
    /// 2⁻⁵³. Exact. Doubles share the words of the stream: read a stream as doubles or as words, not both.
    package func uniformDouble(at position: UInt64) -> Double {
        precondition(position < Self.positionLimit / 2, "KeyedRandom: position \(position) is not below 2^49")
        let words = block(position / 2)
        let lane = Int(position % 2) * 2
        return Double((UInt64(words[lane]) << 32 | UInt64(words[lane + 1])) >> 11) * 0x1p-53
    }

    /// The float in [0, 1) that `uniformFloat(at:)` makes of one word.
    package static func uniformFloat(_ word: UInt32) -> Float {
        Float(word >> 8) * 0x1p-24
    }
}
