import KernelContract

/// 16 lanes: one AVX-512 register, two of AVX2, four of NEON.
typealias Vector = SIMD16<Float>

@inline(__always)
func load(_ pointer: UnsafePointer<Float>) -> Vector {
    UnsafeRawPointer(pointer).loadUnaligned(as: Vector.self)
}

@inline(__always)
func store(_ vector: Vector, _ pointer: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(pointer).storeBytes(of: vector, as: Vector.self)
}

/// Some rows × 16 columns of a register tile: one accumulator a row.
///
/// Blocks are composed of smaller ones (`Joined`) so that one body serves every height, and everything is inlined:
/// each accumulator ends in a register. (An `InlineArray` passed between functions is spilled at every call.)
protocol RowBlock {
    static var rowCount: Int { get }
    /// All accumulators zero.
    init()
    /// Row r becomes `pointer[r * stride...]`.
    init(loading pointer: UnsafePointer<Float>, stride: Int)
    /// Row r: `accumulator = fma(a[r * aRow], b, accumulator)`.
    mutating func step(_ a: UnsafePointer<Float>, _ aRow: Int, _ b: Vector)
    /// The step of two blocks beside each other, row by row: each broadcast of A serves both and is free again.
    static func step(
        _ left: inout Self, _ right: inout Self, _ a: UnsafePointer<Float>, _ aRow: Int, _ b: Vector, _ next: Vector)
    mutating func add(_ other: Self)
    /// `+ 0.0`: −0 leaves as +0.
    mutating func finish()
    func store(_ pointer: UnsafeMutablePointer<Float>, stride: Int)
}

struct Rows1: RowBlock {
    var row: Vector

    static var rowCount: Int { @inline(__always) get { 1 } }

    @inline(__always)
    init() { row = Vector(repeating: 0) }

    @inline(__always)
    init(loading pointer: UnsafePointer<Float>, stride: Int) { row = load(pointer) }

    @inline(__always)
    mutating func step(_ a: UnsafePointer<Float>, _ aRow: Int, _ b: Vector) {
        row = row.addingProduct(Vector(repeating: a.pointee), b)
    }

    @inline(__always)
    static func step(
        _ left: inout Self, _ right: inout Self, _ a: UnsafePointer<Float>, _ aRow: Int, _ b: Vector, _ next: Vector
    ) {
        let factor = Vector(repeating: a.pointee)
        left.row = left.row.addingProduct(factor, b)
        right.row = right.row.addingProduct(factor, next)
    }

    @inline(__always)
    mutating func add(_ other: Rows1) { row += other.row }

    @inline(__always)
    mutating func finish() { row += Vector(repeating: 0) }

    @inline(__always)
    func store(_ pointer: UnsafeMutablePointer<Float>, stride: Int) {
        UnsafeMutableRawPointer(pointer).storeBytes(of: row, as: Vector.self)
    }
}

/// `Upper`'s rows and then `Lower`'s.
struct Joined<Upper: RowBlock, Lower: RowBlock>: RowBlock {
    var upper: Upper
    var lower: Lower

    static var rowCount: Int { @inline(__always) get { Upper.rowCount + Lower.rowCount } }

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
    mutating func step(_ a: UnsafePointer<Float>, _ aRow: Int, _ b: Vector) {
        upper.step(a, aRow, b)
        lower.step(a + Upper.rowCount * aRow, aRow, b)
    }

    @inline(__always)
    static func step(
        _ left: inout Self, _ right: inout Self, _ a: UnsafePointer<Float>, _ aRow: Int, _ b: Vector, _ next: Vector
    ) {
        Upper.step(&left.upper, &right.upper, a, aRow, b, next)
        Lower.step(&left.lower, &right.lower, a + Upper.rowCount * aRow, aRow, b, next)
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

/// A register tile: a block of rows, one or two vectors wide.
protocol RegisterTile {
    static var rowCount: Int { get }
    static var columnCount: Int { get }
    init()
    init(loading pointer: UnsafePointer<Float>, stride: Int)
    /// Adds the outer product of a column of A (`a[r * aRow]`) and a row of B (`b[0..<columnCount]`).
    mutating func step(_ a: UnsafePointer<Float>, _ aRow: Int, _ b: UnsafePointer<Float>)
    mutating func add(_ other: Self)
    mutating func finish()
    func store(_ pointer: UnsafeMutablePointer<Float>, stride: Int)
}

/// Block.rowCount × 16.
struct Narrow<Block: RowBlock>: RegisterTile {
    var block: Block

    static var rowCount: Int { @inline(__always) get { Block.rowCount } }
    static var columnCount: Int { @inline(__always) get { 16 } }

    @inline(__always)
    init() { block = Block() }

    @inline(__always)
    init(loading pointer: UnsafePointer<Float>, stride: Int) { block = Block(loading: pointer, stride: stride) }

    @inline(__always)
    mutating func step(_ a: UnsafePointer<Float>, _ aRow: Int, _ b: UnsafePointer<Float>) {
        block.step(a, aRow, load(b))
    }

    @inline(__always)
    mutating func add(_ other: Self) { block.add(other.block) }

    @inline(__always)
    mutating func finish() { block.finish() }

    @inline(__always)
    func store(_ pointer: UnsafeMutablePointer<Float>, stride: Int) { block.store(pointer, stride: stride) }
}

/// Block.rowCount × 32: each broadcast of A serves two vectors.
struct Wide<Block: RowBlock>: RegisterTile {
    var left: Block
    var right: Block

    static var rowCount: Int { @inline(__always) get { Block.rowCount } }
    static var columnCount: Int { @inline(__always) get { 32 } }

    @inline(__always)
    init() {
        left = Block()
        right = Block()
    }

    @inline(__always)
    init(loading pointer: UnsafePointer<Float>, stride: Int) {
        left = Block(loading: pointer, stride: stride)
        right = Block(loading: pointer + 16, stride: stride)
    }

    @inline(__always)
    mutating func step(_ a: UnsafePointer<Float>, _ aRow: Int, _ b: UnsafePointer<Float>) {
        Block.step(&left, &right, a, aRow, load(b), load(b + 16))
    }

    @inline(__always)
    mutating func add(_ other: Self) {
        left.add(other.left)
        right.add(other.right)
    }

    @inline(__always)
    mutating func finish() {
        left.finish()
        right.finish()
    }

    @inline(__always)
    func store(_ pointer: UnsafeMutablePointer<Float>, stride: Int) {
        left.store(pointer, stride: stride)
        right.store(pointer + 16, stride: stride)
    }
}

/// Two tiles beside each other: each broadcast of A serves all their columns.
struct Beside<Left: RegisterTile, Right: RegisterTile>: RegisterTile {
    var left: Left
    var right: Right

    static var rowCount: Int { @inline(__always) get { Left.rowCount } }
    static var columnCount: Int { @inline(__always) get { Left.columnCount + Right.columnCount } }

    @inline(__always)
    init() {
        left = Left()
        right = Right()
    }

    @inline(__always)
    init(loading pointer: UnsafePointer<Float>, stride: Int) {
        left = Left(loading: pointer, stride: stride)
        right = Right(loading: pointer + Left.columnCount, stride: stride)
    }

    @inline(__always)
    mutating func step(_ a: UnsafePointer<Float>, _ aRow: Int, _ b: UnsafePointer<Float>) {
        left.step(a, aRow, b)
        right.step(a, aRow, b + Left.columnCount)
    }

    @inline(__always)
    mutating func add(_ other: Self) {
        left.add(other.left)
        right.add(other.right)
    }

    @inline(__always)
    mutating func finish() {
        left.finish()
        right.finish()
    }

    @inline(__always)
    func store(_ pointer: UnsafeMutablePointer<Float>, stride: Int) {
        left.store(pointer, stride: stride)
        right.store(pointer + Left.columnCount, stride: stride)
    }
}

typealias Rows2 = Joined<Rows1, Rows1>
typealias Rows4 = Joined<Rows2, Rows2>
typealias Rows6 = Joined<Rows4, Rows2>
typealias Rows8 = Joined<Rows4, Rows4>
typealias Rows12 = Joined<Rows8, Rows4>
