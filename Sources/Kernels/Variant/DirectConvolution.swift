import KernelContract

/// Forward without gathered windows: neighbouring positions of an output row are the rows of a register tile, whose
/// windows lie `stride` pixels apart in the image. The chain runs along each of the window's rows, which are contiguous.
struct DirectConvolution {
    private let weight: UnsafePointer<Float>
    private let outputHeight: Int
    private let outputWidth: Int
    private let outputChannels: Int
    /// Floats between the windows of neighbouring positions, along a window's row, and between its rows.
    private let positionStride: Int
    private let rowCount: Int
    private let lineStride: Int
    private let kernelHeight: Int
    private let stride: Int

    /// Nil where windows reach beyond the image or channels do not fill vectors.
    init?(_ shape: Convolution, weight: UnsafePointer<Float>) {
        let window = shape.window
        guard window.paddingTop == 0, window.paddingLeft == 0, shape.outputChannels % 16 == 0,
            (window.outputHeight - 1) * window.stride + window.kernelHeight <= window.inputHeight,
            (window.outputWidth - 1) * window.stride + window.kernelWidth <= window.inputWidth
        else { return nil }
        self.weight = weight
        outputHeight = window.outputHeight
        outputWidth = window.outputWidth
        outputChannels = shape.outputChannels
        positionStride = window.stride * shape.inputChannels
        rowCount = window.kernelWidth * shape.inputChannels
        lineStride = window.inputWidth * shape.inputChannels
        kernelHeight = window.kernelHeight
        stride = window.stride
    }

    /// One image.
    func run(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>) {
        var channel = 0
        while channel < outputChannels {
            let columns = outputChannels - channel >= panelColumns ? panelColumns : 16
            for i in 0..<outputHeight {
                let source = x + i * stride * lineStride
                let target = y + i * outputWidth * outputChannels + channel
                var j = 0
                while j < outputWidth {
                    j += runWidest(
                        outputWidth - j, columns: columns, source + j * positionStride, weight + channel,
                        target + j * outputChannels)
                }
            }
            channel += columns
        }
    }

    @inline(__always)
    private func tile<Tile: RegisterTile>(
        _ source: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>,
        _: Tile.Type
    ) {
        var tile = Tile()
        var line = source
        var b = weight
        for _ in 0..<kernelHeight {
            var a = line
            for _ in 0..<rowCount {
                tile.step(a, positionStride, b)
                a += 1
                b += outputChannels
            }
            line += lineStride
        }
        tile.finish()
        tile.store(target, stride: outputChannels)
    }

    private typealias Source = UnsafePointer<Float>
    private typealias Target = UnsafeMutablePointer<Float>

    #if AVX512
        private var panelColumns: Int { @inline(__always) get { 32 } }
        @inline(never) private func run13x32(_ s: Source, _ w: Source, _ t: Target) { tile(s, w, t, Tile13.self) }
        @inline(never) private func run12x32(_ s: Source, _ w: Source, _ t: Target) { tile(s, w, t, Tile12.self) }
        @inline(never) private func run11x32(_ s: Source, _ w: Source, _ t: Target) { tile(s, w, t, Tile11.self) }
        @inline(never) private func run8x32(_ s: Source, _ w: Source, _ t: Target) { tile(s, w, t, Tile8.self) }
        @inline(never) private func run4x32(_ s: Source, _ w: Source, _ t: Target) { tile(s, w, t, Tile4.self) }
        @inline(never) private func run2x32(_ s: Source, _ w: Source, _ t: Target) { tile(s, w, t, Tile2.self) }
        @inline(never) private func run1x32(_ s: Source, _ w: Source, _ t: Target) { tile(s, w, t, Tile1.self) }
        @inline(never) private func run8x16(_ s: Source, _ w: Source, _ t: Target) { tile(s, w, t, Narrow<Rows8>.self) }
    #else
        private var panelColumns: Int { @inline(__always) get { 16 } }
        @inline(never) private func run6x16(_ s: Source, _ w: Source, _ t: Target) { tile(s, w, t, Narrow<Rows6>.self) }
    #endif
    @inline(never) private func run4x16(_ s: Source, _ w: Source, _ t: Target) { tile(s, w, t, Narrow<Rows4>.self) }
    @inline(never) private func run2x16(_ s: Source, _ w: Source, _ t: Target) { tile(s, w, t, Narrow<Rows2>.self) }
    @inline(never) private func run1x16(_ s: Source, _ w: Source, _ t: Target) { tile(s, w, t, Narrow<Rows1>.self) }

    /// Runs the tile that leaves the best remainder of `count` positions; returns how many it did.
    private func runWidest(_ count: Int, columns: Int, _ s: Source, _ w: Source, _ t: Target) -> Int {
        #if AVX512
            if columns == 32 {
                if count % 13 == 0 {
                    run13x32(s, w, t)
                    return 13
                }
                switch count {
                case 12...: run12x32(s, w, t); return 12
                case 11: run11x32(s, w, t); return 11
                case 8...: run8x32(s, w, t); return 8
                case 4...: run4x32(s, w, t); return 4
                case 2...: run2x32(s, w, t); return 2
                default: run1x32(s, w, t); return 1
                }
            }
            if count >= 8 {
                run8x16(s, w, t)
                return 8
            }
        #else
            if count >= 6 {
                run6x16(s, w, t)
                return 6
            }
        #endif
        switch count {
        case 4...: run4x16(s, w, t); return 4
        case 2...: run2x16(s, w, t); return 2
        default: run1x16(s, w, t); return 1
        }
    }
}

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

#if AVX512
    private typealias Tile1 = Wide<Rows1>
    private typealias Tile2 = Stacked<Tile1, Tile1>
    private typealias Tile4 = Stacked<Tile2, Tile2>
    private typealias Tile8 = Stacked<Tile4, Tile4>
    private typealias Tile11 = Stacked<Tile8, Stacked<Tile2, Tile1>>
    private typealias Tile12 = Stacked<Tile8, Tile4>
    /// 26 accumulators, 2 vectors of the weight and a broadcast: 29 of 32 registers.
    private typealias Tile13 = Stacked<Tile12, Tile1>
#endif
