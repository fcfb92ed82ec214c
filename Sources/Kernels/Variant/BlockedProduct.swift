import CMachine
import KernelContract

/// The smallest product that is worth copying both operands: rows, columns, and floats of B.
private let rowLimit = 24
private let columnLimit = 128
#if AVX512
    private let floatLimit = 1 << 19
#else
    private let floatLimit = 1 << 17
#endif
/// The same where rows are a multiple of a distance apart, in floats, with which they meet in few cache sets: those of A for a tile in
/// one of L1, those of B for a panel in a few of L2. Copies pay then from so many rows on.
private let conflictingFloatLimit = min(1 << 18, floatLimit)
private let conflictOfA = (distance: 1_024, rowLimit: 128)
private let conflictOfB = (distance: 512, rowLimit: 512)
/// KC: two micro-panels of B, the one in use and the next one, are 128 KiB.
private let blockDepth = 512
/// MC × KC: a block of A takes five eighths of L2, 640 KiB of 1 MiB.
private let blockFloatCount = min(163_840, Int(lockstep_second_cache_byte_count()) / 8 * 5 / MemoryLayout<Float>.stride)

/// Both operands in copies, for what does not fit L2 or has rows that meet in few cache sets.
///
/// A block of A, MC × KC, is copied and stays in L2; past it go micro-panels of B, KC × NR, each copied while the tiles of
/// the one before run.
struct BlockedProduct {
    private let product: MatrixProduct
    /// MC and KC.
    private let rows: Int
    private let depth: Int
    private let rowStride: Int
    private let block: UnsafeMutablePointer<Float>
    private let edge: UnsafeMutablePointer<Float>
    private let panels: UnsafeMutablePointer<Float>

    static func pays(_ product: MatrixProduct) -> Bool {
        let (m, n, k) = (product.m, product.n, product.k)
        if isLargeEnough(m: m, n: n, k: k) { return true }
        guard n >= columnLimit, n * k >= conflictingFloatLimit else { return false }
        return product.form != .tn && product.aStride % conflictOfA.distance == 0 && m >= conflictOfA.rowLimit
            || product.form != .nt && product.bStride % conflictOfB.distance == 0 && m >= conflictOfB.rowLimit
    }

    /// Whether it pays wherever rows lie.
    static func isLargeEnough(m: Int, n: Int, k: Int) -> Bool {
        m >= rowLimit && n >= columnLimit && n * k >= floatLimit
    }

    /// Blocks of A, each of which takes another pass over B; one where the product is not worth copies.
    static func blockCount(_ product: MatrixProduct) -> Int {
        guard pays(product) else { return 1 }
        let rows = blockRows(product)
        return (product.m + rows - 1) / rows
    }

    /// KC.
    private static func depth(_ product: MatrixProduct) -> Int { balanced(product.k, limit: blockDepth, multiple: 8) }

    /// Floats from one row of A to the next in the copy: an odd number of cache lines, so that rows do not meet in a cache set.
    private static func rowStride(_ product: MatrixProduct) -> Int { ((depth(product) + 15) / 16 | 1) * 16 }

    /// MC.
    private static func blockRows(_ product: MatrixProduct) -> Int {
        balanced(
            product.m, limit: blockFloatCount / rowStride(product) / tileRows * tileRows, multiple: tileRows)
    }

    init(_ product: MatrixProduct, workspace: UnsafeMutablePointer<Float>) {
        self.product = product
        depth = Self.depth(product)
        rowStride = Self.rowStride(product)
        rows = Self.blockRows(product)
        block = workspace
        edge = block + blockFloatCount
        panels = edge + edgeRows * 16
    }

    func run() {
        var first = 0
        while first < product.k {
            let depth = min(depth, product.k - first)
            var row = 0
            while row < product.m {
                let count = min(rows, product.m - row)
                var micro = MicroKernel(product, first: first, depth: depth)
                micro.a += row * micro.aRow
                micro.b += first * micro.bStep
                micro.c += row * micro.cStride
                packBlock(&micro, rowCount: count)
                run(micro, first: first, rowCount: count)
                row += count
            }
            first += depth
        }
    }

    /// Rows as they are; for A transposed, micro-panels of `tileRows` columns of the operand.
    private func packBlock(_ micro: inout MicroKernel, rowCount: Int) {
        if product.form == .tn {
            var row = 0
            while row < rowCount {
                packColumns(
                    micro.a + row, stride: micro.aStep, depth: micro.depth, columns: min(tileRows, rowCount - row),
                    to: block + row * micro.depth)
                row += tileRows
            }
            micro.aStep = tileRows
        } else {
            packRows(
                micro.a, stride: micro.aRow, rowCount: rowCount, depth: micro.depth, to: block,
                targetStride: rowStride)
            micro.aRow = rowStride
        }
        micro.a = UnsafePointer(block)
    }

    /// All columns of C for the block of A.
    private func run(_ origin: MicroKernel, first: Int, rowCount: Int) {
        var feeder = PanelFeeder(
            c: origin.c, cStride: origin.cStride, b: origin.b, bStride: origin.bStep, depth: origin.depth,
            rowCount: rowCount)
        withUnsafeMutablePointer(to: &feeder) { feeder in
            var isPacked = false
            var panel = panels
            var spare = panels + origin.depth * panelColumns
            var column = 0
            while column < product.n {
                let rest = product.n - column
                let width = rest >= panelColumns ? panelColumns : 16
                let columns = min(rest, width)
                var micro = origin
                micro.c += column
                if !isPacked { pack(origin, first: first, column: column, columns: columns, width: width, to: panel) }
                isPacked = product.form != .nt && rest - columns >= panelColumns
                if isPacked { feeder.pointee.begin(origin.b + column + columns, depth: origin.depth, to: spare) }
                micro.feeder = feeder
                micro.b = UnsafePointer(panel)
                micro.bStep = width
                runColumn(micro, rowCount: rowCount, columns: columns, width: width)
                feeder.pointee.finish()
                swap(&panel, &spare)
                column += columns
            }
        }
    }

    private func runColumn(_ origin: MicroKernel, rowCount: Int, columns: Int, width: Int) {
        var micro = origin
        // Rows in micro-panels are passed panel by panel.
        let step = product.form == .tn ? tileRows : rowCount
        for row in stride(from: 0, to: rowCount, by: step) {
            let count = min(step, rowCount - row)
            if columns == width {
                micro.runColumn(rowCount: count, columns: width)
            } else {
                micro.runEdge(rowCount: count, columns: columns, edge: edge)
            }
            micro.a += step * micro.depth
            micro.c += step * micro.cStride
        }
    }

    private func pack(
        _ micro: MicroKernel, first: Int, column: Int, columns: Int, width: Int, to panel: UnsafeMutablePointer<Float>
    ) {
        if product.form == .nt {
            packTransposed(
                product.b + column * product.bStride + first, stride: product.bStride, depth: micro.depth,
                columns: columns, width: width, to: panel)
        } else {
            packPanel(
                micro.b + column, stride: product.bStride, depth: micro.depth, columns: columns, width: width,
                to: panel)
        }
    }
}

/// Equal parts of at most `limit`, multiples of `multiple` but for the last.
private func balanced(_ count: Int, limit: Int, multiple: Int) -> Int {
    let parts = max(1, (count + limit - 1) / limit)
    let part = (count + parts - 1) / parts
    return min(limit, (part + multiple - 1) / multiple * multiple)
}
