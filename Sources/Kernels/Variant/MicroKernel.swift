import CMachine
import KernelContract

// BLIS's words: MR × NR register tile, KC × NC cache blocks, micro-kernel, micro-panel, macro-kernel.

#if AVX512
    /// NR. 12 × 2 accumulators, 2 vectors of B, one broadcast: 27 of 32 registers.
    let panelColumns = 32
    /// MR.
    let tileRows = 12
#else
    /// NR. AVX2: 6 × 2 accumulators, 2 registers of B, one broadcast: 15 of 16. NEON: 6 × 4 + 4 + 1: 29 of 32.
    let panelColumns = 16
    /// MR.
    let tileRows = 6
#endif

/// One micro-kernel call. Element (r, k) of A is `a[r * aRow + k * aStep]`; row k of B begins at `b[k * bStep]`.
struct MicroKernel {
    var a: UnsafePointer<Float>
    var aRow: Int
    var aStep: Int
    var b: UnsafePointer<Float>
    var bStep: Int
    var c: UnsafeMutablePointer<Float>
    var cStride: Int
    var depth: Int
    /// Whether the chains go on from C, and whether they end here (`+ 0.0`).
    var continues: Bool
    var ends: Bool
    /// What is asked for while the tile runs, if anything: rows of the next tile's C and of the next rows of A.
    var ahead: LinesAhead?

    @inline(__always)
    func run<Tile: RegisterTile>(_: Tile.Type) {
        var tile = continues ? Tile(loading: UnsafePointer(c), stride: cStride) : Tile()
        var a = a
        var b = b
        var rest = depth
        if var ahead {
            // In parts: a burst of requests would keep the loads of this tile waiting.
            let part = depth / Tile.rowCount
            for _ in 0..<Tile.rowCount {
                ahead.request()
                for _ in 0..<part {
                    tile.step(a, aRow, b)
                    a += aStep
                    b += bStep
                }
            }
            rest -= part * Tile.rowCount
        }
        for _ in 0..<rest {
            tile.step(a, aRow, b)
            a += aStep
            b += bStep
        }
        if ends { tile.finish() }
        tile.store(c, stride: cStride)
    }

    #if AVX512
        @inline(never) func run12x32() { run(Wide<Rows12>.self) }
        @inline(never) func run8x32() { run(Wide<Rows8>.self) }
        @inline(never) func run4x32() { run(Wide<Rows4>.self) }
        @inline(never) func run2x32() { run(Wide<Rows2>.self) }
        @inline(never) func run1x32() { run(Wide<Rows1>.self) }
        @inline(never) func run12x16() { run(Narrow<Rows12>.self) }
        @inline(never) func run8x16() { run(Narrow<Rows8>.self) }
    #else
        @inline(never) func run6x16() { run(Narrow<Rows6>.self) }
    #endif
    @inline(never) func run4x16() { run(Narrow<Rows4>.self) }
    @inline(never) func run2x16() { run(Narrow<Rows2>.self) }
    @inline(never) func run1x16() { run(Narrow<Rows1>.self) }

    /// Runs the highest tile that fits `rowCount` rows and leaves no poor remainder; returns its height.
    func runHighest(rowCount: Int, columns: Int) -> Int {
        #if AVX512
            if columns == 32 {
                switch rowCount {
                case 12...15, 17...: run12x32(); return 12
                case 8...: run8x32(); return 8
                case 4...: run4x32(); return 4
                case 2...: run2x32(); return 2
                default: run1x32(); return 1
                }
            }
            switch rowCount {
            case 12...15, 17...: run12x16(); return 12
            case 8...: run8x16(); return 8
            case 4...: run4x16(); return 4
            case 2...: run2x16(); return 2
            default: run1x16(); return 1
            }
        #else
            switch rowCount {
            case 6, 7, 9...: run6x16(); return 6
            case 4...: run4x16(); return 4
            case 2...: run2x16(); return 2
            default: run1x16(); return 1
            }
        #endif
    }

    /// Tiles down `rowCount` rows.
    func runColumn(rowCount: Int, columns: Int) {
        var micro = self
        var row = 0
        while row < rowCount {
            let height = micro.runHighest(rowCount: rowCount - row, columns: columns)
            row += height
            micro.a += height * aRow
            micro.c += height * cStride
        }
    }
}

/// Cache lines that are read soon, row by row.
struct LinesAhead {
    /// A row of C: one tile wide.
    var c: UnsafePointer<Float>
    var cStride: Int
    /// A row of A: `aLineCount` cache lines of it.
    var a: UnsafePointer<Float>
    var aStride: Int
    var aLineCount: Int

    @inline(__always)
    mutating func request() {
        lockstep_prefetch(c)
        lockstep_prefetch(c + panelColumns - 1)
        c += cStride
        for line in 0..<aLineCount { lockstep_prefetch(a + line * 16) }
        a += aStride
    }
}
