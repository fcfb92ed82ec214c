import KernelContract

/// KC of a packed panel where A and most of B are read in place.
private let panelDepth = 2_048
/// In place all columns of B but the first panel's are asked for: so many that the first are a small part.
private let aheadColumnLimit = 128
/// Rows of C that pass through a padded copy at a time where fewer than 16 columns are left.
let edgeRows = 256

extension VariantKernels {
    @inline(never)
    package func multiply(_ product: MatrixProduct, workspace: UnsafeMutablePointer<Float>) {
        guard product.m > 0, product.n > 0 else { return }
        var product = product
        var hasDeadSteps = false
        if let skipping = SkippingProduct(product, workspace: workspace) {
            if skipping.pays {
                let columns = skipping.run()
                guard columns < product.n else { return }
                product.b += product.form == .nt ? columns * product.bStride : columns
                product.c += columns
                product.n -= columns
            } else {
                hasDeadSteps = skipping.liveShare < LiveSteps.shareLimit
            }
        }
        if !hasDeadSteps && TurnedProduct.pays(product) {
            let columns = TurnedProduct(product, workspace: workspace).run()
            guard columns < product.n else { return }
            product.b += columns * product.bStride
            product.c += columns
            product.n -= columns
        }
        if BlockedProduct.pays(product) {
            BlockedProduct(product, workspace: workspace).run()
            return
        }
        let edge = workspace + panelDepth * panelColumns
        let live =
            hasDeadSteps && product.k <= panelDepth ? LiveSteps(product, memory: edge + edgeRows * 16) : nil
        var first = 0
        // In place the whole chain is one tile's; a panel ends at `panelDepth`.
        repeat {
            let depth = min(panelDepth, product.k - first)
            let micro = MicroKernel(product, first: first, depth: depth)
            micro.runPanels(product, first: first, live: live, panel: workspace, edge: edge)
            first += depth
        } while first < product.k
    }

    package func readsAhead(m: Int, n: Int, k: Int, hasManyZeros: Bool) -> Bool {
        n >= aheadColumnLimit || hasManyZeros && SkippingProduct.isLargeEnough(m: m, n: n, k: k)
            || BlockedProduct.isLargeEnough(m: m, n: n, k: k)
    }
}

extension MicroKernel {
    /// The chains from `first`, at most `depth` long, over operands in place.
    init(_ product: MatrixProduct, first: Int, depth: Int) {
        let isTransposed = product.form == .tn
        self.init(
            a: product.a, aRow: isTransposed ? 1 : product.aStride, aStep: isTransposed ? product.aStride : 1,
            b: product.b, bStep: product.bStride, c: product.c, cStride: product.cStride, depth: depth,
            continues: product.accumulates || first > 0, ends: first + depth == product.k)
        a += first * aStep
    }

    /// All columns of C, with B in place where its vectors are whole rows' parts.
    fileprivate func runPanels(
        _ product: MatrixProduct, first: Int, live: LiveSteps?, panel: UnsafeMutablePointer<Float>,
        edge: UnsafeMutablePointer<Float>
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
                    packPanel(
                        micro.b, stride: product.bStride, depth: depth, columns: columns, width: width, to: panel)
                    micro.b = UnsafePointer(panel)
                    micro.bStep = width
                }
            }
            if columns == width {
                let next = product.form != .nt && rest > columns ? micro.b + columns : nil
                micro.runColumn(rowCount: product.m, columns: width, live: live, next: next)
            } else {
                micro.runEdge(rowCount: product.m, columns: columns, edge: edge)
            }
            column += columns
        }
    }
}

extension MicroKernel {
    /// Fewer than 16 columns: C passes through rows of 16 in `edge`.
    func runEdge(rowCount: Int, columns: Int, edge: UnsafeMutablePointer<Float>) {
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
