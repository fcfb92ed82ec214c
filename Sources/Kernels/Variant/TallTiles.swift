/// Work on register tiles of any height: what `withTile` calls.
protocol TileWork {
    func run<Tile: RegisterTile>(_: Tile.Type)
}

/// The greatest height of `withTile`.
#if AVX512
    /// 26 accumulators, 2 vectors of B and a broadcast: 29 of 32 registers.
    let tallestTile = 13
#else
    let tallestTile = 6
#endif

/// The height of the next tile of `count` rows: as few tiles as possible, and all as high as the others. Sums need four
/// cycles, and a low tile has too few of them to fill the time.
@inline(__always)
func balancedTile(_ count: Int) -> Int {
    let tiles = (count + tallestTile - 1) / tallestTile
    return (count + tiles - 1) / tiles
}

/// Runs `work` with the tile of `height` rows and `columns` (`panelColumns` or 16) columns.
@inline(__always)
func withTile(height: Int, columns: Int, _ work: some TileWork) {
    #if AVX512
        if columns == 32 {
            switch height {
            case 1: work.run(Wide1.self)
            case 2: work.run(Wide2.self)
            case 3: work.run(Stacked<Wide2, Wide1>.self)
            case 4: work.run(Wide4.self)
            case 5: work.run(Stacked<Wide4, Wide1>.self)
            case 6: work.run(Stacked<Wide4, Wide2>.self)
            case 7: work.run(Stacked<Wide4, Stacked<Wide2, Wide1>>.self)
            case 8: work.run(Wide8.self)
            case 9: work.run(Stacked<Wide8, Wide1>.self)
            case 10: work.run(Stacked<Wide8, Wide2>.self)
            case 11: work.run(Stacked<Wide8, Stacked<Wide2, Wide1>>.self)
            case 12: work.run(Stacked<Wide8, Wide4>.self)
            default: work.run(Stacked<Wide8, Stacked<Wide4, Wide1>>.self)
            }
            return
        }
    #endif
    switch height {
    case 1: work.run(Narrow<Rows1>.self)
    case 2: work.run(Narrow<Rows2>.self)
    case 3: work.run(Narrow<Rows3>.self)
    case 4: work.run(Narrow<Rows4>.self)
    case 5: work.run(Narrow<Joined<Rows4, Rows1>>.self)
    #if AVX512
        case 6: work.run(Narrow<Rows6>.self)
        case 7: work.run(Narrow<Joined<Rows4, Rows3>>.self)
        case 8: work.run(Narrow<Rows8>.self)
        case 9: work.run(Narrow<Joined<Rows8, Rows1>>.self)
        case 10: work.run(Narrow<Joined<Rows8, Rows2>>.self)
        case 11: work.run(Narrow<Joined<Rows8, Rows3>>.self)
        case 12: work.run(Narrow<Rows12>.self)
        default: work.run(Narrow<Joined<Rows12, Rows1>>.self)
    #else
        default: work.run(Narrow<Rows6>.self)
    #endif
    }
}

private typealias Rows3 = Joined<Rows2, Rows1>

#if AVX512
    private typealias Wide1 = Wide<Rows1>
    private typealias Wide2 = Stacked<Wide1, Wide1>
    private typealias Wide4 = Stacked<Wide2, Wide2>
    private typealias Wide8 = Stacked<Wide4, Wide4>
#endif

/// `Upper`'s rows and then `Lower`'s, each across all columns: a broadcast is used up before the next is made. (Of 13 rows
/// column by column LLVM keeps all 13 broadcasts, and spills.)
private struct Stacked<Upper: RegisterTile, Lower: RegisterTile>: RegisterTile {
    private var upper: Upper
    private var lower: Lower

    static var rowCount: Int { @inline(__always) get { Upper.rowCount + Lower.rowCount } }
    static var columnCount: Int { @inline(__always) get { Upper.columnCount } }

    @inline(__always)
    init() {
        upper = Upper()
        lower = Lower()
    }

    @inline(__always)
    init(loading pointer: UnsafePointer<Float>, stride: Int) {
        upper = Upper(loading: pointer, stride: stride)
        lower = Lower(loading: pointer + Upper.rowCount * stride, stride: stride)
    }

    @inline(__always)
    mutating func step(_ a: UnsafePointer<Float>, _ aRow: Int, _ b: UnsafePointer<Float>) {
        upper.step(a, aRow, b)
        lower.step(a + Upper.rowCount * aRow, aRow, b)
    }

    @inline(__always)
    mutating func add(_ other: Self) {
        upper.add(other.upper)
        lower.add(other.lower)
    }

    @inline(__always)
    mutating func finish() {
        upper.finish()
        lower.finish()
    }

    @inline(__always)
    func store(_ pointer: UnsafeMutablePointer<Float>, stride: Int) {
        upper.store(pointer, stride: stride)
        lower.store(pointer + Upper.rowCount * stride, stride: stride)
    }
}
