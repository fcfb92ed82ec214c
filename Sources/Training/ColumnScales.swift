import DataLoading

/// Means and 1 / standard deviations of columns of floats, which `(x − mean) · scale` brings to mean 0 and deviation 1.
struct ColumnScales {
    let means: [Float]
    /// 1 where a column never changes, so that it becomes 0.
    let scales: [Float]

    /// Chains in Double in the order of rows: the mean first, then centred squares, divided by their number.
    init(_ values: UnsafePointer<Float>, columnCount: Int, rows: [Int32]) {
        precondition(!rows.isEmpty, "ColumnScales: no row")
        var sums = [Double](repeating: 0, count: columnCount)
        var least = [Float](repeating: .infinity, count: columnCount)
        var greatest = [Float](repeating: -.infinity, count: columnCount)
        for row in rows {
            let row = values + Int(row) * columnCount
            for column in 0..<columnCount {
                let value = row[column]
                sums[column] += Double(value)
                least[column] = min(least[column], value)
                greatest[column] = max(greatest[column], value)
            }
        }
        let means = sums.map { $0 / Double(rows.count) }
        var squares = [Double](repeating: 0, count: columnCount)
        for row in rows {
            let row = values + Int(row) * columnCount
            for column in 0..<columnCount {
                let difference = Double(row[column]) - means[column]
                squares[column] += difference * difference
            }
        }
        self.means = means.map { Float($0) }
        scales = (0..<columnCount).map { column in
            let scale = Float(1 / (squares[column] / Double(rows.count)).squareRoot())
            // Rounding of the mean alone can leave a constant column a deviation.
            return least[column] == greatest[column] || !scale.isFinite ? 1 : scale
        }
    }
}
