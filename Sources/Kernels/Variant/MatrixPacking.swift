import CMachine
import KernelContract

/// Copies `rowCount` rows of `depth` floats, `stride` apart, to rows that are `targetStride` apart.
func packRows(
    _ source: UnsafePointer<Float>, stride: Int, rowCount: Int, depth: Int, to target: UnsafeMutablePointer<Float>,
    targetStride: Int
) {
    for row in 0..<rowCount {
        let from = source + row * stride
        let to = target + row * targetStride
        var k = 0
        while k + 16 <= depth {
            store(load(from + k), to + k)
            k += 16
        }
        while k < depth {
            to[k] = from[k]
            k += 1
        }
    }
}

/// `panel[k * width + j] = b[j * stride + k]`: 16 columns of the panel at a time, `columns` of them real. What the
/// others hold is never stored.
func packTransposed(
    _ b: UnsafePointer<Float>, stride: Int, depth: Int, columns: Int, width: Int,
    to panel: UnsafeMutablePointer<Float>
) {
    var first = 0
    while first < columns {
        let rows = min(16, columns - first)
        let source = b + first * stride
        let target = panel + first
        if depth >= 8 && rows == 16 {
            var k = 0
            while k + 8 <= depth {
                transpose16x8(source + k, stride, target + k * width, width)
                k += 8
            }
            if k < depth { transpose16x8(source + depth - 8, stride, target + (depth - 8) * width, width) }
        } else {
            for k in 0..<depth {
                for j in 0..<16 { target[k * width + j] = j < rows ? source[j * stride + k] : 0 }
            }
        }
        first += 16
    }
}

/// The transposed of 16 rows × 8 columns, in registers.
@inline(__always)
private func transpose16x8(
    _ source: UnsafePointer<Float>, _ stride: Int, _ target: UnsafeMutablePointer<Float>, _ targetStride: Int
) {
    // Each vector: 8 floats of a row and 8 of the row four below. In-lane transposes of 4 × 4 then leave, for column k
    // and k + 4, the rows 0–3 and 4–7 (8–11 and 12–15) in alternating quarters.
    let upper = Quarters(source, stride)
    let lower = Quarters(source + 8 * stride, stride)
    store(lockstep_even_quarters(upper.column0, lower.column0), target)
    store(lockstep_even_quarters(upper.column1, lower.column1), target + targetStride)
    store(lockstep_even_quarters(upper.column2, lower.column2), target + 2 * targetStride)
    store(lockstep_even_quarters(upper.column3, lower.column3), target + 3 * targetStride)
    store(lockstep_odd_quarters(upper.column0, lower.column0), target + 4 * targetStride)
    store(lockstep_odd_quarters(upper.column1, lower.column1), target + 5 * targetStride)
    store(lockstep_odd_quarters(upper.column2, lower.column2), target + 6 * targetStride)
    store(lockstep_odd_quarters(upper.column3, lower.column3), target + 7 * targetStride)
}

/// 8 rows × 8 columns: quarter 0 of `column[k]` is column k of rows 0 to 3, quarter 1 column k + 4 of these, quarters 2
/// and 3 the same of rows 4 to 7.
private struct Quarters {
    let column0: Vector
    let column1: Vector
    let column2: Vector
    let column3: Vector

    @inline(__always)
    init(_ source: UnsafePointer<Float>, _ stride: Int) {
        let row0 = lockstep_load_halves(source, source + 4 * stride)
        let row1 = lockstep_load_halves(source + stride, source + 5 * stride)
        let row2 = lockstep_load_halves(source + 2 * stride, source + 6 * stride)
        let row3 = lockstep_load_halves(source + 3 * stride, source + 7 * stride)
        let low01 = lockstep_interleave_low(row0, row1)
        let high01 = lockstep_interleave_high(row0, row1)
        let low23 = lockstep_interleave_low(row2, row3)
        let high23 = lockstep_interleave_high(row2, row3)
        column0 = lockstep_pairs_low(low01, low23)
        column1 = lockstep_pairs_high(low01, low23)
        column2 = lockstep_pairs_low(high01, high23)
        column3 = lockstep_pairs_high(high01, high23)
    }
}

/// Rows of B beside each other for fewer than 16 columns. A full vector is read where it stays inside the operand, which
/// ends `columns` floats after the last row's start.
func packEdge(
    _ b: UnsafePointer<Float>, stride: Int, depth: Int, columns: Int, to panel: UnsafeMutablePointer<Float>
) {
    let end = (depth - 1) * stride + columns
    var k = 0
    while k < depth && k * stride + 16 <= end {
        store(load(b + k * stride), panel + k * 16)
        k += 1
    }
    while k < depth {
        for j in 0..<16 { panel[k * 16 + j] = j < columns ? b[k * stride + j] : 0 }
        k += 1
    }
}

/// Rows that are asked for before they are copied: a row's start is in another page, where no stream is expected.
private let rowsAhead = 6

/// Micro-panels of `panelColumns` columns side by side, read along the rows of B. The last panel may be narrower: its
/// surplus is zeros.
func packPanels(
    _ b: UnsafePointer<Float>, stride: Int, depth: Int, columns: Int, to block: UnsafeMutablePointer<Float>
) {
    let whole = columns / panelColumns
    let rest = columns % panelColumns
    for k in 0..<depth {
        var source = b + k * stride
        var target = block + k * panelColumns
        if k + rowsAhead < depth {
            for line in 0..<(columns + 15) / 16 { lockstep_prefetch(source + rowsAhead * stride + line * 16) }
        }
        for _ in 0..<whole {
            for vector in 0..<panelColumns / 16 { store(load(source + vector * 16), target + vector * 16) }
            source += panelColumns
            target += depth * panelColumns
        }
        if rest > 0 {
            for j in 0..<panelColumns { target[j] = j < rest ? source[j] : 0 }
        }
    }
}

/// `columns` floats of each row of A, `tileRows` apart.
func packColumns(
    _ a: UnsafePointer<Float>, stride: Int, depth: Int, columns: Int, to target: UnsafeMutablePointer<Float>
) {
    for k in 0..<depth {
        for r in 0..<columns { target[k * tileRows + r] = a[k * stride + r] }
    }
}
