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

    /// `top` and `left` rows and columns in front of the image, and as many behind it as `height` and `width` ask for.
    init(
        sourceHeight: Int, sourceWidth: Int, channels: Int, top: Int, left: Int, height: Int, width: Int
    ) {
        self.sourceHeight = sourceHeight
        self.sourceWidth = sourceWidth
        self.channels = channels
        self.top = top
        self.left = left
        self.height = max(top + sourceHeight, height)
        self.width = max(left + sourceWidth, width)
    }

    /// The inputs of a convolution.
    init(inputsOf shape: Convolution) {
        let window = shape.window
        self.init(
            sourceHeight: window.inputHeight, sourceWidth: window.inputWidth, channels: shape.inputChannels,
            top: window.paddingTop, left: window.paddingLeft,
            height: (window.outputHeight - 1) * window.stride + window.kernelHeight,
            width: (window.outputWidth - 1) * window.stride + window.kernelWidth)
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
    /// The image's rows without its border, counted from the first window's.
    private let source: Range<Int>

    /// The first window begins in row `firstRow` of the image with its border.
    init(
        _ image: PaddedImage, height: Int, width: Int, kernelHeight: Int, kernelWidth: Int, stride: Int,
        firstRow: Int = 0
    ) {
        self.height = height
        self.width = width
        self.kernelHeight = kernelHeight
        self.stride = stride
        rowCount = kernelWidth * image.channels
        positionStride = stride * image.channels
        lineStride = image.width * image.channels
        gridLineStride = stride * lineStride
        imageCount = image.floatCount
        source = image.top - firstRow..<image.top - firstRow + image.sourceHeight
    }

    init(inputsOf shape: Convolution, _ image: PaddedImage) {
        let window = shape.window
        self.init(
            image, height: window.outputHeight, width: window.outputWidth, kernelHeight: window.kernelHeight,
            kernelWidth: window.kernelWidth, stride: window.stride)
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
