import Errors
import KernelContract
import Tensors

/// The extents of a kernel: `3x3`, or `3` for a square one.
package struct KernelSize: Hashable, Sendable {
    package let height: Int
    package let width: Int

    package init(_ height: Int, _ width: Int) {
        self.height = height
        self.width = width
    }

    package var text: String { "\(height)x\(width)" }
}

/// `conv 32 3x3 stride 2 padding 1`
package struct ConvolutionDescription: Hashable, Sendable {
    package enum Padding: Hashable, Sendable {
        /// Rows and columns of nothing on every side.
        case zeros(Int)
        /// As many as keep the extents, the odd one behind (PyTorch's `padding="same"`, for stride 1).
        case same
    }

    package let outputChannels: Int
    package let kernel: KernelSize
    package let stride: Int
    package let padding: Padding

    package init(outputChannels: Int, kernel: KernelSize, stride: Int = 1, padding: Padding = .zeros(0)) {
        self.outputChannels = outputChannels
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
    }

    var text: String {
        var text = "\(outputChannels) \(kernel.text)"
        if stride != 1 { text += " stride \(stride)" }
        switch padding {
        case .zeros(0): break
        case .zeros(let count): text += " padding \(count)"
        case .same: text += " padding same"
        }
        return text
    }
}

/// `maxpool 2 stride 2 padding 1`
package struct PoolDescription: Hashable, Sendable {
    package let kernel: KernelSize
    package let stride: Int
    package let padding: Int

    package init(kernel: KernelSize, stride: Int, padding: Int = 0) {
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
    }

    var text: String {
        var text = kernel.height == kernel.width ? "\(kernel.height)" : kernel.text
        if kernel.height != kernel.width || stride != kernel.height { text += " stride \(stride)" }
        if padding != 0 { text += " padding \(padding)" }
        return text
    }
}

// MARK: Reading

extension LayerDescription {
    static func convolution(_ words: inout LayerWords) throws -> LayerDescription {
        let outputChannels = try words.size("CHANNELS")
        let kernel = try words.kernelSize()
        let stride = words.accepts("stride") ? try words.extent("a number behind \"stride\"", from: 1) : 1
        var padding = ConvolutionDescription.Padding.zeros(0)
        if words.accepts("padding") {
            padding =
                words.accepts("same")
                ? .same : .zeros(try words.extent("a number or \"same\" behind \"padding\"", from: 0))
        }
        return .convolution(
            ConvolutionDescription(outputChannels: outputChannels, kernel: kernel, stride: stride, padding: padding))
    }

    static func maxPool(_ words: inout LayerWords) throws -> LayerDescription {
        let (kernel, stride) = try words.pool()
        let padding = words.accepts("padding") ? try words.extent("a number behind \"padding\"", from: 0) : 0
        return .maxPool(PoolDescription(kernel: kernel, stride: stride, padding: padding))
    }

    static func averagePool(_ words: inout LayerWords) throws -> LayerDescription {
        let (kernel, stride) = try words.pool()
        return .averagePool(PoolDescription(kernel: kernel, stride: stride))
    }
}

extension LayerWords {
    /// Of a kernel, a stride or a padding.
    private static let greatestExtent = 1_000

    fileprivate mutating func kernelSize() throws -> KernelSize {
        try value("SIZE", "a kernel size such as 3 or 3x5") { word in
            let extents = word.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
            guard extents.count == 1 || extents.count == 2, let height = extents[0],
                let width = extents[extents.count - 1],
                (1...Self.greatestExtent).contains(height) && (1...Self.greatestExtent).contains(width)
            else { return nil }
            return KernelSize(height, width)
        }
    }

    /// A kernel and the stride, which is the kernel's size unless it is given.
    fileprivate mutating func pool() throws -> (KernelSize, Int) {
        let kernel = try kernelSize()
        if kernel.height == kernel.width && !accepts("stride") { return (kernel, kernel.height) }
        if kernel.height != kernel.width {
            try value("\"stride N\", its kernel is not square,", "\"stride\"") { $0 == "stride" ? () : nil }
        }
        return (kernel, try extent("a number behind \"stride\"", from: 1))
    }

    fileprivate mutating func extent(_ meaning: String, from least: Int) throws -> Int {
        try value(meaning, "a size from \(least) to \(Self.greatestExtent)") {
            Int($0).flatMap { (least...Self.greatestExtent).contains($0) ? $0 : nil }
        }
    }
}

// MARK: Shapes

/// Height, width and channels of an image; `[height, width]` has one channel.
struct ImageShape {
    let height: Int
    let width: Int
    let channels: Int

    /// - Throws: `Failure(.data)` where `shape` is no image.
    init(_ shape: Shape) throws {
        guard shape.extents.count == 2 || shape.extents.count == 3 else {
            throw Failure(
                .data, "needs an image [height, width] or [height, width, channels], but what comes in is \(shape)")
        }
        height = shape.extents[0]
        width = shape.extents[1]
        channels = shape.extents.count == 3 ? shape.extents[2] : 1
    }

    /// - Parameter padding: rows and columns before and behind together, and how many of them before.
    /// - Throws: `Failure(.data)` where the kernel is larger than the padded image.
    func window(
        kernel: KernelSize, stride: Int, padding: (rows: Int, columns: Int), before: (top: Int, left: Int)
    ) throws -> SlidingWindow {
        let (paddedHeight, paddedWidth) = (height + padding.rows, width + padding.columns)
        guard kernel.height <= paddedHeight && kernel.width <= paddedWidth else {
            let padded = padding == (0, 0) ? "" : ", with padding [\(paddedHeight), \(paddedWidth)]"
            throw Failure(
                .data,
                "has a kernel of [\(kernel.height), \(kernel.width)], larger than its input "
                    + "[\(height), \(width), \(channels)]\(padded)")
        }
        return SlidingWindow(
            inputHeight: height, inputWidth: width, kernelHeight: kernel.height, kernelWidth: kernel.width,
            stride: stride, paddingTop: before.top, paddingLeft: before.left,
            outputHeight: (paddedHeight - kernel.height) / stride + 1,
            outputWidth: (paddedWidth - kernel.width) / stride + 1)
    }
}
