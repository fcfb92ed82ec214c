import KernelContract

/// An image inside a border of zeros, so that all windows lie in it; or the image itself where they do already.
struct PaddedImage {
    /// Of the image with its border.
    let height: Int
    let width: Int
    let channels: Int
    let sourceHeight: Int
    private let sourceWidth: Int
    let top: Int
    private let left: Int

    /// Windows of `kernelHeight` × `kernelWidth`, `gridHeight` × `gridWidth` of them, the first at (−top, −left).
    init(
        sourceHeight: Int, sourceWidth: Int, channels: Int, top: Int, left: Int, kernelHeight: Int, kernelWidth: Int,
        stride: Int, gridHeight: Int, gridWidth: Int
    ) {
        self.sourceHeight = sourceHeight
        self.sourceWidth = sourceWidth
        self.channels = channels
        self.top = top
        self.left = left
        height = max(top + sourceHeight, (gridHeight - 1) * stride + kernelHeight)
        width = max(left + sourceWidth, (gridWidth - 1) * stride + kernelWidth)
    }

    /// Whether the image needs no border.
    var isSource: Bool { height == sourceHeight && width == sourceWidth }
    var floatCount: Int { height * width * channels }
    /// Floats of a copy: none where there is nothing to copy.
    var copyCount: Int { isSource ? 0 : floatCount }

    /// Once for each place: `copy` writes the image alone.
    func clear(_ target: UnsafeMutablePointer<Float>) {
        target.update(repeating: 0, count: copyCount)
    }

    /// The image with its border, which is `source` itself or written to `target`, that was cleared before.
    @inline(__always)
    func image(_ source: UnsafePointer<Float>, in target: UnsafeMutablePointer<Float>) -> UnsafePointer<Float> {
        guard !isSource else { return source }
        copy(source, to: target)
        return UnsafePointer(target)
    }

    private func copy(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>) {
        let count = sourceWidth * channels
        let first = target + (top * width + left) * channels
        for row in 0..<sourceHeight {
            (first + row * width * channels).update(from: source + row * count, count: count)
        }
    }
}

/// Windows over images with channels last that all lie inside: a window's row is contiguous.
struct WindowGrid {
    let height: Int
    let width: Int
    let kernelHeight: Int
    /// Floats of a window's row.
    let rowCount: Int
    /// Floats between neighbouring windows, between the image's rows, and between the windows' rows.
    let positionStride: Int
    let lineStride: Int
    let gridLineStride: Int
    /// Floats of an image.
    let imageCount: Int
    private let stride: Int
    /// The image's rows without its border.
    private let source: Range<Int>

    init(_ image: PaddedImage, height: Int, width: Int, kernelHeight: Int, kernelWidth: Int, stride: Int) {
        self.height = height
        self.width = width
        self.kernelHeight = kernelHeight
        rowCount = kernelWidth * image.channels
        positionStride = stride * image.channels
        lineStride = image.width * image.channels
        gridLineStride = stride * lineStride
        imageCount = image.floatCount
        self.stride = stride
        source = image.top..<image.top + image.sourceHeight
    }

    /// The rows of a window in row `i` of the grid that are not all border: a zero changes no chain.
    @inline(__always)
    func kernelRows(_ i: Int) -> Range<Int> {
        let first = min(max(source.lowerBound - i * stride, 0), kernelHeight)
        return first..<max(first, min(source.upperBound - i * stride, kernelHeight))
    }

    /// The rows of the grid whose windows have row `r` not in the border.
    @inline(__always)
    func gridRows(_ r: Int) -> Range<Int> {
        let first = min(max((source.lowerBound - r + stride - 1) / stride, 0), height)
        let end = source.upperBound - r
        return first..<max(first, end <= 0 ? 0 : min((end - 1) / stride + 1, height))
    }
}

extension PaddedImage {
    /// The inputs of a convolution.
    init(inputsOf shape: Convolution) {
        let window = shape.window
        self.init(
            sourceHeight: window.inputHeight, sourceWidth: window.inputWidth, channels: shape.inputChannels,
            top: window.paddingTop, left: window.paddingLeft, kernelHeight: window.kernelHeight,
            kernelWidth: window.kernelWidth, stride: window.stride, gridHeight: window.outputHeight,
            gridWidth: window.outputWidth)
    }

    /// The output gradients of a convolution with stride 1, over which its input gradient is one; nil where they would
    /// have to be cut instead.
    init?(outputGradientsOf shape: Convolution) {
        let window = shape.window
        let top = window.kernelHeight - 1 - window.paddingTop
        let left = window.kernelWidth - 1 - window.paddingLeft
        guard window.stride == 1, top >= 0, left >= 0 else { return nil }
        self.init(
            sourceHeight: window.outputHeight, sourceWidth: window.outputWidth, channels: shape.outputChannels,
            top: top, left: left, kernelHeight: window.kernelHeight, kernelWidth: window.kernelWidth, stride: 1,
            gridHeight: window.inputHeight, gridWidth: window.inputWidth)
    }
}

extension WindowGrid {
    init(inputsOf shape: Convolution, _ image: PaddedImage) {
        let window = shape.window
        self.init(
            image, height: window.outputHeight, width: window.outputWidth, kernelHeight: window.kernelHeight,
            kernelWidth: window.kernelWidth, stride: window.stride)
    }

    init(outputGradientsOf shape: Convolution, _ image: PaddedImage) {
        let window = shape.window
        self.init(
            image, height: window.inputHeight, width: window.inputWidth, kernelHeight: window.kernelHeight,
            kernelWidth: window.kernelWidth, stride: 1)
    }
}
