import KernelContract

/// The slow twin of softmax as a layer, for Float and Double alike.
extension Reference {
    /// For each row `y[j] = p[j] / s`, `p[j] = exp(x[j] − greatest)`, `s = laneSum(p)`.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func softmax<Scalar: ReferenceScalar>(
        rowCount: Int, columnCount: Int, x: UnsafePointer<Scalar>, y: UnsafeMutablePointer<Scalar>
    ) {
        for r in 0..<rowCount {
            let row = (0..<columnCount).map { x[r * columnCount + $0] }
            let greatest = row[prediction(row)]
            let powers = row.map { Scalar.exponential($0 - greatest) }
            let sum = laneSum(powers)
            for j in 0..<columnCount { y[r * columnCount + j] = powers[j] / sum }
        }
    }

    /// From the output: `dx[j] = y[j] · (dy[j] − s)`, with `s` the 16 lanes of `fma(dy[j], y[j], sum)`, then 8-4-2-1.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func softmaxGradient<Scalar: ReferenceScalar>(
        rowCount: Int, columnCount: Int, y: UnsafePointer<Scalar>, dy: UnsafePointer<Scalar>,
        dx: UnsafeMutablePointer<Scalar>
    ) {
        for r in 0..<rowCount {
            let start = r * columnCount
            let row = (0..<columnCount).map { y[start + $0] }
            let gradients = (0..<columnCount).map { dy[start + $0] }
            let sum = laneSum(gradients, times: row)
            for j in 0..<columnCount { dx[start + j] = row[j] * (gradients[j] - sum) }
        }
    }
}
