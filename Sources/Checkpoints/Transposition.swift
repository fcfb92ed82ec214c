// Dense weights lie in memory as [in, out] and in PyTorch's layout as [out, in], both row-major.

/// Rows and columns of a block: 16 floats are one cache line.
let transpositionBlock = 16

/// A copy of the row-major matrix `source: [rows, columns]` as `[columns, rows]`.
/// With the extents exchanged it is its own inverse.
package func transposed(_ source: Span<Float>, rows: Int, columns: Int) -> [Float] {
    var result = [Float](repeating: 0, count: source.count)
    for first in stride(from: 0, to: columns, by: transpositionBlock) {
        let strip = first..<min(first + transpositionBlock, columns)
        transpose(source, rows: rows, columns: columns, strip: strip, into: &result, at: first * rows)
    }
    return result
}

package func transposed(_ source: [Float], rows: Int, columns: Int) -> [Float] {
    transposed(source.span, rows: rows, columns: columns)
}

/// Writes the columns `strip` of `source: [rows, columns]` as rows, `[strip.count, rows]`, to `target` from `offset` on.
func transpose(
    _ source: Span<Float>, rows: Int, columns: Int, strip: Range<Int>, into target: inout [Float], at offset: Int
) {
    precondition(
        rows >= 0 && columns >= 0 && source.count == rows * columns,
        "transpose: \(source.count) floats for [\(rows), \(columns)]")
    for firstRow in stride(from: 0, to: rows, by: transpositionBlock) {
        let block = firstRow..<min(firstRow + transpositionBlock, rows)
        for column in strip {
            let line = offset + (column - strip.lowerBound) * rows
            for row in block { target[line + row] = source[row * columns + column] }
        }
    }
}
