import KernelContract
import Kernels
import Testing

/// Rows and columns with grains of `grainSize` rows.
struct NormalizationCase: Sendable, CustomTestStringConvertible {
    let rowCount: Int
    let columnCount: Int
    let grainSize: Int

    var testDescription: String { "\(rowCount)/\(grainSize) × \(columnCount)" }
    var count: Int { rowCount * columnCount }

    /// Columns around the vector's 16 and four of them, no row, one row, short last grains, many grains.
    static let table =
        [1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 80, 100, 129].flatMap { columns in
            [(0, 8), (1, 8), (7, 3), (16, 8), (37, 4), (70, 1)].map {
                NormalizationCase(rowCount: $0.0, columnCount: columns, grainSize: $0.1)
            }
        } + [NormalizationCase(rowCount: 3_001, columnCount: 3, grainSize: 2)]
}

/// Every method of `NormalizationKernels` on one case; the results in turn. Operands lie at `offset` floats from an
/// array's aligned begin.
private struct NormalizationRun {
    let test: NormalizationCase
    var offset = 0
    /// Put into x and dy.
    var special: [Float] = []

    private func operand(_ count: Int, seed: UInt64, isPositive: Bool = false) -> [Float] {
        let values = randomValues(count, seed: seed, zeros: !isPositive)
        return [Float](repeating: 3, count: offset) + (isPositive ? values.map(\.magnitude) : values)
    }

    private func inputs(seed: UInt64) -> [Float] {
        var values = operand(test.count, seed: seed)
        for (index, value) in special.enumerated() where index * 5 < test.count { values[offset + index * 5] = value }
        return values
    }

    func results(_ kernels: any KernelSet) -> [[UInt32]] {
        let workspace = Workspace()
        let (rowCount, columnCount) = (test.rowCount, test.columnCount)
        let (x, dy) = (inputs(seed: 70), inputs(seed: 71))
        let mean = operand(columnCount, seed: 72)
        let inverse = operand(columnCount, seed: 73, isPositive: true)
        let (scale, shift) = (operand(columnCount, seed: 74), operand(columnCount, seed: 75))
        let (meanGradient, meanProduct) = (operand(columnCount, seed: 76), operand(columnCount, seed: 77))
        let rowStatistics = operand(2 * rowCount, seed: 78)
        var found: [[UInt32]] = []
        /// `body` writes `count` floats, of which it first sees those of `start`; what lies around them must stay.
        func result(_ count: Int, from start: [Float]? = nil, _ body: (UnsafeMutablePointer<Float>) -> Void) {
            var values = [Float](repeating: 7, count: offset + count + 16)
            if let start { values.replaceSubrange(offset..<offset + count, with: start[offset...]) }
            values.withUnsafeMutableBufferPointer { body($0.baseAddress! + offset) }
            found.append(bits(values))
        }
        func at(_ values: [Float], _ body: (UnsafePointer<Float>) -> Void) {
            values.withUnsafeBufferPointer { body($0.baseAddress! + offset) }
        }
        x.withUnsafeBufferPointer { x in
            dy.withUnsafeBufferPointer { dy in
                mean.withUnsafeBufferPointer { mean in
                    inverse.withUnsafeBufferPointer { inverse in
                        let (x, dy) = (x.baseAddress! + offset, dy.baseAddress! + offset)
                        let rows = ColumnRows(
                            rowCount: rowCount, columnCount: columnCount, grainSize: test.grainSize, x: x)
                        let statistics = ColumnStatistics(
                            mean: mean.baseAddress! + offset, inverseDeviation: inverse.baseAddress! + offset)
                        result(columnCount) {
                            kernels.centredSquareSums(
                                rows, mean: statistics.mean, sums: $0, workspace: workspace.base)
                        }
                        result(columnCount) {
                            kernels.normalizedProductSums(
                                rows, dy: dy, statistics, sums: $0, workspace: workspace.base)
                        }
                        at(rowStatistics) { rowStatistics in
                            result(columnCount) {
                                kernels.rowNormalizedProductSums(
                                    rows, dy: dy, statistics: rowStatistics, sums: $0, workspace: workspace.base)
                            }
                        }
                        at(scale) { scale in
                            at(shift) { shift in
                                result(test.count) {
                                    kernels.normalizeColumns(rows, statistics, scale: scale, shift: shift, to: $0)
                                }
                            }
                            at(meanGradient) { meanGradient in
                                at(meanProduct) { meanProduct in
                                    result(test.count) {
                                        kernels.normalizeColumnsGradient(
                                            rows, dy: dy, statistics, scale: scale, meanGradient: meanGradient,
                                            meanProduct: meanProduct, to: $0)
                                    }
                                    // In place.
                                    result(test.count, from: self.inputs(seed: 71)) {
                                        kernels.normalizeColumnsGradient(
                                            rows, dy: UnsafePointer($0), statistics, scale: scale,
                                            meanGradient: meanGradient, meanProduct: meanProduct, to: $0)
                                    }
                                }
                            }
                        }
                    }
                }
                addRows(
                    kernels, UnsafePointer(x.baseAddress! + offset), UnsafePointer(dy.baseAddress! + offset), result)
            }
        }
        for divisor in [3, 1, 0x1p-140, 0] as [Float] {
            result(columnCount, from: mean) { kernels.divide($0, count: columnCount, by: divisor) }
        }
        result(columnCount, from: inverse) {
            kernels.inverseDeviations(UnsafePointer($0), count: columnCount, epsilon: 1e-5, to: $0)
        }
        return found
    }

    private func addRows(
        _ kernels: any KernelSet, _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
        _ result: (_ count: Int, _ start: [Float]?, _ body: (UnsafeMutablePointer<Float>) -> Void) -> Void
    ) {
        let (rowCount, columnCount, count) = (test.rowCount, test.columnCount, test.count)
        let (scale, shift) = (operand(columnCount, seed: 74), operand(columnCount, seed: 75))
        let start = inputs(seed: 71)
        var statistics = [Float](repeating: 0, count: 2 * rowCount + offset + 1)
        scale.withUnsafeBufferPointer { scale in
            let scale = scale.baseAddress! + offset
            shift.withUnsafeBufferPointer { shift in
                result(count, nil) { y in
                    statistics.withUnsafeMutableBufferPointer {
                        kernels.normalizeRows(
                            rowCount: rowCount, columnCount: columnCount, x: x, scale: scale,
                            shift: shift.baseAddress! + offset, epsilon: 1e-5, to: y,
                            statistics: $0.baseAddress! + offset)
                    }
                }
            }
            result(statistics.count - offset, statistics) { _ in }
            statistics.withUnsafeBufferPointer { statistics in
                let statistics = statistics.baseAddress! + offset
                result(count, nil) {
                    kernels.normalizeRowsGradient(
                        rowCount: rowCount, columnCount: columnCount, x: x, dy: dy, scale: scale,
                        statistics: statistics, to: $0)
                }
                result(count, start) {
                    kernels.normalizeRowsGradient(
                        rowCount: rowCount, columnCount: columnCount, x: x, dy: UnsafePointer($0), scale: scale,
                        statistics: statistics, to: $0)
                }
            }
        }
        result(count, nil) { kernels.softmaxRows(rowCount: rowCount, columnCount: columnCount, x: x, to: $0) }
        result(count, start) {
            kernels.softmaxRows(rowCount: rowCount, columnCount: columnCount, x: UnsafePointer($0), to: $0)
        }
        result(count, nil) {
            kernels.softmaxRowsGradient(rowCount: rowCount, columnCount: columnCount, y: x, dy: dy, to: $0)
        }
        result(count, start) {
            kernels.softmaxRowsGradient(
                rowCount: rowCount, columnCount: columnCount, y: x, dy: UnsafePointer($0), to: $0)
        }
        result(count, nil) { kernels.addElements(x, dy, count: count, to: $0) }
        result(count, start) { kernels.addElements(x, UnsafePointer($0), count: count, to: $0) }
    }
}

@Suite("Normalisation equals its slow twin")
struct NormalizationTests {
    private func compare(_ run: NormalizationRun) {
        let expected = run.results(reference)
        for kernels in variants {
            for (number, (found, expected)) in zip(run.results(kernels), expected).enumerated() {
                #expect(found == expected, "\(kernels.instructionSet), result \(number)")
            }
        }
    }

    @Test("all methods", arguments: NormalizationCase.table)
    func equals(test: NormalizationCase) { compare(NormalizationRun(test: test)) }

    @Test("at odd addresses", arguments: [1, 3, 7])
    func alignment(offset: Int) {
        for test in NormalizationCase.table where test.rowCount == 7 {
            compare(NormalizationRun(test: test, offset: offset))
        }
    }

    /// A NaN's sign and payload are not promised (the operands' order decides them), where it is, is.
    @Test("infinite and subnormal values, and where NaN is", arguments: [1, 17, 64, 80])
    func special(columnCount: Int) {
        let test = NormalizationCase(rowCount: 21, columnCount: columnCount, grainSize: 4)
        compare(NormalizationRun(test: test, special: [0x1p-149, -0x1p-130, 0x1p127, -0.0, -0x1p126]))
        for special in [[Float.nan], [.infinity], [-.infinity, .nan, .infinity, 1e38]] {
            let run = NormalizationRun(test: test, special: special)
            func places(_ kernels: any KernelSet) -> [[UInt32]] {
                run.results(kernels).map { $0.map { Float(bitPattern: $0).isNaN ? Float.nan.bitPattern : $0 } }
            }
            let expected = places(reference)
            #expect(expected.contains { $0.contains(Float.nan.bitPattern) })
            for kernels in variants { #expect(places(kernels) == expected, "\(kernels.instructionSet), \(special)") }
        }
    }

    @Test("a chain whose terms all round to −0 ends as +0", arguments: [1, 16, 64])
    func zeros(columnCount: Int) {
        for kernels in variants + [reference as any KernelSet] {
            let x = [Float](repeating: 0x1p-100, count: 3 * columnCount)
            let dy = [Float](repeating: -0x1p-100, count: 3 * columnCount)
            let statistics: [Float] = [0, 1, 0, 1, 0, 1]
            var sums = [Float](repeating: 7, count: columnCount)
            let workspace = Workspace()
            x.withUnsafeBufferPointer { x in
                kernels.rowNormalizedProductSums(
                    ColumnRows(rowCount: 3, columnCount: columnCount, grainSize: 2, x: x.baseAddress!), dy: dy,
                    statistics: statistics, sums: &sums, workspace: workspace.base)
            }
            #expect(bits(sums) == [UInt32](repeating: 0, count: columnCount))
        }
    }

    @Test("layer norm and softmax against Double", arguments: variants.map(\.instructionSet))
    func definition(instructionSet: InstructionSet) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        let (rows, columns) = (3, 40)
        let x = randomValues(rows * columns, seed: 80, zeros: false)
        let (ones, zeros) = ([Float](repeating: 1, count: columns), [Float](repeating: 0, count: columns))
        var (y, p, statistics) = (x, x, [Float](repeating: 0, count: 2 * rows))
        kernels.normalizeRows(
            rowCount: rows, columnCount: columns, x: x, scale: ones, shift: zeros, epsilon: 1e-5, to: &y,
            statistics: &statistics)
        kernels.softmaxRows(rowCount: rows, columnCount: columns, x: x, to: &p)
        for r in 0..<rows {
            let row = x[r * columns..<(r + 1) * columns].map(Double.init)
            let mean = row.reduce(0, +) / Double(columns)
            let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
            // Values up to 32 in sums of 40 terms: (3 + 5) roundings of each term, relative to the greatest.
            let tolerance = 16 * 0x1p-24 * 32 / (variance + 1e-5).squareRoot()
            for (j, value) in row.enumerated() {
                let exact = (value - mean) / (variance + 1e-5).squareRoot()
                #expect(abs(Double(y[r * columns + j]) - exact) <= tolerance)
            }
            #expect(abs(p[r * columns..<(r + 1) * columns].reduce(0.0) { $0 + Double($1) } - 1) <= 40 * 0x1p-24)
            #expect(p[r * columns + row.firstIndex(of: row.max()!)!] == p[r * columns..<(r + 1) * columns].max()!)
        }
    }
}
