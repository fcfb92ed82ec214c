import KernelContract

/// The slow twins of pooling: direct loops over the definition, for Float and Double alike.
extension Reference {
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func maxPool<Scalar: BinaryFloatingPoint>(
        _ window: SlidingWindow, channels: Int, sampleCount: Int, x: UnsafePointer<Scalar>,
        y: UnsafeMutablePointer<Scalar>
    ) {
        for (output, source) in maxPoolSources(
            window, channels: channels, sampleCount: sampleCount, x: x
        ).enumerated() { y[output] = x[source] }
    }

    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func maxPoolGradient<Scalar: BinaryFloatingPoint>(
        _ window: SlidingWindow, channels: Int, sampleCount: Int, x: UnsafePointer<Scalar>, dy: UnsafePointer<Scalar>,
        dx: UnsafeMutablePointer<Scalar>
    ) {
        for i in 0..<sampleCount * window.inputPositions * channels { dx[i] = 0 }
        for (output, source) in maxPoolSources(
            window, channels: channels, sampleCount: sampleCount, x: x
        ).enumerated() { dx[source] += dy[output] }
    }

    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func averagePool<Scalar: BinaryFloatingPoint>(
        _ window: SlidingWindow, channels: Int, sampleCount: Int, x: UnsafePointer<Scalar>,
        y: UnsafeMutablePointer<Scalar>
    ) {
        forEachWindow(window, channels, sampleCount) { output, inputs in
            y[output] = inputs.reduce(Scalar(0)) { $0 + x[$1] } / Scalar(window.taps)
        }
    }

    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func averagePoolGradient<Scalar: BinaryFloatingPoint>(
        _ window: SlidingWindow, channels: Int, sampleCount: Int, dy: UnsafePointer<Scalar>,
        dx: UnsafeMutablePointer<Scalar>
    ) {
        for i in 0..<sampleCount * window.inputPositions * channels { dx[i] = 0 }
        forEachWindow(window, channels, sampleCount) { output, inputs in
            for input in inputs { dx[input] += dy[output] / Scalar(window.taps) }
        }
    }

    /// For each output of `maxPool`, the index of the input that it is.
    package static func maxPoolSources<Scalar: BinaryFloatingPoint>(
        _ window: SlidingWindow, channels: Int, sampleCount: Int, x: UnsafePointer<Scalar>
    ) -> [Int] {
        var sources = [Int](repeating: 0, count: sampleCount * window.outputPositions * channels)
        forEachWindow(window, channels, sampleCount) { output, inputs in
            if let first = firstGreatest(x, inputs) { sources[output] = first }
        }
        return sources
    }

    /// For each output element of a pooling layer, the indices of its window's inputs in row-major order.
    package static func windows(_ window: SlidingWindow, channels: Int, sampleCount: Int) -> [[Int]] {
        var windows = [[Int]](repeating: [], count: sampleCount * window.outputPositions * channels)
        forEachWindow(window, channels, sampleCount) { windows[$0] = $1 }
        return windows
    }

    private static func firstGreatest<Scalar: BinaryFloatingPoint>(
        _ x: UnsafePointer<Scalar>, _ inputs: [Int]
    ) -> Int? {
        guard var best = inputs.first else { return nil }
        for input in inputs where x[input] > x[best] { best = input }
        return best
    }

    /// For each output element: its index, and the indices of the inputs of its window in row-major order.
    private static func forEachWindow(
        _ window: SlidingWindow, _ channels: Int, _ sampleCount: Int, _ body: (Int, [Int]) -> Void
    ) {
        for sample in 0..<sampleCount {
            for i in 0..<window.outputHeight {
                for j in 0..<window.outputWidth {
                    let positions = (0..<window.taps).compactMap {
                        window.input(i, j, $0 / window.kernelWidth, $0 % window.kernelWidth)
                    }
                    let output = sample * window.outputPositions + i * window.outputWidth + j
                    for channel in 0..<channels {
                        body(
                            output * channels + channel,
                            positions.map { (sample * window.inputPositions + $0) * channels + channel })
                    }
                }
            }
        }
    }
}
