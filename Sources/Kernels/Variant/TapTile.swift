import CMachine
import KernelContract

/// Accumulators of one or more rows of three neighbouring taps, 32 channels each: in the image they lie `tapStride`
/// (all channels) and `rowStride` apart. All share the broadcast factor of a step.
protocol TapTile {
    static var rowCount: Int { get }
    init()
    init(loading pointer: UnsafePointer<Float>, tapStride: Int, rowStride: Int)
    /// `accumulator = fma(value, factors, accumulator)` for some of the taps, which are known where this is inlined.
    mutating func step(
        _ value: Vector, _ factors: UnsafePointer<Float>, tapStride: Int, rowStride: Int, taps: ClosedRange<Int>)
    func store(_ pointer: UnsafeMutablePointer<Float>, tapStride: Int, rowStride: Int)
    /// Of the first tap's column.
    func storeFirst(_ pointer: UnsafeMutablePointer<Float>, rowStride: Int)
    mutating func loadThird(_ pointer: UnsafePointer<Float>, rowStride: Int)
    /// The second and third tap's columns become the first and second.
    mutating func shift()
}

extension TapTile {
    /// Stores the first tap's column at `pointer` and takes the fourth: the tile moves by one position.
    @inline(__always)
    mutating func advance(_ pointer: UnsafeMutablePointer<Float>, tapStride: Int, rowStride: Int) {
        storeFirst(pointer, rowStride: rowStride)
        shift()
        loadThird(UnsafePointer(pointer + 3 * tapStride), rowStride: rowStride)
    }
}

struct TapRow: TapTile {
    private var a0, a1, b0, b1, c0, c1: Vector

    static var rowCount: Int { @inline(__always) get { 1 } }

    @inline(__always)
    init() {
        let zero = Vector(repeating: 0)
        (a0, a1, b0, b1, c0, c1) = (zero, zero, zero, zero, zero, zero)
    }

    @inline(__always)
    init(loading pointer: UnsafePointer<Float>, tapStride: Int, rowStride: Int) {
        a0 = load(pointer)
        a1 = load(pointer + 16)
        b0 = load(pointer + tapStride)
        b1 = load(pointer + tapStride + 16)
        c0 = load(pointer + 2 * tapStride)
        c1 = load(pointer + 2 * tapStride + 16)
    }

    @inline(__always)
    mutating func step(
        _ value: Vector, _ factors: UnsafePointer<Float>, tapStride: Int, rowStride: Int, taps: ClosedRange<Int>
    ) {
        if taps.contains(0) {
            a0 = a0.addingProduct(value, load(factors))
            a1 = a1.addingProduct(value, load(factors + 16))
        }
        if taps.contains(1) {
            b0 = b0.addingProduct(value, load(factors + tapStride))
            b1 = b1.addingProduct(value, load(factors + tapStride + 16))
        }
        if taps.contains(2) {
            c0 = c0.addingProduct(value, load(factors + 2 * tapStride))
            c1 = c1.addingProduct(value, load(factors + 2 * tapStride + 16))
        }
    }

    @inline(__always)
    func storeFirst(_ pointer: UnsafeMutablePointer<Float>, rowStride: Int) {
        write(a0, pointer)
        write(a1, pointer + 16)
    }

    @inline(__always)
    mutating func loadThird(_ pointer: UnsafePointer<Float>, rowStride: Int) {
        c0 = load(pointer)
        c1 = load(pointer + 16)
    }

    @inline(__always)
    mutating func shift() { (a0, a1, b0, b1) = (b0, b1, c0, c1) }

    @inline(__always)
    func store(_ pointer: UnsafeMutablePointer<Float>, tapStride: Int, rowStride: Int) {
        write(a0, pointer)
        write(a1, pointer + 16)
        write(b0, pointer + tapStride)
        write(b1, pointer + tapStride + 16)
        write(c0, pointer + 2 * tapStride)
        write(c1, pointer + 2 * tapStride + 16)
    }
}

/// `Upper`'s rows and then `Lower`'s.
struct TapRows<Upper: TapTile, Lower: TapTile>: TapTile {
    private var upper: Upper
    private var lower: Lower

    static var rowCount: Int { @inline(__always) get { Upper.rowCount + Lower.rowCount } }

    @inline(__always)
    init() {
        upper = Upper()
        lower = Lower()
    }

    @inline(__always)
    init(loading pointer: UnsafePointer<Float>, tapStride: Int, rowStride: Int) {
        upper = Upper(loading: pointer, tapStride: tapStride, rowStride: rowStride)
        lower = Lower(loading: pointer + Upper.rowCount * rowStride, tapStride: tapStride, rowStride: rowStride)
    }

    @inline(__always)
    mutating func step(
        _ value: Vector, _ factors: UnsafePointer<Float>, tapStride: Int, rowStride: Int, taps: ClosedRange<Int>
    ) {
        upper.step(value, factors, tapStride: tapStride, rowStride: rowStride, taps: taps)
        lower.step(
            value, factors + Upper.rowCount * rowStride, tapStride: tapStride, rowStride: rowStride, taps: taps)
    }

    @inline(__always)
    func storeFirst(_ pointer: UnsafeMutablePointer<Float>, rowStride: Int) {
        upper.storeFirst(pointer, rowStride: rowStride)
        lower.storeFirst(pointer + Upper.rowCount * rowStride, rowStride: rowStride)
    }

    @inline(__always)
    mutating func loadThird(_ pointer: UnsafePointer<Float>, rowStride: Int) {
        upper.loadThird(pointer, rowStride: rowStride)
        lower.loadThird(pointer + Upper.rowCount * rowStride, rowStride: rowStride)
    }

    @inline(__always)
    mutating func shift() {
        upper.shift()
        lower.shift()
    }

    @inline(__always)
    func store(_ pointer: UnsafeMutablePointer<Float>, tapStride: Int, rowStride: Int) {
        upper.store(pointer, tapStride: tapStride, rowStride: rowStride)
        lower.store(pointer + Upper.rowCount * rowStride, tapStride: tapStride, rowStride: rowStride)
    }
}

/// `store` of the module, which a tile's own hides.
@inline(__always)
private func write(_ vector: Vector, _ pointer: UnsafeMutablePointer<Float>) { store(vector, pointer) }

#if AVX512
    /// 18 accumulators and one broadcast; the factors are memory operands.
    typealias TapBlock = TapRows<TapRow, TapRows<TapRow, TapRow>>
#else
    /// AVX2: 12 accumulators of 16 registers.
    typealias TapBlock = TapRow
#endif
