import KernelContract

/// The weight gradient of a first layer: a 3 × 3 kernel over one channel, whose sums all lie in registers while the tile
/// goes over the positions of a grain. Each reads the output gradient once and broadcasts the window in place.
struct NarrowWeightGradient {
    private let x: UnsafePointer<Float>
    private let dy: UnsafePointer<Float>
    private let inputCount: Int
    private let outputHeight: Int
    private let outputWidth: Int
    private let outputChannels: Int
    private let step: Int
    private let lineStride: Int

    #if AVX512
        private typealias Lines = WindowLines<WindowLine, WindowLines<WindowLine, WindowLine>>
    #else
        /// 12 accumulators of 16 registers.
        private typealias Lines = WindowLine
    #endif

    /// Nil for other shapes.
    init?(_ shape: Convolution, x: UnsafePointer<Float>, dy: UnsafePointer<Float>) {
        let window = shape.window
        guard shape.inputChannels == 1, window.kernelHeight == 3, window.kernelWidth == 3, window.paddingTop == 0,
            window.paddingLeft == 0, shape.outputChannels % 32 == 0,
            (window.outputHeight - 1) * window.stride + 3 <= window.inputHeight,
            (window.outputWidth - 1) * window.stride + 3 <= window.inputWidth
        else { return nil }
        self.x = x
        self.dy = dy
        inputCount = shape.inputCount
        outputHeight = window.outputHeight
        outputWidth = window.outputWidth
        outputChannels = shape.outputChannels
        step = window.stride
        lineStride = window.inputWidth
    }

    /// The chains of one grain.
    func run(_ samples: Range<Int>, to sum: UnsafeMutablePointer<Float>) {
        for channel in stride(from: 0, to: outputChannels, by: 32) {
            for line in stride(from: 0, to: 3, by: Lines.lineCount) {
                chain(samples, line: line, channel: channel, to: sum + 3 * line * outputChannels + channel)
            }
        }
    }

    @inline(never)
    private func chain(_ samples: Range<Int>, line: Int, channel: Int, to sum: UnsafeMutablePointer<Float>) {
        var lines = Lines()
        var gradient = dy + samples.lowerBound * outputHeight * outputWidth * outputChannels + channel
        for sample in samples {
            for i in 0..<outputHeight {
                var source = x + sample * inputCount + (i * step + line) * lineStride
                for _ in 0..<outputWidth {
                    lines.step(source, lineStride, gradient)
                    source += step
                    gradient += outputChannels
                }
            }
        }
        lines.finish(to: sum, stride: outputChannels)
    }
}

/// Sums of some of a window's lines, three taps each, × 32 output channels.
private protocol WindowSums {
    static var lineCount: Int { get }
    init()
    mutating func step(_ source: UnsafePointer<Float>, _ lineStride: Int, _ gradient: UnsafePointer<Float>)
    mutating func finish(to sum: UnsafeMutablePointer<Float>, stride: Int)
}

private struct WindowLine: WindowSums {
    private var tile = Wide<Joined<Rows2, Rows1>>()

    static var lineCount: Int { @inline(__always) get { 1 } }

    @inline(__always)
    init() {}

    @inline(__always)
    mutating func step(_ source: UnsafePointer<Float>, _ lineStride: Int, _ gradient: UnsafePointer<Float>) {
        tile.step(source, 1, gradient)
    }

    @inline(__always)
    mutating func finish(to sum: UnsafeMutablePointer<Float>, stride: Int) {
        tile.finish()
        tile.store(sum, stride: stride)
    }
}

private struct WindowLines<Upper: WindowSums, Lower: WindowSums>: WindowSums {
    private var upper = Upper()
    private var lower = Lower()

    static var lineCount: Int { @inline(__always) get { Upper.lineCount + Lower.lineCount } }

    @inline(__always)
    init() {}

    @inline(__always)
    mutating func step(_ source: UnsafePointer<Float>, _ lineStride: Int, _ gradient: UnsafePointer<Float>) {
        upper.step(source, lineStride, gradient)
        lower.step(source + Upper.lineCount * lineStride, lineStride, gradient)
    }

    @inline(__always)
    mutating func finish(to sum: UnsafeMutablePointer<Float>, stride: Int) {
        upper.finish(to: sum, stride: stride)
        lower.finish(to: sum + 3 * Upper.lineCount * stride, stride: stride)
    }
}
