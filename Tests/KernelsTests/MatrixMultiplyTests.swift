import KernelContract
import Kernels
import Testing

@Suite("Matrix product equals its slow twin")
struct MatrixMultiplyTests {
    /// 0, 1, around the heights 2, 4, 6, 8, 12 and widths 16, 32 of the register tiles, and several tiles.
    static let heights = [0, 1, 2, 3, 5, 6, 7, 11, 12, 13, 16, 23, 24, 25, 31, 40]
    static let widths = [0, 1, 10, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 97]
    static let depths = [0, 1, 2, 7, 33]

    @Test("every form, size, stride and start", arguments: variants.map(\.instructionSet), MatrixProductForm.allCases)
    func table(instructionSet: InstructionSet, form: MatrixProductForm) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        for m in Self.heights {
            for n in Self.widths {
                for k in Self.depths {
                    compare(kernels, form, m: m, n: n, k: k, padding: (m + n + k) % 3 * 5, accumulates: k % 2 == 1)
                    compare(kernels, form, m: m, n: n, k: k, padding: 3, accumulates: k % 2 == 0)
                }
            }
        }
    }

    @Test("depths beyond a packed panel, and more edge rows than one pass", arguments: variants.map(\.instructionSet))
    func large(instructionSet: InstructionSet) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        for form in MatrixProductForm.allCases {
            compare(kernels, form, m: 13, n: 43, k: 1_100, padding: 1, accumulates: true)
            compare(kernels, form, m: 13, n: 43, k: 1_024, padding: 0, accumulates: false)
            compare(kernels, form, m: 2_060, n: 5, k: 9, padding: 0, accumulates: true)
        }
    }

    /// Around KC = 512 and MC (180 rows of 512, fewer of AVX2's tiles), the last panel 32, 16 and fewer columns wide, with
    /// and without a next panel to copy; all with n · k of half a million at least, in copies of both operands.
    static let blocked: [(m: Int, n: Int, k: Int)] = [
        (24, 1_040, 512), (25, 1_025, 513), (40, 131, 4_100), (181, 1_055, 520), (200, 1_039, 1_030), (372, 129, 4_096),
    ]

    @Test(
        "cache blocks", arguments: variants.map(\.instructionSet),
        MatrixProductForm.allCases.flatMap { form in
            blocked.map { (form, $0) }
        })
    func blocks(instructionSet: InstructionSet, product: (MatrixProductForm, (m: Int, n: Int, k: Int))) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        let (form, size) = product
        compare(
            kernels, form, m: size.m, n: size.n, k: size.k, padding: size.k % 2 == 0 ? 0 : 3,
            accumulates: size.m % 2 == 1)
    }

    @Test(
        "a panel transposed in registers: every depth, and fewer columns than a block",
        arguments: variants.map(\.instructionSet))
    func transposed(instructionSet: InstructionSet) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        for k in 1...41 {
            for n in [15, 16, 31, 32, 33, 50] {
                compare(kernels, .nt, m: 3, n: n, k: k, padding: k % 2, accumulates: false)
            }
        }
    }

    @Test("a sum of zeros is +0", arguments: variants.map(\.instructionSet))
    func negativeZero(instructionSet: InstructionSet) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        let zeros = [Float](repeating: -0.0, count: 64)
        for k in [0, 1] {
            let c = MatrixProduct.run(
                kernels, .nn, m: 4, n: 16, k: k, padding: 0, accumulates: true, a: [Float](repeating: 1, count: 4),
                b: zeros, c: zeros)
            #expect(bits(c) == [UInt32](repeating: 0, count: 64))
        }
    }

    private func compare(
        _ kernels: any KernelSet, _ form: MatrixProductForm, m: Int, n: Int, k: Int, padding: Int, accumulates: Bool
    ) {
        let a = randomValues(max(1, (form == .tn ? k * (m + padding) : m * (k + padding))), seed: 1)
        let b = randomValues(max(1, (form == .nt ? n * (k + padding) : k * (n + padding))), seed: 2)
        // Where C is not read it is full of NaN; its padding must stay as it was.
        let count = max(1, m * (n + padding))
        let c = accumulates ? randomValues(count, seed: 3) : [Float](repeating: .nan, count: count)
        let expected = MatrixProduct.run(
            reference, form, m: m, n: n, k: k, padding: padding, accumulates: accumulates, a: a, b: b, c: c)
        let actual = MatrixProduct.run(
            kernels, form, m: m, n: n, k: k, padding: padding, accumulates: accumulates, a: a, b: b, c: c)
        #expect(
            bits(actual) == bits(expected),
            "\(kernels.instructionSet) \(form) m \(m) n \(n) k \(k) padding \(padding) accumulates \(accumulates)")
    }
}
