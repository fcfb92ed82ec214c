/// Rows of features that are normalised column by column: `[rowCount, columnCount]`, contiguous.
///
/// Sums over rows go along the canonical tree over grains of `grainSize` rows counted from the first; the last may be
/// short. A grain's chain begins at 0 and is ended by `+ 0.0`.
package struct ColumnRows {
    package var rowCount: Int
    package var columnCount: Int
    package var grainSize: Int
    package var x: UnsafePointer<Float>

    package init(rowCount: Int, columnCount: Int, grainSize: Int, x: UnsafePointer<Float>) {
        self.rowCount = rowCount
        self.columnCount = columnCount
        self.grainSize = grainSize
        self.x = x
    }
}

/// What normalises a column: `x̂ = (x − mean) · inverseDeviation`, each `[columnCount]`.
package struct ColumnStatistics {
    package var mean: UnsafePointer<Float>
    package var inverseDeviation: UnsafePointer<Float>

    package init(mean: UnsafePointer<Float>, inverseDeviation: UnsafePointer<Float>) {
        self.mean = mean
        self.inverseDeviation = inverseDeviation
    }
}

/// Batch norm, layer norm and softmax. Every formula is written in the order in which it is rounded; fma is one fused
/// multiply-add. Sums over columns of `[rowCount, columnCount]` are those of `ColumnRows`; sums along a row use 16
/// strided lanes and the fixed tree 8-4-2-1.
package protocol NormalizationKernels {
    // MARK: Column by column

    /// `sums[j]` = tree of the chain `fma(x − mean[j], x − mean[j], sum)`. `workspace`: `KernelWorkspace.floatCount`.
    func centredSquareSums(
        _ rows: ColumnRows, mean: UnsafePointer<Float>, sums: UnsafeMutablePointer<Float>,
        workspace: UnsafeMutablePointer<Float>)

    /// `sums[j]` = tree of the chain `fma(dy, x̂, sum)`. `workspace`: `KernelWorkspace.floatCount`.
    func normalizedProductSums(
        _ rows: ColumnRows, dy: UnsafePointer<Float>, _ statistics: ColumnStatistics,
        sums: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>)

    /// `y = fma(x̂, scale[j], shift[j])`
    func normalizeColumns(
        _ rows: ColumnRows, _ statistics: ColumnStatistics, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>,
        to y: UnsafeMutablePointer<Float>)

    /// `dx = (scale[j] · inverseDeviation[j]) · fma(−x̂, meanProduct[j], dy − meanGradient[j])`. `dx` may be `dy`.
    func normalizeColumnsGradient(
        _ rows: ColumnRows, dy: UnsafePointer<Float>, _ statistics: ColumnStatistics, scale: UnsafePointer<Float>,
        meanGradient: UnsafePointer<Float>, meanProduct: UnsafePointer<Float>, to dx: UnsafeMutablePointer<Float>)

    /// `values[i] = values[i] / divisor`
    func divide(_ values: UnsafeMutablePointer<Float>, count: Int, by divisor: Float)

    /// `result[i] = 1 / √(variances[i] + epsilon)`. `result` may be `variances`.
    func inverseDeviations(
        _ variances: UnsafePointer<Float>, count: Int, epsilon: Float, to result: UnsafeMutablePointer<Float>)

    // MARK: Row by row

    /// Layer norm. Of each row: `mean = Σ x / n`, `variance = Σ fma(x − mean, x − mean, lane) / n`,
    /// `inverse = 1 / √(variance + epsilon)`, `y[j] = fma((x − mean) · inverse, scale[j], shift[j])`.
    ///
    /// `statistics[r]` are mean and inverse: `[rowCount, 2]`.
    func normalizeRows(
        rowCount: Int, columnCount: Int, x: UnsafePointer<Float>, scale: UnsafePointer<Float>,
        shift: UnsafePointer<Float>, epsilon: Float, to y: UnsafeMutablePointer<Float>,
        statistics: UnsafeMutablePointer<Float>)

    /// With `g = dy · scale[j]`, `a = Σ g / n`, `b = Σ fma(g, x̂, lane) / n`: `dx = inverse · fma(−x̂, b, g − a)`.
    /// `dx` may be `dy`.
    func normalizeRowsGradient(
        rowCount: Int, columnCount: Int, x: UnsafePointer<Float>, dy: UnsafePointer<Float>,
        scale: UnsafePointer<Float>, statistics: UnsafePointer<Float>, to dx: UnsafeMutablePointer<Float>)

    /// `sums[j]` = tree of the chain `fma(dy, x̂, sum)`, with each row's own statistics.
    func rowNormalizedProductSums(
        _ rows: ColumnRows, dy: UnsafePointer<Float>, statistics: UnsafePointer<Float>,
        sums: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>)

    /// `y[j] = p[j] / Σ p`, with `p[j] = e^(x[j] − greatest)`. `y` may be `x`.
    func softmaxRows(rowCount: Int, columnCount: Int, x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>)

    /// `dx[j] = y[j] · (dy[j] − s)`, with `s = Σ fma(y, dy, lane)`. `dx` may be `dy`.
    func softmaxRowsGradient(
        rowCount: Int, columnCount: Int, y: UnsafePointer<Float>, dy: UnsafePointer<Float>,
        to dx: UnsafeMutablePointer<Float>)

    /// `sum[i] = a[i] + b[i]`. `sum` may be one of them.
    func addElements(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int, to sum: UnsafeMutablePointer<Float>)
}
