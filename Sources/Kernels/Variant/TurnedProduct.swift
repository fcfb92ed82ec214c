import KernelContract

/// Rows of B at a time: what they give of `Cᵀ`, 24 KiB, stays in L1 until it is turned. A multiple of all tiles and of 16.
private let rowsAtOnce = 192
/// KC: a turned micro-panel of A stays in L2.
private let depthLimit = 2_048
/// To turn a float takes the time of so many multiply-adds.
private let turnCost = 5
/// A B of more floats, 8 MiB, is fetched for each micro-panel anew, a float in the time of half a multiply-add.
private let nearFloatLimit = 1 << 21
/// Rows of B that are multiples of so many floats apart meet in one set of L1, which has room for eight lines.
private let conflictDistance = 1_024
private let conflictHeight = 8

/// `C = A · Bᵀ` as `Cᵀ = B · Aᵀ`: tiles read B in place, and A and C are turned instead of B, which is larger where rows are few, or is
/// turned again for each block of A. The two factors of a multiply-add change places; that changes no bit.
struct TurnedProduct {
    private let product: MatrixProduct
    private let tileHeight: Int
    /// Of `Aᵀ`: `[k, panelColumns]`
    private let panel: UnsafeMutablePointer<Float>
    /// Of `Cᵀ`: `[rowsAtOnce, panelColumns]`
    private let block: UnsafeMutablePointer<Float>

    static func pays(_ product: MatrixProduct) -> Bool {
        let (m, n, k) = (product.m, product.n, product.k)
        guard product.form == .nt, !product.accumulates, m >= 16, (16...depthLimit).contains(k) else { return false }
        let rows = (m + 15) / 16 * 16
        let more = (rows - m) * n * k + (n * k > nearFloatLimit ? rows / panelColumns * n * k / 2 : 0)
        return more + turnCost * rows * (n + k) < turnCost * n * k * BlockedProduct.blockCount(product)
    }

    init(_ product: MatrixProduct, workspace: UnsafeMutablePointer<Float>) {
        self.product = product
        tileHeight = product.bStride % conflictDistance == 0 ? min(conflictHeight, tileRows) : tileRows
        panel = workspace
        block = workspace + depthLimit * panelColumns
    }

    /// All columns but the last few, fewer than 16; returns how many.
    func run() -> Int {
        let columnCount = product.n / 16 * 16
        var row = 0
        while row < product.m {
            let width = product.m - row >= panelColumns ? panelColumns : 16
            // Fewer rows than a micro-panel has come with rows before them, which are computed again.
            let first = min(row, product.m - width)
            packTransposed(
                product.a + first * product.aStride, stride: product.aStride, depth: product.k, columns: width,
                width: width, to: panel)
            for column in stride(from: 0, to: columnCount, by: rowsAtOnce) {
                run(row: first, width: width, columns: column..<min(column + rowsAtOnce, columnCount))
            }
            row = first + width
        }
        return columnCount
    }

    private func run(row: Int, width: Int, columns: Range<Int>) {
        let micro = MicroKernel(
            a: product.b + columns.lowerBound * product.bStride, aRow: product.bStride, aStep: 1,
            b: UnsafePointer(panel), bStep: width, c: block, cStride: width, depth: product.k, continues: false,
            ends: true)
        micro.runColumn(rowCount: columns.count, columns: width, heightLimit: tileHeight)
        packTransposed(
            UnsafePointer(block), stride: width, depth: width, columns: columns.count, width: product.cStride,
            to: product.c + row * product.cStride + columns.lowerBound)
    }
}
