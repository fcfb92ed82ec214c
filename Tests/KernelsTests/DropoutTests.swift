import KernelContract
import Kernels
import Randomness
import Testing

@Suite("Dropout masks")
struct DropoutTests {
    private static let threshold: UInt32 = 3_355_444

    private static func mask(_ kernels: any KernelSet, _ random: KeyedRandom, at position: UInt64, count: Int)
        -> [Float]
    {
        var mask = [Float](repeating: 7, count: count + 1)
        kernels.dropoutMask(
            DropoutStream(key: random.key, origin: random.origin), position: position, count: count,
            threshold: threshold, scale: 1.25, to: &mask)
        return mask
    }

    @Test(
        "every element is the keyed stream's, wherever a worker begins",
        arguments: KernelSelection.available.map(\.instructionSet))
    func keyed(instructionSet: InstructionSet) throws {
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        // The last position crosses block 2³², whose upper bits enter the second counter word.
        for (subject, position) in [(3, 0), (3, 1), (1 << 35, 2), (3, 3), (3, 4), (9, 1_005), (3, 4 << 32 - 37)] {
            let random = KeyedRandom(
                seed: 0x1234_5678_9ABC_DEF0, purpose: .dropout, epoch: 7, subject: UInt64(subject))
            for count in [0, 1, 2, 3, 4, 5, 8, 15, 16, 17, 63, 64, 65, 67, 300] {
                let expected = (0..<count).map { i in
                    random.uniformFloat(at: UInt64(position + i)) >= 0.2 ? Float(1.25) : 0
                }
                #expect(
                    Self.mask(kernels, random, at: UInt64(position), count: count) == expected + [7],
                    "position \(position), count \(count)")
            }
        }
    }

    @Test("as many are dropped as asked for")
    func share() {
        let count = 200_000
        let random = KeyedRandom(seed: 1, purpose: .dropout, epoch: 1, subject: 2)
        let kernels: any KernelSet = variants.first ?? reference
        let dropped = Self.mask(kernels, random, at: 0, count: count).filter { $0 == 0 }.count
        // Five standard deviations of a binomial count.
        #expect(abs(Double(dropped) - 0.2 * Double(count)) < 5 * (0.16 * Double(count)).squareRoot())
    }

    @Test("products with the mask", arguments: variants.map(\.instructionSet))
    func products(instructionSet: InstructionSet) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        for count in ElementwiseTests.counts {
            let special: [Float] = [.infinity, -0.0, 0x1p-149]
            let x = Array((special + randomValues(count, seed: 50)).prefix(count))
            let factors = randomValues(count, seed: 51)
            var y = [Float](repeating: 7, count: count + 1)
            kernels.multiplyElements(x, by: factors, count: count, to: &y)
            let expected = zip(x, factors).map { $0 * $1 } + [7]
            #expect(zip(y, expected).allSatisfy { $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN })
        }
    }
}
