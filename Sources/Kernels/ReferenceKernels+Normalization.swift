import KernelContract

extension ReferenceKernels {
    package func centredSquareSums(
        _ rows: ColumnRows, mean: UnsafePointer<Float>, sums: UnsafeMutablePointer<Float>,
        workspace: UnsafeMutablePointer<Float>
    ) {
        sumColumns(rows, to: sums) { _, j, x, sum in sum.addingProduct(x - mean[j], x - mean[j]) }
    }

    package func normalizedProductSums(
        _ rows: ColumnRows, dy: UnsafePointer<Float>, _ statistics: ColumnStatistics,
        sums: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>
    ) {
        sumColumns(rows, to: sums) { r, j, x, sum in
            sum.addingProduct(
                dy[r * rows.columnCount + j], (x - statistics.mean[j]) * statistics.inverseDeviation[j])
        }
    }

    package func rowNormalizedProductSums(
        _ rows: ColumnRows, dy: UnsafePointer<Float>, statistics: UnsafePointer<Float>,
        sums: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>
    ) {
        sumColumns(rows, to: sums) { r, j, x, sum in
            sum.addingProduct(dy[r * rows.columnCount + j], (x - statistics[2 * r]) * statistics[2 * r + 1])
        }
    }

    private func sumColumns(
        _ rows: ColumnRows, to sums: UnsafeMutablePointer<Float>,
        _ chain: (_ row: Int, _ column: Int, _ x: Float, _ sum: Float) -> Float
    ) {
        let partition = GrainPartition(sampleCount: rows.rowCount, grainSize: rows.grainSize)
        for j in 0..<rows.columnCount {
            let grains = (0..<partition.grainCount).map { grain in
                partition.samples(of: grain..<grain + 1).reduce(Float(0)) {
                    chain($1, j, rows.x[$1 * rows.columnCount + j], $0)
                } + 0
            }
            sums[j] = CanonicalTree.sum(grains, zero: 0, +)
        }
    }

    package func normalizeColumns(
        _ rows: ColumnRows, _ statistics: ColumnStatistics, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>,
        to y: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<rows.rowCount * rows.columnCount {
            let j = i % rows.columnCount
            let normalized = (rows.x[i] - statistics.mean[j]) * statistics.inverseDeviation[j]
            y[i] = shift[j].addingProduct(normalized, scale[j])
        }
    }

    package func normalizeColumnsGradient(
        _ rows: ColumnRows, dy: UnsafePointer<Float>, _ statistics: ColumnStatistics, scale: UnsafePointer<Float>,
        meanGradient: UnsafePointer<Float>, meanProduct: UnsafePointer<Float>, to dx: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<rows.rowCount * rows.columnCount {
            let j = i % rows.columnCount
            let inverse = statistics.inverseDeviation[j]
            let normalized = (rows.x[i] - statistics.mean[j]) * inverse
            dx[i] = (scale[j] * inverse) * (dy[i] - meanGradient[j]).addingProduct(-normalized, meanProduct[j])
        }
    }

    package func divide(_ values: UnsafeMutablePointer<Float>, count: Int, by divisor: Float) {
        for i in 0..<count { values[i] /= divisor }
    }

    package func inverseDeviations(
        _ variances: UnsafePointer<Float>, count: Int, epsilon: Float, to result: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count { result[i] = 1 / (variances[i] + epsilon).squareRoot() }
    }

    package func normalizeRows(
        rowCount: Int, columnCount: Int, x: UnsafePointer<Float>, scale: UnsafePointer<Float>,
        shift: UnsafePointer<Float>, epsilon: Float, to y: UnsafeMutablePointer<Float>,
        statistics: UnsafeMutablePointer<Float>
    ) {
        let n = Float(columnCount)
        for r in 0..<rowCount {
            let row = x + r * columnCount
            let mean = Reference.laneSum((0..<columnCount).map { row[$0] }) / n
            let squares = Reference.laneChain(count: columnCount) { $1.addingProduct(row[$0] - mean, row[$0] - mean) }
            let inverse = 1 / (squares / n + epsilon).squareRoot()
            for j in 0..<columnCount {
                y[r * columnCount + j] = shift[j].addingProduct((row[j] - mean) * inverse, scale[j])
            }
            statistics[2 * r] = mean
            statistics[2 * r + 1] = inverse
        }
    }

    package func normalizeRowsGradient(
        rowCount: Int, columnCount: Int, x: UnsafePointer<Float>, dy: UnsafePointer<Float>,
        scale: UnsafePointer<Float>, statistics: UnsafePointer<Float>, to dx: UnsafeMutablePointer<Float>
    ) {
        let n = Float(columnCount)
        for r in 0..<rowCount {
            let (mean, inverse) = (statistics[2 * r], statistics[2 * r + 1])
            let normalized = (0..<columnCount).map { (x[r * columnCount + $0] - mean) * inverse }
            let g = (0..<columnCount).map { dy[r * columnCount + $0] * scale[$0] }
            let a = Reference.laneSum(g) / n
            let b = Reference.laneChain(count: columnCount) { $1.addingProduct(g[$0], normalized[$0]) } / n
            for j in 0..<columnCount {
                dx[r * columnCount + j] = inverse * (g[j] - a).addingProduct(-normalized[j], b)
            }
        }
    }

    package func softmaxRows(
        rowCount: Int, columnCount: Int, x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>
    ) {
        for r in 0..<rowCount where columnCount > 0 {
            let row = (0..<columnCount).map { x[r * columnCount + $0] }
            var greatest = row[0]
            for value in row where value > greatest { greatest = value }
            let powers = row.map { ReferenceMath.exponential($0 - greatest) }
            let sum = Reference.laneSum(powers)
            for j in 0..<columnCount { y[r * columnCount + j] = powers[j] / sum }
        }
    }

    package func softmaxRowsGradient(
        rowCount: Int, columnCount: Int, y: UnsafePointer<Float>, dy: UnsafePointer<Float>,
        to dx: UnsafeMutablePointer<Float>
    ) {
        for r in 0..<rowCount {
            let (y, dy) = (y + r * columnCount, dy + r * columnCount)
            let s = Reference.laneChain(count: columnCount) { $1.addingProduct(y[$0], dy[$0]) }
            for j in 0..<columnCount { dx[r * columnCount + j] = y[j] * (dy[j] - s) }
        }
    }

    package func addElements(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int, to sum: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count { sum[i] = a[i] + b[i] }
    }
}

extension Reference {
    /// A sum along a row: 16 strided lanes that `chain` continues with the element at an index, then the fixed tree.
    static func laneChain(count: Int, _ chain: (_ index: Int, _ lane: Float) -> Float) -> Float {
        var lanes = [Float](repeating: 0, count: 16)
        for j in 0..<count { lanes[j % 16] = chain(j, lanes[j % 16]) }
        return laneSum(lanes)
    }
}
