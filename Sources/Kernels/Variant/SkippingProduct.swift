import CMachine
import KernelContract

/// KC: what is skipped is one word of bits. 64 rows of 64 columns of B are 16 KiB, which stay in L1 while all rows of A go
/// past; of 128 columns they are all of L1, and still faster than fewer rows, whose sums are fetched and stored more often.
private let blockDepth = 64
#if AVX512
    /// Eight accumulators, as many as hide the latency of a fused multiply-add; B comes from memory with each.
    private let blockColumns = 128
#else
    private let blockColumns = 64
#endif
/// Above this share of elements other than 0 tiles of many rows are faster, where they have nothing to leave out.
private let densityLimit = 0.7
/// Rows that the share is estimated from.
private let sampledRows = 8
/// Fewer rows do not pay for copying B, fewer columns not for looking at A.
private let rowLimit = 16
private let columnLimit = 48

/// `C = A · B` for an A with many zeros: pixels, or what a rectifier and its gradient leave. Row by row, each product with
/// 0 is left out; that changes no chain (`KernelSet.multiply`).
struct SkippingProduct {
    private let product: MatrixProduct
    private let blockCount: Int
    /// `[row, block]`: bit k says whether element k of a row's block differs from 0.
    private let words: UnsafeMutablePointer<UInt64>
    /// A block of B, where it is copied.
    private let panel: UnsafeMutablePointer<Float>
    private let rowsAtOnce: Int
    /// Of A, estimated: the share of elements other than 0, and of columns that are not 0 in a few rows.
    private var density = 0.0
    private(set) var liveShare = 0.0

    static func isLargeEnough(m: Int, n: Int, k: Int) -> Bool { m >= rowLimit && n >= columnLimit && k >= blockDepth }

    /// Nil where the product is too small.
    init?(_ product: MatrixProduct, workspace: UnsafeMutablePointer<Float>) {
        guard product.form != .tn, Self.isLargeEnough(m: product.m, n: product.n, k: product.k) else { return nil }
        self.product = product
        blockCount = (product.k + blockDepth - 1) / blockDepth
        panel = workspace
        words = UnsafeMutableRawPointer(workspace + blockDepth * blockColumns).assumingMemoryBound(to: UInt64.self)
        let room = (KernelWorkspace.floatCount - blockDepth * blockColumns) / 2
        rowsAtOnce = room / blockCount
        guard rowsAtOnce >= rowLimit else { return nil }
        let rows = min(sampledRows, product.m)
        var count = 0
        // Spread over the product: neighbouring samples may be alike.
        for row in 0..<rows { count += mark(row: row * (product.m / rows), at: row) }
        density = Double(count) / Double(rows * product.k)
        var liveCount = 0
        for block in 0..<blockCount {
            var word: UInt64 = 0
            for row in 0..<rows { word |= words[row * blockCount + block] }
            liveCount += word.nonzeroBitCount
        }
        liveShare = Double(liveCount) / Double(product.k)
    }

    /// Whether this is faster than tiles of many rows, which leave out what is 0 in all of a tile's (`LiveSteps`).
    var pays: Bool { density < densityLimit * liveShare }

    /// All columns but the last few, fewer than 16; returns how many.
    func run() -> Int {
        let columnCount = product.n / 16 * 16
        if var begin = ahead(block: 0, column: 0, rowCount: 1) { begin.ask() }
        var first = 0
        while first < product.m {
            let rows = min(rowsAtOnce, product.m - first)
            for row in 0..<rows { _ = mark(row: first + row, at: row) }
            var column = 0
            while column < columnCount {
                let width = width(at: column)
                for block in 0..<blockCount {
                    let next =
                        block + 1 < blockCount
                        ? ahead(block: block + 1, column: column, rowCount: rows)
                        : ahead(block: 0, column: column + width, rowCount: rows)
                    run(rows: first..<first + rows, block: block, column: column, width, ahead: next)
                }
                column += width
            }
            first += rows
        }
        return columnCount
    }

    private func width(at column: Int) -> Int {
        let rest = product.n / 16 * 16 - column
        return rest >= blockColumns ? blockColumns : rest >= 64 ? 64 : rest >= 32 ? 32 : 16
    }

    /// A block of B, to be asked for by `rowCount` rows of A; nil where it is near, beyond the last, and for B transposed.
    private func ahead(block: Int, column: Int, rowCount: Int) -> Ahead? {
        guard product.form == .nn, column < product.n / 16 * 16 else { return nil }
        let first = block * blockDepth
        let end = min(first + blockDepth, product.k)
        if product.nearRows.lowerBound <= first && end <= product.nearRows.upperBound { return nil }
        return Ahead(
            b: product.b + (first * product.bStride + column), stride: product.bStride, width: width(at: column),
            depth: end - first, rowCount: rowCount)
    }

    /// Writes the words of a row of A to place `place`; returns how many elements differ from 0.
    private func mark(row: Int, at place: Int) -> Int {
        let a = product.a + row * product.aStride
        let words = words + place * blockCount
        var count = 0
        for block in 0..<blockCount {
            var word: UInt64 = 0
            let first = block * blockDepth
            let end = min(blockDepth, product.k - first)
            var k = 0
            while k + 16 <= end {
                word |= UInt64(lockstep_nonzero_lanes(load(a + first + k))) << UInt64(k)
                k += 16
            }
            while k < end {
                word |= (a[first + k] != 0 ? 1 : 0) << UInt64(k)
                k += 1
            }
            words[block] = word
            count += word.nonzeroBitCount
        }
        return count
    }

    private func run(rows: Range<Int>, block: Int, column: Int, _ width: Int, ahead: Ahead?) {
        let first = block * blockDepth
        let depth = min(blockDepth, product.k - first)
        var b = product.b
        var stride = product.bStride
        if product.form == .nt {
            packTransposed(
                b + (column * stride + first), stride: stride, depth: depth, columns: width, width: width, to: panel)
            (b, stride) = (UnsafePointer(panel), width)
        } else {
            b += first * stride + column
            // Rows far apart meet in few cache sets.
            if stride > blockColumns {
                for k in 0..<depth {
                    for j in 0..<width { panel[k * width + j] = b[k * stride + j] }
                }
                (b, stride) = (UnsafePointer(panel), width)
            }
        }
        let rows = SkippingRows(
            words: words + block, wordStride: blockCount, rowCount: rows.count,
            a: product.a + (rows.lowerBound * product.aStride + first), aStride: product.aStride, b: b, bStride: stride,
            c: product.c + (rows.lowerBound * product.cStride + column), cStride: product.cStride,
            continues: product.accumulates || block > 0, ends: block == blockCount - 1, ahead: ahead)
        switch width {
        #if AVX512
            case 128: rows.run128()
        #endif
        case 64: rows.run64()
        case 32: rows.run32()
        default: rows.run16()
        }
    }
}

/// A block of B that is asked for while another is in use, some cache lines with each row of A. Weights that another worker
/// has posted come from memory: 64 × 128 × 784 with half of them there took 50 µs without asking, 39 with, 37 from L2.
private struct Ahead {
    private var line: UnsafePointer<Float>
    private let stride: Int
    private let width: Int
    private let linesAtOnce: Int
    private var column = 0
    /// Lines that are left.
    private var rest: Int

    init(b: UnsafePointer<Float>, stride: Int, width: Int, depth: Int, rowCount: Int) {
        line = b
        // Rows that follow each other are one long row.
        let isContiguous = stride == width
        self.stride = isContiguous ? depth * width : stride
        self.width = isContiguous ? depth * width : width
        rest = depth * width / 16
        linesAtOnce = (rest + rowCount - 1) / rowCount
    }

    @inline(__always)
    mutating func ask() {
        let count = min(linesAtOnce, rest)
        for _ in 0..<count {
            lockstep_prefetch(line + column)
            column += 16
            if column == width {
                column = 0
                line += stride
            }
        }
        rest -= count
    }
}

/// One block of B, for rows of A and C.
private struct SkippingRows {
    let words: UnsafePointer<UInt64>
    let wordStride: Int
    let rowCount: Int
    let a: UnsafePointer<Float>
    let aStride: Int
    let b: UnsafePointer<Float>
    let bStride: Int
    let c: UnsafeMutablePointer<Float>
    let cStride: Int
    /// Whether the chains go on from C, and whether they end here (`+ 0.0`).
    let continues: Bool
    let ends: Bool
    /// What comes after this block.
    let ahead: Ahead?

    @inline(__always)
    private func run<Tile: RegisterTile>(_: Tile.Type) {
        let bStride = bStride
        var ahead = ahead
        for row in 0..<rowCount {
            ahead?.ask()
            var rest = words[row * wordStride]
            if rest == 0 && continues && !ends { continue }
            let a = a + row * aStride
            let c = c + row * cStride
            var tile = continues ? Tile(loading: UnsafePointer(c), stride: 0) : Tile()
            while rest != 0 {
                let k = rest.trailingZeroBitCount
                rest &= rest &- 1
                tile.step(a + k, 0, b + k * bStride)
            }
            if ends { tile.finish() }
            tile.store(c, stride: 0)
        }
    }

    #if AVX512
        @inline(never) func run128() { run(Beside<Row64, Row64>.self) }
    #endif
    @inline(never) func run64() { run(Row64.self) }
    @inline(never) func run32() { run(Row32.self) }
    @inline(never) func run16() { run(Narrow<Rows1>.self) }
}

/// One row of a tile, as wide as its name says.
typealias Row32 = Beside<Narrow<Rows1>, Narrow<Rows1>>
typealias Row64 = Beside<Row32, Row32>
