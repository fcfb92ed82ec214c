import KernelContract

/// KC where A is packed, and where it is read in place: the panel of B comes from L2 then.
private let blockDepth = 400
private let panelDepth = 2_048
/// MC: 264 rows × 400 floats of A, 413 KiB of the workspace, in L2.
private let blockRows = 264
/// Rows of C that pass through a padded copy at a time where fewer than 16 columns are left.
private let edgeRows = 256

/// How a product is cut into blocks and which operands are copied.
private struct BlockPlan {
    var packsA = false
    /// Rows of B go beside each other while the first tile reads them.
    var packsB = false
    var depth: Int
    var rows: Int

    init(_ product: MatrixProduct) {
        depth = min(product.k, panelDepth)
        rows = product.m
        guard product.m >= 2 * tileRows else { return }
        packsB = product.form != .nt && product.bStride >= 256
        packsA = product.form != .tn && product.n >= 256 && (product.aStride % 256 == 0 || product.m * product.k > 1 << 17)
        if packsA {
            depth = Self.balanced(product.k, limit: blockDepth, multiple: 8)
            rows = Self.balanced(product.m, limit: blockRows, multiple: tileRows)
        }
    }

    /// Equal parts of at most `limit`, multiples of `multiple` but for the last.
    private static func balanced(_ count: Int, limit: Int, multiple: Int) -> Int {
        let parts = max(1, (count + limit - 1) / limit)
        let part = (count + parts - 1) / parts
        return min(limit, (part + multiple - 1) / multiple * multiple)
    }
}

extension VariantKernels {
    @inline(never)
    package func multiply(_ product: MatrixProduct, workspace: UnsafeMutablePointer<Float>) {
        guard product.m > 0, product.n > 0 else { return }
        let plan = BlockPlan(product)
        let isTransposedA = product.form == .tn
        let panel = workspace
        let edge = workspace + plan.depth * panelColumns
        let block = edge + edgeRows * 16
        // Rows an odd number of cache lines apart do not meet in a cache set.
        let blockStride = ((plan.depth + 15) / 16 | 1) * 16
        var first = 0
        repeat {
            let depth = min(plan.depth, product.k - first)
            var row = 0
            while row < product.m {
                let rows = min(plan.rows, product.m - row)
                var micro = MicroKernel(
                    a: product.a, aRow: isTransposedA ? 1 : product.aStride,
                    aStep: isTransposedA ? product.aStride : 1, b: product.b, bStep: product.bStride,
                    c: product.c + row * product.cStride, cStride: product.cStride, depth: depth,
                    continues: product.accumulates || first > 0, ends: first + depth == product.k)
                micro.a += row * micro.aRow + first * micro.aStep
                if plan.packsA {
                    packRows(
                        micro.a, stride: micro.aRow, rowCount: rows, depth: depth, to: block,
                        targetStride: blockStride)
                    micro.a = UnsafePointer(block)
                    micro.aRow = blockStride
                }
                micro.runPanels(product, plan.packsB, first: first, rowCount: rows, panel: panel, edge: edge)
                row += rows
            }
            first += depth
        } while first < product.k
    }
}

extension MicroKernel {
    /// All columns of C for a block of rows of A and the rows of B from `first`.
    fileprivate func runPanels(
        _ product: MatrixProduct, _ packsB: Bool, first: Int, rowCount: Int, panel: UnsafeMutablePointer<Float>,
        edge: UnsafeMutablePointer<Float>
    ) {
        let isTransposedB = product.form == .nt
        let origin = c
        var column = 0
        while column < product.n {
            let rest = product.n - column
            let width = rest >= panelColumns ? panelColumns : 16
            let columns = min(rest, width)
            var micro = self
            micro.c = origin + column
            var rows = rowCount
            if isTransposedB {
                packTransposed(
                    product.b + column * product.bStride + first, stride: product.bStride, depth: depth,
                    columns: columns, width: width, to: panel)
                micro.b = UnsafePointer(panel)
                micro.bStep = width
            } else {
                micro.b = product.b + first * product.bStride + column
                if columns < width {
                    packEdge(micro.b, stride: product.bStride, depth: depth, columns: columns, to: panel)
                    micro.b = UnsafePointer(panel)
                    micro.bStep = width
                } else if packsB && width == panelColumns && rowCount >= 2 * tileRows {
                    micro.runPacking(to: panel)
                    micro.a += tileRows * aRow
                    micro.c += tileRows * cStride
                    micro.b = UnsafePointer(panel)
                    micro.bStep = width
                    rows -= tileRows
                }
            }
            if columns == width {
                micro.runColumn(rowCount: rows, columns: width)
            } else {
                micro.runEdge(rowCount: rows, columns: columns, edge: edge)
            }
            column += columns
        }
    }
}

extension MicroKernel {
    /// Fewer than 16 columns: C passes through rows of 16 in `edge`.
    fileprivate func runEdge(rowCount: Int, columns: Int, edge: UnsafeMutablePointer<Float>) {
        for row in stride(from: 0, to: rowCount, by: edgeRows) {
            let count = min(edgeRows, rowCount - row)
            let target = c + row * cStride
            if continues {
                for r in 0..<count {
                    for j in 0..<16 { edge[r * 16 + j] = j < columns ? target[r * cStride + j] : 0 }
                }
            }
            var micro = self
            micro.a = a + row * aRow
            micro.c = edge
            micro.cStride = 16
            micro.runColumn(rowCount: count, columns: 16)
            for r in 0..<count {
                for j in 0..<columns { target[r * cStride + j] = edge[r * 16 + j] }
            }
        }
    }
}
