import KernelContract

/// KC of a packed panel where A and most of B are read in place.
private let panelDepth = 2_048
/// Rows of C that pass through a padded copy at a time where fewer than 16 columns are left.
private let edgeRows = 256

/// The smallest product that is worth copying both operands: rows, and floats of B.
private let blockedRowLimit = 48
private let blockedFloatLimit = 1 << 18
/// KC, and KC × NC: a block of B, 512 KiB in L2.
private let blockDepth = 400
private let blockFloatCount = 131_072

extension VariantKernels {
    @inline(never)
    package func multiply(_ product: MatrixProduct, workspace: UnsafeMutablePointer<Float>) {
        guard product.m > 0, product.n > 0 else { return }
        var product = product
        if let skipping = SkippingProduct(product, workspace: workspace) {
            let columns = skipping.run()
            guard columns < product.n else { return }
            product.b += product.form == .nt ? columns * product.bStride : columns
            product.c += columns
            product.n -= columns
        }
        if product.m >= blockedRowLimit && product.n * product.k >= blockedFloatLimit && product.bStride >= 512 {
            BlockedProduct(product, workspace: workspace).run()
            return
        }
        var first = 0
        // In place the whole chain is one tile's; a panel ends at `panelDepth`.
        repeat {
            let depth = min(panelDepth, product.k - first)
            let micro = MicroKernel(product, first: first, depth: depth)
            micro.runPanels(product, first: first, panel: workspace, edge: workspace + panelDepth * panelColumns)
            first += depth
        } while first < product.k
    }
}

/// Both operands in copies, for what does not fit L2 or has rows that meet in few cache sets.
///
/// A block of B, KC × NC, is copied as micro-panels and stays in L2; past it go tiles of MR rows of A, copied to L1, and
/// of C. All that is read from further away is read along its rows.
private struct BlockedProduct {
    let product: MatrixProduct
    let depth: Int
    /// NC.
    let columns: Int
    /// Rows of A in the copy an odd number of cache lines apart do not meet in a cache set.
    let rowStride: Int
    let block: UnsafeMutablePointer<Float>
    let rows: UnsafeMutablePointer<Float>
    let edge: UnsafeMutablePointer<Float>

    init(_ product: MatrixProduct, workspace: UnsafeMutablePointer<Float>) {
        self.product = product
        depth = balanced(product.k, limit: blockDepth, multiple: 8)
        columns = balanced(
            product.n, limit: blockFloatCount / depth / panelColumns * panelColumns, multiple: panelColumns)
        rowStride = ((depth + 15) / 16 | 1) * 16
        block = workspace
        rows = workspace + blockFloatCount
        edge = rows + tileRows * rowStride
    }

    func run() {
        var first = 0
        while first < product.k {
            let depth = min(depth, product.k - first)
            let micro = MicroKernel(product, first: first, depth: depth)
            var column = 0
            while column < product.n {
                let count = min(columns, product.n - column)
                packBlock(first: first, depth: depth, column: column, count: count)
                run(micro, column: column, count: count)
                column += count
            }
            first += depth
        }
    }

    /// Micro-panels of `panelColumns` columns, the last one padded.
    private func packBlock(first: Int, depth: Int, column: Int, count: Int) {
        if product.form == .nt {
            for panel in stride(from: 0, to: count, by: panelColumns) {
                packTransposed(
                    product.b + (column + panel) * product.bStride + first, stride: product.bStride, depth: depth,
                    columns: min(panelColumns, count - panel), width: panelColumns, to: block + panel * depth)
            }
        } else {
            packPanels(
                product.b + first * product.bStride + column, stride: product.bStride, depth: depth, columns: count,
                to: block)
        }
    }

    private func run(_ origin: MicroKernel, column: Int, count: Int) {
        var row = 0
        while row < product.m {
            let height = min(tileRows, product.m - row)
            var micro = origin
            micro.a += row * micro.aRow
            let source = micro.a
            if product.form == .tn {
                packColumns(source, stride: micro.aStep, depth: micro.depth, columns: height, to: rows)
                micro.aRow = 1
                micro.aStep = tileRows
            } else {
                packRows(
                    source, stride: micro.aRow, rowCount: height, depth: micro.depth, to: rows,
                    targetStride: rowStride)
                micro.aRow = rowStride
            }
            micro.a = UnsafePointer(rows)
            let line = micro.c + row * micro.cStride + column
            // While a tile runs, the next one's C and a part of the next rows of A are on their way.
            let next = product.form == .tn ? source + tileRows : source + tileRows * origin.aRow
            let lineCount = product.form == .tn ? 0 : (micro.depth + count - 1) / count * panelColumns / 16
            var panel = 0
            while panel < count {
                let width = min(panelColumns, count - panel)
                micro.b = UnsafePointer(block + panel * micro.depth)
                micro.bStep = panelColumns
                micro.c = line + panel
                if width == panelColumns {
                    if height == tileRows {
                        let isLast = panel + width == count
                        micro.ahead = LinesAhead(
                            c: isLast ? UnsafePointer(line) + tileRows * micro.cStride : UnsafePointer(micro.c) + width,
                            cStride: micro.cStride, a: next + panel / panelColumns * lineCount * 16,
                            aStride: origin.aRow, aLineCount: lineCount)
                    }
                    micro.runColumn(rowCount: height, columns: width)
                } else {
                    micro.ahead = nil
                    micro.runNarrow(rowCount: height, columns: width, edge: edge)
                }
                panel += width
            }
            row += height
        }
    }
}

/// Equal parts of at most `limit`, multiples of `multiple` but for the last.
private func balanced(_ count: Int, limit: Int, multiple: Int) -> Int {
    let parts = max(1, (count + limit - 1) / limit)
    let part = (count + parts - 1) / parts
    return min(limit, (part + multiple - 1) / multiple * multiple)
}

extension MicroKernel {
    /// The chains from `first`, at most `depth` long, over operands in place.
    fileprivate init(_ product: MatrixProduct, first: Int, depth: Int) {
        let isTransposed = product.form == .tn
        self.init(
            a: product.a, aRow: isTransposed ? 1 : product.aStride, aStep: isTransposed ? product.aStride : 1,
            b: product.b, bStep: product.bStride, c: product.c, cStride: product.cStride, depth: depth,
            continues: product.accumulates || first > 0, ends: first + depth == product.k)
        a += first * aStep
    }

    /// All columns of C, with B in place where its vectors are whole rows' parts.
    fileprivate func runPanels(
        _ product: MatrixProduct, first: Int, panel: UnsafeMutablePointer<Float>, edge: UnsafeMutablePointer<Float>
    ) {
        var column = 0
        while column < product.n {
            let rest = product.n - column
            let width = rest >= panelColumns ? panelColumns : 16
            let columns = min(rest, width)
            var micro = self
            micro.c += column
            if product.form == .nt {
                packTransposed(
                    product.b + column * product.bStride + first, stride: product.bStride, depth: depth,
                    columns: columns, width: width, to: panel)
                micro.b = UnsafePointer(panel)
                micro.bStep = width
            } else {
                micro.b += first * product.bStride + column
                if columns < width {
                    packEdge(micro.b, stride: product.bStride, depth: depth, columns: columns, to: panel)
                    micro.b = UnsafePointer(panel)
                    micro.bStep = width
                }
            }
            if columns == width {
                micro.runColumn(rowCount: product.m, columns: width)
            } else {
                micro.runEdge(rowCount: product.m, columns: columns, edge: edge)
            }
            column += columns
        }
    }

    /// Fewer than `panelColumns` columns of a padded panel.
    fileprivate func runNarrow(rowCount: Int, columns: Int, edge: UnsafeMutablePointer<Float>) {
        var micro = self
        if columns >= 16 {
            micro.runColumn(rowCount: rowCount, columns: 16)
            micro.b += 16
            micro.c += 16
        }
        if columns % 16 > 0 { micro.runEdge(rowCount: rowCount, columns: columns % 16, edge: edge) }
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
