/// The lower triangle L of a symmetric positive definite matrix A = L Lᵀ, row by row.
///
/// Each element is one sum over k in the fixed order of `dot`, so a leading block has the bits of its own
/// factorization.
package struct Cholesky: Sendable {
    package let count: Int
    /// Row-major with `count` columns; what lies above the diagonal is not used.
    private var rows: [Double]

    /// - Parameter matrix: Row-major; its lower triangle is used. Nil where it is not positive definite.
    package init?(_ matrix: [Double], count: Int) {
        precondition(matrix.count == count * count, "Cholesky: \(matrix.count) numbers for \(count) rows")
        self.count = count
        rows = matrix
        let isDefinite = rows.withUnsafeMutableBufferPointer { rows in
            for i in 0..<count {
                let row = rows.baseAddress! + i * count
                for j in 0..<i {
                    let other = UnsafePointer(rows.baseAddress! + j * count)
                    row[j] = (row[j] - dot(UnsafePointer(row), other, j)) / other[j]
                }
                let square = row[i] - dot(UnsafePointer(row), UnsafePointer(row), i)
                guard square > 0 && square.isFinite else { return false }
                row[i] = square.squareRoot()
            }
            return true
        }
        guard isDefinite else { return nil }
    }

    package subscript(row: Int, column: Int) -> Double { rows[row * count + column] }

    /// Replaces b by L⁻¹ b. A shorter b is solved with the leading block.
    package func solveLower(_ b: inout [Double]) {
        precondition(b.count <= count, "Cholesky: \(b.count) numbers for \(count) rows")
        let size = b.count
        rows.withUnsafeBufferPointer { rows in
            b.withUnsafeMutableBufferPointer { b in
                guard let b = b.baseAddress else { return }
                for i in 0..<size {
                    let row = rows.baseAddress! + i * count
                    b[i] = (b[i] - dot(row, UnsafePointer(b), i)) / row[i]
                }
            }
        }
    }

    /// Replaces b by L⁻ᵀ b. A shorter b is solved with the leading block.
    package func solveUpper(_ b: inout [Double]) {
        precondition(b.count <= count, "Cholesky: \(b.count) numbers for \(count) rows")
        let size = b.count
        rows.withUnsafeBufferPointer { rows in
            b.withUnsafeMutableBufferPointer { b in
                for i in stride(from: size - 1, through: 0, by: -1) {
                    let row = rows.baseAddress! + i * count
                    let x = b[i] / row[i]
                    b[i] = x
                    for j in 0..<i { b[j] -= row[j] * x }
                }
            }
        }
    }

    /// Half of ln det A.
    package func halfLogDeterminant(_ logarithm: (Double) -> Double) -> Double {
        (0..<count).reduce(0) { $0 + logarithm(self[$1, $1]) }
    }

    /// The lower triangle of A⁻¹, row-major with `count` columns.
    package func inverse() -> [Double] {
        // Row i of U is column i of L⁻¹ from its diagonal on.
        var upper = [Double](repeating: 0, count: count * count)
        var inverse = [Double](repeating: 0, count: count * count)
        rows.withUnsafeBufferPointer { rows in
            upper.withUnsafeMutableBufferPointer { upper in
                for i in 0..<count {
                    let x = upper.baseAddress! + i * count
                    x[i] = 1 / rows[i * count + i]
                    for k in (i + 1)..<max(count, i + 1) {
                        let row = rows.baseAddress! + k * count
                        x[k] = -dot(row + i, UnsafePointer(x + i), k - i) / row[k]
                    }
                }
                for i in 0..<count {
                    for j in 0...i {
                        let start = upper.baseAddress! + i
                        inverse[i * count + j] = dot(
                            UnsafePointer(start + i * count), UnsafePointer(start + j * count), count - i)
                    }
                }
            }
        }
        return inverse
    }
}

/// Σ a[k] b[k]: eight strided sums, joined 4-2-1, and the rest in order; the same on every machine.
@inline(__always)
func dot(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int) -> Double {
    var sums = SIMD8<Double>()
    var k = 0
    while k + 8 <= count {
        let x = UnsafeRawPointer(a + k).loadUnaligned(as: SIMD8<Double>.self)
        let y = UnsafeRawPointer(b + k).loadUnaligned(as: SIMD8<Double>.self)
        sums += x * y
        k += 8
    }
    let four = sums.lowHalf + sums.highHalf
    let two = four.lowHalf + four.highHalf
    var sum = two[0] + two[1]
    while k < count {
        sum += a[k] * b[k]
        k += 1
    }
    return sum
}
