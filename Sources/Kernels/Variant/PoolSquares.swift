import KernelContract

/// Windows of 2 × 2 side by side, channels in whole vectors: what most networks have. Each input is in one window at most,
/// so the gradient is written once instead of cleared and added to.
struct PoolSquares {
    private let window: SlidingWindow
    private let channels: Int
    private let sampleCount: Int
    private let inputCount: Int
    private let outputCount: Int

    /// Nil for other windows.
    init?(_ window: SlidingWindow, channels: Int, sampleCount: Int) {
        guard window.kernelHeight == 2, window.kernelWidth == 2, window.stride == 2, window.paddingTop == 0,
            window.paddingLeft == 0, 2 * window.outputHeight <= window.inputHeight,
            2 * window.outputWidth <= window.inputWidth, channels % 16 == 0
        else { return nil }
        self.window = window
        self.channels = channels
        self.sampleCount = sampleCount
        inputCount = window.inputPositions * channels
        outputCount = window.outputPositions * channels
    }

    @inline(__always)
    private var lineStride: Int { window.inputWidth * channels }

    func maxPool(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>) {
        var target = y
        for sample in 0..<sampleCount {
            for i in 0..<window.outputHeight {
                var source = x + sample * inputCount + 2 * i * lineStride
                for _ in 0..<window.outputWidth {
                    for channel in stride(from: 0, to: channels, by: 16) {
                        let tap = source + channel
                        var best = load(tap)
                        let second = load(tap + channels)
                        best = best.replacing(with: second, where: second .> best)
                        let third = load(tap + lineStride)
                        best = best.replacing(with: third, where: third .> best)
                        let fourth = load(tap + lineStride + channels)
                        best = best.replacing(with: fourth, where: fourth .> best)
                        store(best, target + channel)
                    }
                    source += 2 * channels
                    target += channels
                }
            }
        }
    }

    func maxPoolGradient(
        _ x: UnsafePointer<Float>, dy: UnsafePointer<Float>, to dx: UnsafeMutablePointer<Float>
    ) {
        let zero = Vector(repeating: 0)
        var source = dy
        for sample in 0..<sampleCount {
            let image = sample * inputCount
            for i in 0..<window.outputHeight {
                var offset = image + 2 * i * lineStride
                for _ in 0..<window.outputWidth {
                    for channel in stride(from: 0, to: channels, by: 16) {
                        let tap = x + offset + channel
                        let target = dx + offset + channel
                        var best = load(tap)
                        let second = load(tap + channels)
                        let isSecond = second .> best
                        best = best.replacing(with: second, where: isSecond)
                        let third = load(tap + lineStride)
                        let isThird = third .> best
                        best = best.replacing(with: third, where: isThird)
                        let isFourth = load(tap + lineStride + channels) .> best
                        // The last that was greater has it; 0 + dy, as −0 becomes +0.
                        var rest = load(source + channel) + zero
                        store(zero.replacing(with: rest, where: isFourth), target + lineStride + channels)
                        rest = rest.replacing(with: zero, where: isFourth)
                        store(zero.replacing(with: rest, where: isThird), target + lineStride)
                        rest = rest.replacing(with: zero, where: isThird)
                        store(zero.replacing(with: rest, where: isSecond), target + channels)
                        store(rest.replacing(with: zero, where: isSecond), target)
                    }
                    offset += 2 * channels
                    source += channels
                }
                clear(dx + offset, count: (window.inputWidth - 2 * window.outputWidth) * channels)
                offset = image + (2 * i + 1) * lineStride + 2 * window.outputWidth * channels
                clear(dx + offset, count: (window.inputWidth - 2 * window.outputWidth) * channels)
            }
            clear(
                dx + image + 2 * window.outputHeight * lineStride,
                count: (window.inputHeight - 2 * window.outputHeight) * lineStride)
        }
    }

    /// `count` is a multiple of 16.
    @inline(__always)
    private func clear(_ values: UnsafeMutablePointer<Float>, count: Int) {
        for i in stride(from: 0, to: count, by: 16) { store(Vector(repeating: 0), values + i) }
    }
}
