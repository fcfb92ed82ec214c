import KernelContract
import Kernels
import Testing

@Suite("Matrix product equals its slow twin")
struct MatrixMultiplyTests {
    /// 0, 1, around the heights 2, 4, 6, 8, 12 and widths 16, 32 of the register tiles, and several tiles.
    static let heights = [0, 1, 2, 3, 5, 6, 7, 11, 12, 13, 16, 23, 24, 25, 31, 40]
    static let widths = [0, 1, 10, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 97]
    static let depths = [0, 1, 2, 7, 33]

    @Test("every form, size, stride and start", arguments: MatrixProductForm.allCases)
    func table(form: MatrixProductForm) {
        for m in Self.heights {
            for n in Self.widths {
                for k in Self.depths {
                    compare(form, m: m, n: n, k: k, padding: (m + n + k) % 3 * 5, accumulates: k % 2 == 1)
                    compare(form, m: m, n: n, k: k, padding: 3, accumulates: k % 2 == 0)
                }
            }
        }
    }

    @Test("depths beyond a packed panel, and more edge rows than one pass", arguments: MatrixProductForm.allCases)
    func large(form: MatrixProductForm) {
        compare(form, m: 13, n: 43, k: 1_100, padding: 1, accumulates: true)
        compare(form, m: 13, n: 43, k: 1_024, padding: 0, accumulates: false)
        compare(form, m: 2_060, n: 5, k: 9, padding: 0, accumulates: true)
    }

    /// Around KC = 512 and MC (300 rows of 512 where L2 has 1 MiB), the last panel 32, 16 and fewer columns wide, with
    /// and without a next panel to copy; with n · k of half a million at least, or with rows that meet in few cache sets: in copies of
    /// both operands.
    static let blocked: [(m: Int, n: Int, k: Int)] = [
        (24, 1_040, 512), (25, 1_025, 513), (40, 131, 4_100), (181, 1_055, 520), (185, 511, 1_030), (372, 129, 4_096),
        (613, 1_040, 512), (130, 261, 1_024), (520, 512, 514),
    ]

    @Test("cache blocks", arguments: MatrixProductForm.allCases, blocked)
    func blocks(form: MatrixProductForm, size: (m: Int, n: Int, k: Int)) {
        compare(
            form, m: size.m, n: size.n, k: size.k, padding: size.k % 2 == 0 ? 0 : 3, accumulates: size.m % 2 == 1,
            isLarge: true)
    }

    /// Whole micro-panels of rows, and some rows short of one; columns that are no multiple of 16, and more than are
    /// turned at once; rows of B that meet in one cache set; so many rows that B would be turned again.
    @Test(
        "few rows times B transposed",
        arguments: [
            (16, 64, 64), (16, 79, 80), (31, 400, 300), (47, 170, 100), (32, 200, 64), (48, 400, 65),
            (16, 64, 1_024), (48, 208, 2_048), (63, 600, 601), (608, 992, 576),
        ])
    func fewRows(m: Int, n: Int, k: Int) {
        for padding in [0, 3] { compare(.nt, m: m, n: n, k: k, padding: padding, accumulates: false, isLarge: true) }
    }

    @Test("a panel transposed in registers: every depth, and fewer columns than a block")
    func transposed() {
        for k in 1...41 {
            for n in [15, 16, 31, 32, 33, 50] {
                compare(.nt, m: 3, n: n, k: k, padding: k % 2, accumulates: false)
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

    /// - Parameter isLarge: Whether the definition is computed row by row instead of by the slow twin.
    private func compare(
        _ form: MatrixProductForm, m: Int, n: Int, k: Int, padding: Int, accumulates: Bool,
        isLarge: Bool = false
    ) {
        let a = randomValues(max(1, (form == .tn ? k * (m + padding) : m * (k + padding))), seed: 1)
        let b = randomValues(max(1, (form == .nt ? n * (k + padding) : k * (n + padding))), seed: 2)
        // Where C is not read it is full of NaN; its padding must stay as it was.
        let count = max(1, m * (n + padding))
        let c = accumulates ? randomValues(count, seed: 3) : [Float](repeating: .nan, count: count)
        func run(_ kernels: any KernelSet) -> [Float] {
            MatrixProduct.run(
                kernels, form, m: m, n: n, k: k, padding: padding, accumulates: accumulates, a: a, b: b, c: c)
        }
        let expected = bits(
            isLarge
                ? Self.rowByRow(
                    form, m: m, n: n, k: k, padding: padding, accumulates: accumulates, a: a, b: b, c: c)
                : run(reference))
        for kernels in variants {
            // Not in the expectation itself, which would print the difference of all values.
            let isSame = bits(run(kernels)) == expected
            #expect(
                isSame,
                "\(kernels.instructionSet) \(form) m \(m) n \(n) k \(k) padding \(padding) accumulates \(accumulates)")
        }
    }

    /// The definition's chains, those of a row side by side: B is read in order.
    private static func rowByRow(
        _ form: MatrixProductForm, m: Int, n: Int, k: Int, padding: Int, accumulates: Bool, a: [Float], b: [Float],
        c: [Float]
    ) -> [Float] {
        let (aStride, bStride, cStride) = (
            (form == .tn ? m : k) + padding, (form == .nt ? k : n) + padding, n + padding
        )
        // `[k, n]`
        let rows = (0..<k).flatMap { s in (0..<n).map { form == .nt ? b[$0 * bStride + s] : b[s * bStride + $0] } }
        var c = c
        for i in 0..<m {
            var sums = accumulates ? Array(c[i * cStride..<i * cStride + n]) : [Float](repeating: 0, count: n)
            for s in 0..<k {
                let factor = form == .tn ? a[s * aStride + i] : a[i * aStride + s]
                for j in 0..<n { sums[j] = sums[j].addingProduct(factor, rows[s * n + j]) }
            }
            for j in 0..<n { c[i * cStride + j] = sums[j] + 0 }
        }
        return c
    }
}
