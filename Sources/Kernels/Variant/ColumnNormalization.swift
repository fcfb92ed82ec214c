import KernelContract

/// Sums over rows, column by column, along the canonical tree: a chain in registers for each grain, then a stack in the
/// workspace that is merged as a binary counter carries (as in `WeightGradient`).
private struct ColumnTree {
    let rows: ColumnRows
    let stack: UnsafeMutablePointer<Float>

    private var grainCount: Int { (rows.rowCount + rows.grainSize - 1) / rows.grainSize }

    private func samples(_ grain: Int) -> Range<Int> {
        grain * rows.grainSize..<min((grain + 1) * rows.grainSize, rows.rowCount)
    }

    /// `vector` and `scalar` continue a chain with the term at `row` and `column`.
    @inline(__always)
    func run(
        to sums: UnsafeMutablePointer<Float>, vector: (_ row: Int, _ column: Int, _ sum: Vector) -> Vector,
        scalar: (_ row: Int, _ column: Int, _ sum: Float) -> Float
    ) {
        guard rows.rowCount > 0 else { return sums.update(repeating: 0, count: rows.columnCount) }
        var column = 0
        while column + 64 <= rows.columnCount {
            quadruple(column, sums + column, vector)
            column += 64
        }
        while column + 16 <= rows.columnCount {
            single(column, sums + column, vector)
            column += 16
        }
        while column < rows.columnCount {
            sums[column] = tail(column, scalar)
            column += 1
        }
    }

    /// Four chains side by side hide the latency of the additions.
    @inline(__always)
    private func quadruple(
        _ column: Int, _ sums: UnsafeMutablePointer<Float>, _ vector: (Int, Int, Vector) -> Vector
    ) {
        let count = grainCount
        var depth = 0
        for grain in 0..<count {
            var a = constant(0)
            var b = constant(0)
            var c = constant(0)
            var d = constant(0)
            for row in samples(grain) {
                a = vector(row, column, a)
                b = vector(row, column + 16, b)
                c = vector(row, column + 32, c)
                d = vector(row, column + 48, d)
            }
            let isLast = grain == count - 1
            for _ in 0..<(isLast ? depth : (grain + 1).trailingZeroBitCount) {
                depth -= 1
                let lower = stack + depth * 64
                a = load(lower) + a
                b = load(lower + 16) + b
                c = load(lower + 32) + c
                d = load(lower + 48) + d
            }
            let target = isLast ? sums : stack + depth * 64
            // Ends the chains where it counts: see `WeightGradient`.
            let zero = constant(0)
            store(isLast ? a + zero : a, target)
            store(isLast ? b + zero : b, target + 16)
            store(isLast ? c + zero : c, target + 32)
            store(isLast ? d + zero : d, target + 48)
            depth += 1
        }
    }

    @inline(__always)
    private func single(
        _ column: Int, _ sums: UnsafeMutablePointer<Float>, _ vector: (Int, Int, Vector) -> Vector
    ) {
        let count = grainCount
        var depth = 0
        for grain in 0..<count {
            var sum = constant(0)
            for row in samples(grain) { sum = vector(row, column, sum) }
            let isLast = grain == count - 1
            for _ in 0..<(isLast ? depth : (grain + 1).trailingZeroBitCount) {
                depth -= 1
                sum = load(stack + depth * 16) + sum
            }
            if isLast { store(sum + constant(0), sums) } else { store(sum, stack + depth * 16) }
            depth += 1
        }
    }

    @inline(__always)
    private func tail(_ column: Int, _ scalar: (Int, Int, Float) -> Float) -> Float {
        let count = grainCount
        var depth = 0
        var sum: Float = 0
        for grain in 0..<count {
            sum = 0
            for row in samples(grain) { sum = scalar(row, column, sum) }
            for _ in 0..<(grain == count - 1 ? depth : (grain + 1).trailingZeroBitCount) {
                depth -= 1
                sum = stack[depth] + sum
            }
            stack[depth] = sum
            depth += 1
        }
        return sum + 0
    }
}

extension VariantKernels {
    @inline(never)
    package func centredSquareSums(
        _ rows: ColumnRows, mean: UnsafePointer<Float>, sums: UnsafeMutablePointer<Float>,
        workspace: UnsafeMutablePointer<Float>
    ) {
        let (x, count) = (rows.x, rows.columnCount)
        ColumnTree(rows: rows, stack: workspace).run(to: sums) { row, column, sum in
            let difference = load(x + (row * count + column)) - load(mean + column)
            return sum.addingProduct(difference, difference)
        } scalar: { row, column, sum in
            let difference = x[row * count + column] - mean[column]
            return sum.addingProduct(difference, difference)
        }
    }

    @inline(never)
    package func normalizedProductSums(
        _ rows: ColumnRows, dy: UnsafePointer<Float>, _ statistics: ColumnStatistics,
        sums: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>
    ) {
        let (x, count, mean, inverse) = (rows.x, rows.columnCount, statistics.mean, statistics.inverseDeviation)
        ColumnTree(rows: rows, stack: workspace).run(to: sums) { row, column, sum in
            let at = row * count + column
            return sum.addingProduct(load(dy + at), (load(x + at) - load(mean + column)) * load(inverse + column))
        } scalar: { row, column, sum in
            let at = row * count + column
            return sum.addingProduct(dy[at], (x[at] - mean[column]) * inverse[column])
        }
    }

    @inline(never)
    package func rowNormalizedProductSums(
        _ rows: ColumnRows, dy: UnsafePointer<Float>, statistics: UnsafePointer<Float>,
        sums: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>
    ) {
        let (x, count) = (rows.x, rows.columnCount)
        ColumnTree(rows: rows, stack: workspace).run(to: sums) { row, column, sum in
            let at = row * count + column
            let normalized = (load(x + at) - constant(statistics[2 * row])) * constant(statistics[2 * row + 1])
            return sum.addingProduct(load(dy + at), normalized)
        } scalar: { row, column, sum in
            let at = row * count + column
            return sum.addingProduct(dy[at], (x[at] - statistics[2 * row]) * statistics[2 * row + 1])
        }
    }

    @inline(never)
    package func normalizeColumns(
        _ rows: ColumnRows, _ statistics: ColumnStatistics, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>,
        to y: UnsafeMutablePointer<Float>
    ) {
        let (mean, inverse, count) = (statistics.mean, statistics.inverseDeviation, rows.columnCount)
        for row in 0..<rows.rowCount {
            let (x, y) = (rows.x + row * count, y + row * count)
            var j = 0
            while j + 16 <= count {
                let normalized = (load(x + j) - load(mean + j)) * load(inverse + j)
                store(load(shift + j).addingProduct(normalized, load(scale + j)), y + j)
                j += 16
            }
            while j < count {
                y[j] = shift[j].addingProduct((x[j] - mean[j]) * inverse[j], scale[j])
                j += 1
            }
        }
    }

    @inline(never)
    package func normalizeColumnsGradient(
        _ rows: ColumnRows, dy: UnsafePointer<Float>, _ statistics: ColumnStatistics, scale: UnsafePointer<Float>,
        meanGradient: UnsafePointer<Float>, meanProduct: UnsafePointer<Float>, to dx: UnsafeMutablePointer<Float>
    ) {
        let (mean, inverse, count) = (statistics.mean, statistics.inverseDeviation, rows.columnCount)
        for row in 0..<rows.rowCount {
            let (x, dy, dx) = (rows.x + row * count, dy + row * count, dx + row * count)
            var j = 0
            while j + 16 <= count {
                let deviation = load(inverse + j)
                let normalized = (load(x + j) - load(mean + j)) * deviation
                let centred = load(dy + j) - load(meanGradient + j)
                let rest = centred.addingProduct(negated(normalized), load(meanProduct + j))
                store((load(scale + j) * deviation) * rest, dx + j)
                j += 16
            }
            while j < count {
                let normalized = (x[j] - mean[j]) * inverse[j]
                let rest = (dy[j] - meanGradient[j]).addingProduct(-normalized, meanProduct[j])
                dx[j] = (scale[j] * inverse[j]) * rest
                j += 1
            }
        }
    }

    @inline(never)
    package func divide(_ values: UnsafeMutablePointer<Float>, count: Int, by divisor: Float) {
        for i in 0..<count { values[i] /= divisor }
    }

    @inline(never)
    package func inverseDeviations(
        _ variances: UnsafePointer<Float>, count: Int, epsilon: Float, to result: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count { result[i] = 1 / (variances[i] + epsilon).squareRoot() }
    }
}
