import KernelContract

extension VariantKernels {
    /// Input rows i with the same (i + paddingTop) mod stride meet the same rows of the kernel, in output rows that
    /// follow each other; columns likewise. So each pair of remainders is a convolution of `dy` with stride 1.
    @inline(never)
    package func convolutionInputGradient(
        _ shape: Convolution, sampleCount: Int, dy: UnsafePointer<Float>, weight: UnsafePointer<Float>,
        dx: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>
    ) {
        if let sparse = SparseGradients(shape, sampleCount: sampleCount, dy: dy, scratch: scratch) {
            sparse.inputGradient(weight: weight, dx: dx)
            return
        }
        let window = shape.window
        if shape.inputChannels % 16 == 0 {
            return inputGradientInPlace(
                shape, sampleCount: sampleCount, dy: dy, weight: weight, dx: dx, scratch: scratch)
        }
        for row in 0..<min(window.stride, window.inputHeight) {
            let rows = Phase(row: row, of: window)
            for column in 0..<min(window.stride, window.inputWidth) {
                let columns = Phase(column: column, of: window)
                inputGradient(
                    shape, rows, columns, sampleCount: sampleCount, dy: dy, weight: weight, dx: dx, scratch: scratch,
                    workspace: workspace)
            }
        }
    }

    private func inputGradientInPlace(
        _ shape: Convolution, sampleCount: Int, dy: UnsafePointer<Float>, weight: UnsafePointer<Float>,
        dx: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) {
        let window = shape.window
        let channels = shape.inputChannels
        let (rowPhases, columnPhases) = (min(window.stride, window.inputHeight), min(window.stride, window.inputWidth))
        // The border that the phases need.
        var (top, left, bottom, right) = (0, 0, 0, 0)
        for row in 0..<rowPhases {
            let rows = Phase(row: row, of: window)
            top = max(top, -rows.firstOutput)
            bottom = max(bottom, rows.endOutput)
        }
        for column in 0..<columnPhases {
            let columns = Phase(column: column, of: window)
            left = max(left, -columns.firstOutput)
            right = max(right, columns.endOutput)
        }
        let padded = PaddedImage(
            sourceHeight: window.outputHeight, sourceWidth: window.outputWidth, channels: shape.outputChannels,
            top: top, left: left, height: top + bottom, width: left + right)
        padded.clear(scratch)
        // The phases' taps, which together are all taps.
        let turned = scratch + shape.blocksFloatCount
        let tapCount = channels * shape.outputChannels
        var target = turned
        for row in 0..<rowPhases {
            for column in 0..<columnPhases {
                let (rows, columns) = (Phase(row: row, of: window), Phase(column: column, of: window))
                turn(weight, shape, rows, columns, to: target)
                target += rows.taps * columns.taps * tapCount
            }
        }
        let (inputCount, outputCount) = (shape.inputCount, shape.outputCount)
        let lineCount = window.inputWidth * channels
        for sample in 0..<sampleCount {
            let image = padded.image(dy + sample * outputCount, in: scratch)
            var weight = UnsafePointer(turned)
            for row in 0..<rowPhases {
                for column in 0..<columnPhases {
                    let (rows, columns) = (Phase(row: row, of: window), Phase(column: column, of: window))
                    let (firstRow, firstColumn) = (top + rows.firstOutput, left + columns.firstOutput)
                    let grid = WindowGrid(
                        padded, height: rows.count, width: columns.count, kernelHeight: rows.taps,
                        kernelWidth: columns.taps, stride: 1, firstRow: firstRow)
                    DirectConvolution(
                        grid: grid, weight: weight, outputChannels: channels, outputStride: window.stride * channels,
                        outputLineStride: window.stride * lineCount
                    ).run(
                        image + (firstRow * padded.width + firstColumn) * padded.channels,
                        to: dx + sample * inputCount + row * lineCount + column * channels)
                    weight += rows.taps * columns.taps * tapCount
                }
            }
        }
    }

    private func inputGradient(
        _ shape: Convolution, _ rows: Phase, _ columns: Phase, sampleCount: Int, dy: UnsafePointer<Float>,
        weight: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
        workspace: UnsafeMutablePointer<Float>
    ) {
        let window = shape.window
        let channels = shape.inputChannels
        let windows = WindowGather(
            source: dy, sourceCount: sampleCount * shape.outputCount, height: window.outputHeight,
            width: window.outputWidth, channels: shape.outputChannels, gridHeight: rows.count,
            gridWidth: columns.count, step: 1, firstRow: rows.firstOutput, firstColumn: columns.firstOutput,
            tapRows: rows.taps, tapColumns: columns.taps)
        let depth = windows.windowCount
        let turned = scratch + shape.blocksFloatCount
        turn(weight, shape, rows, columns, to: turned)
        let results = scratch + shape.blockFloatCount
        windows.forEachBlock(0..<sampleCount * rows.count * columns.count, in: scratch, shape) { positions, block in
            let isDirect = window.stride == 1
            multiply(
                MatrixProduct(
                    .nn, m: positions.count, n: channels, k: depth, a: block, aStride: depth,
                    b: UnsafePointer(turned), bStride: channels,
                    c: isDirect ? dx + positions.lowerBound * channels : results, cStride: channels),
                workspace: workspace)
            guard !isDirect else { return }
            for (index, position) in positions.enumerated() {
                let line = position / columns.count
                let sample = line / rows.count
                let row = (line % rows.count) * window.stride + rows.first
                let column = (position % columns.count) * window.stride + columns.first
                let target = dx + ((sample * window.inputHeight + row) * window.inputWidth + column) * channels
                target.update(from: results + index * channels, count: channels)
            }
        }
    }

    /// The taps of one phase as a matrix `[row, column and output channel of dy, input channel]`: dy's rows ascend where
    /// the kernel's descend.
    private func turn(
        _ weight: UnsafePointer<Float>, _ shape: Convolution, _ rows: Phase, _ columns: Phase,
        to turned: UnsafeMutablePointer<Float>
    ) {
        var target = turned
        for r in 0..<rows.taps {
            for c in 0..<columns.taps {
                let tap = rows.tap(r) * shape.window.kernelWidth + columns.tap(c)
                let source = weight + tap * shape.inputChannels * shape.outputChannels
                for o in 0..<shape.outputChannels {
                    for channel in 0..<shape.inputChannels {
                        target[channel] = source[channel * shape.outputChannels + o]
                    }
                    target += shape.inputChannels
                }
            }
        }
    }
}

/// Along one axis, the input positions `first`, `first + stride`, … and the taps that they meet.
private struct Phase {
    let first: Int
    /// Input positions.
    let count: Int
    /// Taps, possibly none; and the output position that the first input position meets first (it may be negative).
    let taps: Int
    let firstOutput: Int
    private let lastTap: Int
    private let stride: Int

    /// The output position behind the last that an input position meets.
    var endOutput: Int { firstOutput + taps + count - 1 }

    init(row: Int, of window: SlidingWindow) {
        self.init(
            first: row, stride: window.stride, extent: window.inputHeight, padding: window.paddingTop,
            kernel: window.kernelHeight)
    }

    init(column: Int, of window: SlidingWindow) {
        self.init(
            first: column, stride: window.stride, extent: window.inputWidth, padding: window.paddingLeft,
            kernel: window.kernelWidth)
    }

    private init(first: Int, stride: Int, extent: Int, padding: Int, kernel: Int) {
        // Output o meets input i with tap i + padding − o · stride.
        let smallestTap = (first + padding) % stride
        taps = smallestTap < kernel ? (kernel - smallestTap - 1) / stride + 1 : 0
        firstOutput = (first + padding) / stride - taps + 1
        lastTap = smallestTap + (taps - 1) * stride
        count = (extent - first + stride - 1) / stride
        self.first = first
        self.stride = stride
    }

    /// The kernel's row or column behind output number `index` of a window.
    func tap(_ index: Int) -> Int { lastTap - index * stride }
}
