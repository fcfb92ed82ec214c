import CMachine
import KernelContract

/// Where windows are gathered to leave zeros out: multiples of so many output channels, and below this share of inputs
/// other than 0.
private let skippingColumns = 128
private let skippingDensityLimit = 0.62
/// Below this share of inputs other than 0, times the share of taps that meet an output, the weight gradient leaves them out.
private let mirroredDensityLimit = 0.72

// Each pass gathers the windows of a block of positions as rows of a matrix and multiplies: the chains of `multiply`
// run over (row, column, channel) as the contract wants. A padded tap is a zero factor (see `ConvolutionKernels`).

extension VariantKernels {
    @inline(never)
    package func convolve(
        _ shape: Convolution, sampleCount: Int, x: UnsafePointer<Float>, weight: UnsafePointer<Float>,
        y: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>
    ) {
        if shape.outputChannels % 16 == 0, !prefersSkipping(shape, sampleCount: sampleCount, x: x) {
            return convolveInPlace(shape, sampleCount: sampleCount, x: x, weight: weight, y: y, scratch: scratch)
        }
        let windows = WindowGather(inputsOf: shape, sampleCount: sampleCount, x: x)
        let depth = shape.windowCount
        let columns = shape.outputChannels
        windows.forEachBlock(0..<sampleCount * shape.window.outputPositions, in: scratch, shape) { positions, block in
            multiply(
                MatrixProduct(
                    .nn, m: positions.count, n: columns, k: depth, a: block, aStride: depth, b: weight,
                    bStride: columns, c: y + positions.lowerBound * columns, cStride: columns),
                workspace: workspace)
        }
    }

    /// Whether gathered windows, of whose products those with 0 are left out, are faster than windows in place.
    private func prefersSkipping(_ shape: Convolution, sampleCount: Int, x: UnsafePointer<Float>) -> Bool {
        guard shape.outputChannels % skippingColumns == 0, shape.inputChannels % 16 == 0 else { return false }
        let count = sampleCount * shape.inputCount
        let stretches = min(count / 16, 256)
        var nonzeros = 0
        for stretch in 0..<stretches {
            nonzeros += lockstep_nonzero_lanes(load(x + stretch * (count / 16 / stretches) * 16)).nonzeroBitCount
        }
        return Double(nonzeros) < skippingDensityLimit * Double(16 * stretches)
    }

    private func convolveInPlace(
        _ shape: Convolution, sampleCount: Int, x: UnsafePointer<Float>, weight: UnsafePointer<Float>,
        y: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) {
        let padded = PaddedImage(inputsOf: shape)
        padded.clear(scratch)
        let sparse = SparseConvolution(shape, padded, weight: weight, scratch: scratch + padded.copyCount)
        let direct = DirectConvolution(
            grid: WindowGrid(inputsOf: shape, padded), weight: weight, outputChannels: shape.outputChannels,
            outputStride: shape.outputChannels, outputLineStride: shape.window.outputWidth * shape.outputChannels)
        let (inputCount, outputCount) = (shape.inputCount, shape.outputCount)
        for sample in 0..<sampleCount {
            let (image, target) = (padded.image(x + sample * inputCount, in: scratch), y + sample * outputCount)
            if let sparse, sparse.run(image, to: target) { continue }
            direct.run(image, to: target)
        }
    }

    @inline(never)
    package func convolutionWeightGradient(
        _ shape: Convolution, sampleCount: Int, grainSize: Int, x: UnsafePointer<Float>, dy: UnsafePointer<Float>,
        gradient: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
        workspace: UnsafeMutablePointer<Float>
    ) {
        guard sampleCount > 0 else {
            for i in 0..<shape.weightCount { gradient[i] = 0 }
            return
        }
        if let sparse = SparseGradients(shape, sampleCount: sampleCount, dy: dy, scratch: scratch) {
            sumGrains(
                sampleCount: sampleCount, grainSize: grainSize, count: shape.weightCount, first: sparse.turned,
                others: sparse.turned + shape.weightCount
            ) { samples, sum in
                sparse.weightGradient(samples: samples, x: x, sum: sum)
            }
            sparse.turnBack(UnsafePointer(sparse.turned), to: gradient)
            return
        }
        if let mirrored = shape.mirrored,
            let sparse = SparseGradients(
                mirrored, sampleCount: sampleCount, dy: x, densityLimit: mirroredDensityLimit * shape.window.metShare,
                scratch: scratch)
        {
            sumGrains(
                sampleCount: sampleCount, grainSize: grainSize, count: shape.weightCount, first: sparse.turned,
                others: sparse.turned + shape.weightCount
            ) { samples, sum in
                sparse.weightGradient(samples: samples, x: dy, sum: sum)
            }
            sparse.turnBackMirrored(UnsafePointer(sparse.turned), to: gradient)
            return
        }
        if let narrow = NarrowWeightGradient(shape, x: x, dy: dy) {
            return sumGrains(
                sampleCount: sampleCount, grainSize: grainSize, count: shape.weightCount, first: gradient,
                others: scratch
            ) { samples, sum in
                narrow.run(samples, to: sum)
            }
        }
        let others = scratch + shape.blocksFloatCount
        let positions = shape.window.outputPositions
        let columns = shape.outputChannels
        if columns % 16 == 0 {
            let padded = PaddedImage(inputsOf: shape)
            let direct = DirectWeightGradient(grid: WindowGrid(inputsOf: shape, padded), outputChannels: columns)
            let inputCount = shape.inputCount
            let copyCount = padded.copyCount
            // Of what fits the scratch memory, as many images at a time.
            let capacity = copyCount == 0 ? sampleCount : min(sampleCount, shape.blocksFloatCount / copyCount)
            for copy in 0..<(copyCount == 0 ? 0 : capacity) { padded.clear(scratch + copy * copyCount) }
            return sumGrains(
                sampleCount: sampleCount, grainSize: grainSize, count: shape.weightCount, first: gradient,
                others: others
            ) { samples, sum in
                var first = samples.lowerBound
                while first < samples.upperBound {
                    let count = min(capacity, samples.upperBound - first)
                    var images = x + first * inputCount
                    if copyCount > 0 {
                        for image in 0..<count {
                            _ = padded.image(images + image * inputCount, in: scratch + image * copyCount)
                        }
                        images = UnsafePointer(scratch)
                    }
                    direct.run(
                        images, dy + first * positions * columns, imageCount: count,
                        accumulates: first > samples.lowerBound, to: sum)
                    first += count
                }
            }
        }
        let windows = WindowGather(inputsOf: shape, sampleCount: sampleCount, x: x)
        let rows = shape.windowCount
        sumGrains(
            sampleCount: sampleCount, grainSize: grainSize, count: shape.weightCount, first: gradient, others: others
        ) { samples, sum in
            let first = samples.lowerBound * positions
            windows.forEachBlock(first..<samples.upperBound * positions, in: scratch, shape) { block, matrix in
                multiply(
                    MatrixProduct(
                        .tn, m: rows, n: columns, k: block.count, a: matrix, aStride: rows,
                        b: dy + block.lowerBound * columns, bStride: columns, c: sum, cStride: columns,
                        accumulates: block.lowerBound > first),
                    workspace: workspace)
            }
        }
    }

    /// The canonical tree as a binary counter carries: after grain number g, as many merges as g has trailing zero bits;
    /// at the end, all. The lowest level of the stack, and at last the sum, is `first`, the others follow each other.
    private func sumGrains(
        sampleCount: Int, grainSize: Int, count: Int, first: UnsafeMutablePointer<Float>,
        others: UnsafeMutablePointer<Float>,
        _ chain: (_ samples: Range<Int>, _ sum: UnsafeMutablePointer<Float>) -> Void
    ) {
        func level(_ depth: Int) -> UnsafeMutablePointer<Float> {
            depth == 0 ? first : others + (depth - 1) * count
        }
        var depth = 0
        var grains = 0
        var sample = 0
        while sample < sampleCount {
            let next = min(sample + grainSize, sampleCount)
            chain(sample..<next, level(depth))
            depth += 1
            grains += 1
            sample = next
            let merges = sample == sampleCount ? depth - 1 : grains.trailingZeroBitCount
            for _ in 0..<merges {
                depth -= 1
                accumulate(level(depth), count: count, onto: level(depth - 1))
            }
        }
    }

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

    private func accumulate(_ x: UnsafeMutablePointer<Float>, count: Int, onto sum: UnsafeMutablePointer<Float>) {
        var i = 0
        while i + 16 <= count {
            store(load(UnsafePointer(sum + i)) + load(UnsafePointer(x + i)), sum + i)
            i += 16
        }
        while i < count {
            sum[i] += x[i]
            i += 1
        }
    }
}

extension SlidingWindow {
    /// Of all pairs of an input position and a tap the share that meets an output, for stride 1.
    fileprivate var metShare: Double {
        func pairs(_ inputs: Int, _ outputs: Int, _ taps: Int, padding: Int) -> Int {
            (0..<taps).reduce(0) { $0 + max(0, min(outputs, inputs + padding - $1) - max(0, padding - $1)) }
        }
        let rows = pairs(inputHeight, outputHeight, kernelHeight, padding: paddingTop)
        let columns = pairs(inputWidth, outputWidth, kernelWidth, padding: paddingLeft)
        return Double(rows * columns) / Double(taps * inputPositions)
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

extension WindowGather {
    fileprivate init(inputsOf shape: Convolution, sampleCount: Int, x: UnsafePointer<Float>) {
        let window = shape.window
        self.init(
            source: x, sourceCount: sampleCount * shape.inputCount, height: window.inputHeight,
            width: window.inputWidth, channels: shape.inputChannels, gridHeight: window.outputHeight,
            gridWidth: window.outputWidth, step: window.stride, firstRow: -window.paddingTop,
            firstColumn: -window.paddingLeft, tapRows: window.kernelHeight, tapColumns: window.kernelWidth)
    }

    /// Cuts `positions` into blocks that fit `scratch`, both their windows and a row of input channels for each.
    @inline(__always)
    fileprivate func forEachBlock(
        _ positions: Range<Int>, in scratch: UnsafeMutablePointer<Float>, _ shape: Convolution,
        _ body: (_ positions: Range<Int>, _ windows: UnsafePointer<Float>) -> Void
    ) {
        let capacity = max(1, (shape.blockFloatCount - 16) / max(1, max(windowCount, shape.inputChannels)))
        var first = positions.lowerBound
        while first < positions.upperBound {
            let block = first..<min(first + capacity, positions.upperBound)
            if isIdentity {
                body(block, source + first * channels)
            } else {
                // Without taps there is nothing to copy; the products are empty chains.
                if windowCount > 0 { gather(block, to: scratch) }
                body(block, UnsafePointer(scratch))
            }
            first = block.upperBound
        }
    }
}
