import CMachine

/// Copies the next micro-panel of B bit by bit while the tiles of this one run, so that the way from memory hides behind
/// the multiply-adds; and asks for the next tile's C.
struct PanelFeeder {
    /// The next row of C, one tile wide.
    var c: UnsafePointer<Float>
    let cStride: Int
    /// The next row of B to copy, and how many are left.
    private var source: UnsafePointer<Float>
    private var target: UnsafeMutablePointer<Float>
    private var rest = 0
    private let stride: Int
    /// Rows to copy each time. They were asked for the time before.
    private let count: Int

    init(c: UnsafeMutablePointer<Float>, cStride: Int, b: UnsafePointer<Float>, bStride: Int, depth: Int, rowCount: Int)
    {
        self.c = UnsafePointer(c)
        self.cStride = cStride
        source = b
        target = c
        stride = bStride
        count = (depth + rowCount - 1) / rowCount
    }

    /// Begins with `depth` rows of `panelColumns` floats.
    mutating func begin(_ source: UnsafePointer<Float>, depth: Int, to target: UnsafeMutablePointer<Float>) {
        self.source = source
        self.target = target
        rest = depth
        for row in 0..<min(count, depth) { request(source + row * stride) }
    }

    /// A row that does not begin with a line of memory lies in one line more.
    @inline(__always)
    private func request(_ row: UnsafePointer<Float>) {
        lockstep_prefetch(row)
        if panelColumns > 16 { lockstep_prefetch(row + 16) }
        lockstep_prefetch(row + panelColumns - 1)
    }

    @inline(__always)
    mutating func feed() {
        request(c)
        c += cStride
        let now = min(count, rest)
        rest -= now
        for _ in 0..<now {
            request(source + count * stride)
            store(load(source), target)
            if panelColumns > 16 { store(load(source + 16), target + 16) }
            source += stride
            target += panelColumns
        }
    }

    /// What is left.
    mutating func finish() {
        while rest > 0 { feed() }
    }
}
