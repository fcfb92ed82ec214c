import CMachine
import KernelContract

/// Where windows are gathered to leave zeros out: multiples of so many output channels, and below this share of inputs
/// other than 0.
private let skippingColumns = 128
private let skippingDensityLimit = 0.62
/// Below this share of inputs other than 0, times the share of taps that meet an output, the weight gradient leaves them out.
private let mirroredDensityLimit = 0.72

// Each pass takes the first kernel that fits (docs/KERNELS.md has them all). The last gathers the windows of a block of
// positions as rows of a matrix and multiplies: the chains of `multiply` run over (row, column, channel) as the contract
// wants. A padded tap is a zero factor (see `ConvolutionKernels`).

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
            sumGrains(of: sparse, grainSize: grainSize, x: x)
            sparse.turnBack(UnsafePointer(sparse.turned), to: gradient)
            return
        }
        if let mirrored = shape.mirrored,
            let sparse = SparseGradients(
                mirrored, sampleCount: sampleCount, dy: x, densityLimit: mirroredDensityLimit * shape.window.metShare,
                scratch: scratch)
        {
            sumGrains(of: sparse, grainSize: grainSize, x: dy)
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
        if shape.outputChannels % 16 == 0 {
            return weightGradientInPlace(
                shape, sampleCount: sampleCount, grainSize: grainSize, x: x, dy: dy, gradient: gradient,
                scratch: scratch)
        }
        let windows = WindowGather(inputsOf: shape, sampleCount: sampleCount, x: x)
        let rows = shape.windowCount
        let columns = shape.outputChannels
        let positions = shape.window.outputPositions
        sumGrains(
            sampleCount: sampleCount, grainSize: grainSize, count: shape.weightCount, first: gradient,
            others: scratch + shape.blocksFloatCount
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

    private func weightGradientInPlace(
        _ shape: Convolution, sampleCount: Int, grainSize: Int, x: UnsafePointer<Float>, dy: UnsafePointer<Float>,
        gradient: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) {
        let padded = PaddedImage(inputsOf: shape)
        let direct = DirectWeightGradient(
            grid: WindowGrid(inputsOf: shape, padded), outputChannels: shape.outputChannels)
        let (inputCount, outputCount) = (shape.inputCount, shape.outputCount)
        let copyCount = padded.copyCount
        // Of what fits the scratch memory, as many images at a time.
        let capacity = copyCount == 0 ? sampleCount : min(sampleCount, shape.blocksFloatCount / copyCount)
        for copy in 0..<capacity { padded.clear(scratch + copy * copyCount) }
        sumGrains(
            sampleCount: sampleCount, grainSize: grainSize, count: shape.weightCount, first: gradient,
            others: scratch + shape.blocksFloatCount
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
                    images, dy + first * outputCount, imageCount: count, accumulates: first > samples.lowerBound,
                    to: sum)
                first += count
            }
        }
    }

    /// Into `sparse.turned`.
    private func sumGrains(of sparse: SparseGradients, grainSize: Int, x: UnsafePointer<Float>) {
        let count = sparse.shape.weightCount
        sumGrains(
            sampleCount: sparse.sampleCount, grainSize: grainSize, count: count, first: sparse.turned,
            others: sparse.turned + count
        ) { samples, sum in
            sparse.weightGradient(samples: samples, x: x, sum: sum)
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
    func forEachBlock(
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
