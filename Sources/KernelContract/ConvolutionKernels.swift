/// A window that slides over images `[height, width, channels]`: sizes of one sample, in elements.
///
/// Output (row, column) covers input rows `row · stride − paddingTop + 0..<kernelHeight` and columns likewise. What lies
/// outside the image is no part of any sum or maximum.
package struct SlidingWindow: Hashable, Sendable {
    package let inputHeight: Int
    package let inputWidth: Int
    package let kernelHeight: Int
    package let kernelWidth: Int
    package let stride: Int
    package let paddingTop: Int
    package let paddingLeft: Int
    package let outputHeight: Int
    package let outputWidth: Int

    /// Padding before the first row and column; what is needed behind the last follows from the output's extents.
    package init(
        inputHeight: Int, inputWidth: Int, kernelHeight: Int, kernelWidth: Int, stride: Int = 1, paddingTop: Int = 0,
        paddingLeft: Int = 0, outputHeight: Int, outputWidth: Int
    ) {
        precondition(
            inputHeight > 0 && inputWidth > 0 && kernelHeight > 0 && kernelWidth > 0 && stride > 0 && paddingTop >= 0
                && paddingLeft >= 0 && outputHeight > 0 && outputWidth > 0,
            """
            SlidingWindow: \(kernelHeight)x\(kernelWidth) over \(inputHeight)x\(inputWidth), stride \(stride), padding \
            \(paddingTop) \(paddingLeft), output \(outputHeight)x\(outputWidth)
            """)
        self.inputHeight = inputHeight
        self.inputWidth = inputWidth
        self.kernelHeight = kernelHeight
        self.kernelWidth = kernelWidth
        self.stride = stride
        self.paddingTop = paddingTop
        self.paddingLeft = paddingLeft
        self.outputHeight = outputHeight
        self.outputWidth = outputWidth
    }

    package var inputPositions: Int { inputHeight * inputWidth }
    package var outputPositions: Int { outputHeight * outputWidth }
    package var taps: Int { kernelHeight * kernelWidth }
}

/// A two-dimensional convolution (cross-correlation, as in PyTorch) of images in row-major order, channels last.
package struct Convolution: Hashable, Sendable {
    package let window: SlidingWindow
    package let inputChannels: Int
    package let outputChannels: Int

    package init(window: SlidingWindow, inputChannels: Int, outputChannels: Int) {
        precondition(
            inputChannels > 0 && outputChannels > 0, "Convolution: \(inputChannels) → \(outputChannels) channels")
        self.window = window
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
    }

    /// Of one sample.
    package var inputCount: Int { window.inputPositions * inputChannels }
    package var outputCount: Int { window.outputPositions * outputChannels }
    /// Floats of one input window: the length of a forward chain.
    package var windowCount: Int { window.taps * inputChannels }
    package var weightCount: Int { windowCount * outputChannels }

    /// Floats of a block of gathered windows: one window at least, and room for a vector's end.
    package var blockFloatCount: Int {
        max(Self.preferredBlockFloatCount, max(windowCount, window.taps * outputChannels), inputChannels) + 16
    }

    /// 128 KiB: lies in L2 beside the weights.
    package static let preferredBlockFloatCount = 32_768

    /// Floats of an image's inputs, or of its output gradients, within as much padding as their windows need; and a bit
    /// for each.
    private var paddedFloatCount: Int {
        func extent(_ count: Int, _ padding: Int, windows: Int, stride: Int, kernel: Int) -> Int {
            max(padding + count, (windows - 1) * stride + kernel)
        }
        let inputs =
            extent(
                window.inputHeight, window.paddingTop, windows: window.outputHeight, stride: window.stride,
                kernel: window.kernelHeight)
            * extent(
                window.inputWidth, window.paddingLeft, windows: window.outputWidth, stride: window.stride,
                kernel: window.kernelWidth) * inputChannels
        let outputs =
            (max(window.paddingTop + window.inputHeight, window.outputHeight) + window.kernelHeight - 1)
            * (max(window.paddingLeft + window.inputWidth, window.outputWidth) + window.kernelWidth - 1)
            * outputChannels
        return max(inputs + inputs / 16, outputs) + 32
    }

    /// Floats in front of the weights or the tree's stack: two blocks of windows, or a padded image.
    package var blocksFloatCount: Int { max(2 * blockFloatCount, paddedFloatCount) }

    /// Floats of scratch memory that the convolution kernels may use for `sampleCount` samples: a block of windows and a
    /// block of results, or a padded image; and the weights in another order or the tree's stack of partial weight
    /// gradients; or what the kernels need that leave zeros out.
    package func scratchFloatCount(sampleCount: Int) -> Int {
        let dense = blocksFloatCount + max(treeLevels(sampleCount), 1) * weightCount
        let own = hasSparseKernels ? sparsePlaces(sampleCount: sampleCount).floatCount : 0
        let mirrored = mirrored.map { $0.sparsePlaces(sampleCount: sampleCount).floatCount } ?? 0
        return max(dense, own, mirrored)
    }

    /// Levels of a canonical tree over at most `sampleCount` grains, above the lowest.
    private func treeLevels(_ sampleCount: Int) -> Int { Int.bitWidth - 1 - max(sampleCount, 1).leadingZeroBitCount }

    /// Whether there are kernels that leave out inputs and output gradients of 0.
    package var hasSparseKernels: Bool {
        window.kernelHeight == 3 && window.kernelWidth == 3 && window.stride == 1 && inputChannels % 32 == 0
            && outputChannels % 16 == 0
    }

    /// With inputs and output gradients in each other's place: its weight gradient is this one's, taps in descending order and
    /// channels exchanged, and its chains are the same. Nil where that has no kernel which leaves out zeros.
    package var mirrored: Convolution? {
        let mirrored = Convolution(
            window: SlidingWindow(
                inputHeight: window.outputHeight, inputWidth: window.outputWidth, kernelHeight: window.kernelHeight,
                kernelWidth: window.kernelWidth, stride: window.stride,
                paddingTop: max(window.kernelHeight - 1 - window.paddingTop, 0),
                paddingLeft: max(window.kernelWidth - 1 - window.paddingLeft, 0), outputHeight: window.inputHeight,
                outputWidth: window.inputWidth),
            inputChannels: outputChannels, outputChannels: inputChannels)
        guard window.paddingTop < window.kernelHeight, window.paddingLeft < window.kernelWidth,
            mirrored.hasSparseKernels
        else { return nil }
        return mirrored
    }

    /// Where those kernels keep what, in floats from the first multiple of 64 bytes of the scratch memory.
    package struct SparsePlaces {
        /// `[sampleCount, outputPositions]`, 64 bits for each 64 output channels; or of one sample's inputs.
        package let masks = 0
        /// Entries of two floats, `[outputChannels, listCapacity]`, and how many there are.
        package let lists, listCounts: Int
        /// Output positions whose gradients are listed at a time.
        package let listCapacity: Int
        /// One image with its padding.
        package let image: Int
        /// The weights in another order, or the tree's stack.
        package let turned: Int
        package let floatCount: Int
    }

    package func sparsePlaces(sampleCount: Int) -> SparsePlaces {
        func rounded(_ count: Int) -> Int { (count + 15) / 16 * 16 }
        func masks(_ positions: Int, _ channels: Int) -> Int { rounded(positions * ((channels + 63) / 64) * 2) }
        let lists = max(
            masks(sampleCount * window.outputPositions, outputChannels), masks(window.inputPositions, inputChannels))
        let listCapacity = min(window.outputPositions, 128)
        let listCounts = lists + rounded(outputChannels * listCapacity * 2)
        let image = listCounts + rounded(outputChannels * 2)
        let turned = image + (window.outputHeight + 2) * (window.outputWidth + 2) * inputChannels
        return SparsePlaces(
            lists: lists, listCounts: listCounts, listCapacity: listCapacity, image: image, turned: turned,
            floatCount: turned + (treeLevels(sampleCount) + 1) * weightCount + 16)
    }
}

/// Convolution and pooling. Images are `[sampleCount, height, width, channels]`.
///
/// Positions outside the image are not in a chain. A kernel may take them as zeros: a fused multiply-add with a zero
/// factor returns its finite addend, but for the sign of a zero, and `+ 0.0` at the chain's end removes that.
package protocol ConvolutionKernels {
    /// `y[s, i, j, o]` = chain over (row r, column c, input channel) of `x · weight[r, c, channel, o]`, from 0, ended by
    /// `+ 0.0`. The bias is not added. `weight: [kernelHeight, kernelWidth, inputChannels, outputChannels]`.
    ///
    /// `scratch` holds `scratchFloatCount(sampleCount:)` floats, `workspace` `KernelWorkspace.floatCount`.
    func convolve(
        _ shape: Convolution, sampleCount: Int, x: UnsafePointer<Float>, weight: UnsafePointer<Float>,
        y: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>)

    /// `dx[s, i, j, channel]` = chain over the output gradient's (row, column, output channel), each in ascending
    /// order, of `dy · weight`, from 0, ended by `+ 0.0`.
    func convolutionInputGradient(
        _ shape: Convolution, sampleCount: Int, dy: UnsafePointer<Float>, weight: UnsafePointer<Float>,
        dx: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>)

    /// `gradient[r, c, channel, o]` = canonical tree over grains of the chain over a grain's (sample, output row, output
    /// column) of `x · dy`; each chain begins at 0 and is ended by `+ 0.0`. Grains are those of `WeightGradient`.
    func convolutionWeightGradient(
        _ shape: Convolution, sampleCount: Int, grainSize: Int, x: UnsafePointer<Float>, dy: UnsafePointer<Float>,
        gradient: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
        workspace: UnsafeMutablePointer<Float>)

    /// `y` = the greatest of each window, channel by channel: the first by `>` in row-major order. Each window must
    /// cover a part of the image.
    func maxPool(
        _ window: SlidingWindow, channels: Int, sampleCount: Int, x: UnsafePointer<Float>,
        y: UnsafeMutablePointer<Float>)

    /// `dx` = 0, then each output gradient is added, in row-major order, where `maxPool` found its greatest element.
    func maxPoolGradient(
        _ window: SlidingWindow, channels: Int, sampleCount: Int, x: UnsafePointer<Float>, dy: UnsafePointer<Float>,
        dx: UnsafeMutablePointer<Float>)

    /// `y` = (sum of each window in row-major order, from 0) / taps, channel by channel. Windows lie inside the image.
    func averagePool(
        _ window: SlidingWindow, channels: Int, sampleCount: Int, x: UnsafePointer<Float>,
        y: UnsafeMutablePointer<Float>)

    /// `dx` = 0, then each `dy / taps` is added, in row-major order of the outputs, to all elements of its window.
    func averagePoolGradient(
        _ window: SlidingWindow, channels: Int, sampleCount: Int, dy: UnsafePointer<Float>,
        dx: UnsafeMutablePointer<Float>)
}
