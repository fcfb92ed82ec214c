import Randomness
import Testing

struct KeyedRandomTests {
    @Test func rawValuesOfPurposesAreFixed() {
        let expected: [(RandomPurpose, UInt32)] = [
            (.initialWeights, 1), (.sampleOrder, 2), (.validationSplit, 3), (.dropout, 4), (.augmentation, 5),
            (.mixup, 6), (.search, 7), (.synthetic, 8), (.verification, 9), (.importance, 10),
        ]
        #expect(expected.count == RandomPurpose.allCases.count)
        for (purpose, rawValue) in expected { #expect(purpose.rawValue == rawValue) }
    }

    /// The documented packing, written out by hand for one stream with every field in use.
    @Test func packingIsAsDocumented() {
        let random = KeyedRandom(
            seed: 0x0123_4567_89ab_cdef, purpose: .mixup, epoch: 0xfedc_ba98, subject: 0xab_1234_5678)
        let block: UInt64 = 0xcafe_8765_4321
        let expected = Philox4x32.block(
            counter: SIMD4(0x8765_4321, 0x06ab_cafe, 0x1234_5678, 0xfedc_ba98), key: SIMD2(0x89ab_cdef, 0x0123_4567))
        #expect(random.block(block) == expected)
        for lane in 0..<4 { #expect(random.word(at: block * 4 + UInt64(lane)) == expected[lane]) }
    }

    /// Streams that differ in one number only, at the edges of its range, differ in their counter or key.
    @Test func streamsAreDistinct() {
        var streams: [KeyedRandom] = []
        for purpose in RandomPurpose.allCases { streams.append(KeyedRandom(seed: 0, purpose: purpose)) }
        for shift in 0..<64 { streams.append(KeyedRandom(seed: 1 << shift, purpose: .search)) }
        for shift in 0..<32 { streams.append(KeyedRandom(seed: 0, purpose: .search, epoch: 1 << shift)) }
        for shift in 0..<40 { streams.append(KeyedRandom(seed: 0, purpose: .search, subject: 1 << shift)) }
        let blocks: [UInt64] = [0, 1, 1 << 31, 1 << 32, 1 << 47]
        let words = Set(streams.flatMap { stream in blocks.map { stream.block($0) } })
        #expect(words.count == streams.count * blocks.count)
    }

    @Test func limitsAreAccepted() {
        let random = KeyedRandom(
            seed: .max, purpose: .synthetic, epoch: KeyedRandom.epochLimit - 1, subject: KeyedRandom.subjectLimit - 1)
        #expect(random.word(at: KeyedRandom.positionLimit - 1) == random.block(KeyedRandom.positionLimit / 4 - 1)[3])
        #expect(random.uniformDouble(at: KeyedRandom.positionLimit / 2 - 1) < 1)
    }

    @Test func beyondTheLimitsTraps() async {
        await #expect(processExitsWith: .failure) {
            _ = KeyedRandom(seed: 0, purpose: .search, epoch: KeyedRandom.epochLimit)
        }
        await #expect(processExitsWith: .failure) {
            _ = KeyedRandom(seed: 0, purpose: .search, subject: KeyedRandom.subjectLimit)
        }
        await #expect(processExitsWith: .failure) {
            _ = KeyedRandom(seed: 0, purpose: .search).word(at: KeyedRandom.positionLimit)
        }
        await #expect(processExitsWith: .failure) {
            _ = KeyedRandom(seed: 0, purpose: .search).uniformDouble(at: KeyedRandom.positionLimit / 2)
        }
    }

    @Test func uniformValuesAreTheTopBits() {
        let random = KeyedRandom(seed: 7, purpose: .initialWeights, subject: 3)
        for position in UInt64(0)..<1_000 {
            let float = random.uniformFloat(at: position)
            #expect(float * 16_777_216 == Float(random.word(at: position) >> 8))
            #expect(float >= 0 && float < 1)
            let double = random.uniformDouble(at: position)
            let (high, low) = (random.word(at: 2 * position), random.word(at: 2 * position + 1))
            #expect(double * 9_007_199_254_740_992 == Double(UInt64(high) << 21 | UInt64(low) >> 11))
            #expect(double >= 0 && double < 1)
        }
        #expect(KeyedRandom.uniformFloat(.max) == Float(1).nextDown)
        #expect(KeyedRandom.uniformFloat(0) == 0)
    }

    /// Mean of 40,000 uniform values: standard deviation 0.29 / 200; five of them are allowed.
    @Test func uniformValuesHaveTheRightMean() {
        let random = KeyedRandom(seed: 1, purpose: .synthetic)
        let count: UInt64 = 40_000
        var (floats, doubles) = (0.0, 0.0)
        for position in 0..<count {
            floats += Double(random.uniformFloat(at: position))
            doubles += random.uniformDouble(at: position)
        }
        #expect(abs(floats / Double(count) - 0.5) < 0.0073)
        #expect(abs(doubles / Double(count) - 0.5) < 0.0073)
    }
}
