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

/// Rows of B that are asked for one by one.
struct RowsAhead {
    fileprivate var row: UnsafePointer<Float>
    fileprivate let columns: Int
    /// Steps of a tile from one to the next.
    fileprivate let interval: Int

    @inline(__always)
    fileprivate mutating func ask(stride: Int) {
        lockstep_prefetch(row)
        lockstep_prefetch(row + columns - 1)
        row += stride
    }
}

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
    /// Brings what comes next closer while the tile runs.
    var feeder: UnsafeMutablePointer<PanelFeeder>?
    /// The steps of A that are taken; nil for all.
    var live: LiveSteps.Tile?
    /// What the tile asks for while it runs.
    var ahead: RowsAhead?

    @inline(__always)
    func run<Tile: RegisterTile>(_: Tile.Type) {
        var tile = continues ? Tile(loading: UnsafePointer(c), stride: cStride) : Tile()
        if let live {
            var a = live.a
            var b = b
            var ahead = ahead
            var step = 0
            while step < live.count {
                ahead?.ask(stride: bStep)
                let end = min(step + (ahead?.interval ?? live.count), live.count)
                while step < end {
                    b += Int(live.gaps[step]) * bStep
                    tile.step(a, 1, b)
                    a += Tile.rowCount
                    step += 1
                }
            }
            if ends { tile.finish() }
            tile.store(c, stride: cStride)
            return
        }
        var a = a
        var b = b
        var rest = depth
        if let feeder {
            // In as many parts as the tile has rows: a burst would keep the loads of this tile waiting.
            let part = depth / Tile.rowCount
            feeder.pointee.c = UnsafePointer(c) + Tile.rowCount * cStride
            for _ in 0..<Tile.rowCount {
                feeder.pointee.feed()
                for _ in 0..<part {
                    tile.step(a, aRow, b)
                    a += aStep
                    b += bStep
                }
            }
            rest -= part * Tile.rowCount
        } else if var ahead {
            while rest > 0 {
                ahead.ask(stride: bStep)
                let part = min(ahead.interval, rest)
                for _ in 0..<part {
                    tile.step(a, aRow, b)
                    a += aStep
                    b += bStep
                }
                rest -= part
            }
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

    /// The highest tile that fits `rowCount` rows and leaves no poor remainder.
    static func tileHeight(rowCount: Int) -> Int {
        #if AVX512
            switch rowCount {
            case 12...15, 17...: return 12
            case 8...: return 8
            case 4...: return 4
            default: return min(rowCount, 2)
            }
        #else
            switch rowCount {
            case 6, 7, 9...: return 6
            case 4...: return 4
            default: return min(rowCount, 2)
            }
        #endif
    }

    private func run(height: Int, columns: Int) {
        #if AVX512
            if columns == 32 {
                switch height {
                case 12: return run12x32()
                case 8: return run8x32()
                case 4: return run4x32()
                case 2: return run2x32()
                default: return run1x32()
                }
            }
            if height == 12 { return run12x16() }
            if height == 8 { return run8x16() }
        #else
            if height == 6 { return run6x16() }
        #endif
        switch height {
        case 4: run4x16()
        case 2: run2x16()
        default: run1x16()
        }
    }

    /// Tiles down `rowCount` rows.
    ///
    /// - Parameter next: Where the columns of B begin that come after these; nil for none, or where they are near.
    /// - Parameter heightLimit: Of a tile, itself the height of one.
    func runColumn(
        rowCount: Int, columns: Int, live: LiveSteps? = nil, next: UnsafePointer<Float>? = nil,
        heightLimit: Int = tileRows
    ) {
        var micro = self
        // The first tiles ask for a part of the next columns each. Tiles that leave steps out have fewer than rows to ask for.
        let askers = min(4, max(1, rowCount / tileRows))
        let part = (depth + askers - 1) / askers
        let interval = live == nil ? askers : max(1, askers - 1)
        var (row, tile) = (0, 0)
        while row < rowCount {
            let height = min(heightLimit, Self.tileHeight(rowCount: rowCount - row))
            if let live { micro.live = live.tile(tile, row: row) }
            micro.ahead = next.flatMap {
                tile < askers ? RowsAhead(row: $0 + tile * part * bStep, columns: columns, interval: interval) : nil
            }
            micro.run(height: height, columns: columns)
            row += height
            tile += 1
            micro.a += height * aRow
            micro.c += height * cStride
        }
    }
}
