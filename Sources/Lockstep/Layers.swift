/// A layer as a Swift value: another spelling of the same grammar that texts and YAML files use.
public protocol ModelLayer: Sendable {
    /// As a model text writes the layer.
    var text: String { get }
}

/// Layers as a text, such as `LayerText("conv 32 3x3, relu")`.
public struct LayerText: ModelLayer {
    public let text: String
    public init(_ text: String) { self.text = text }
}

/// `y = x W + b`; an image is flattened.
public struct Dense: ModelLayer {
    public let text: String
    public init(_ outputFeatures: Int) { text = "dense \(outputFeatures)" }
}

/// The height and width of a kernel: `3` for a square one, or `KernelExtent(3, 5)`.
public struct KernelExtent: Sendable, Hashable, ExpressibleByIntegerLiteral {
    public let height: Int
    public let width: Int

    public init(_ height: Int, _ width: Int) {
        self.height = height
        self.width = width
    }

    public init(integerLiteral size: Int) { self.init(size, size) }

    fileprivate var text: String { "\(height)x\(width)" }
}

/// What surrounds an image: rows and columns of zeros on every side, or as many as keep the extents.
public enum Padding: Sendable, Hashable, ExpressibleByIntegerLiteral {
    case zeros(Int)
    case same

    public init(integerLiteral count: Int) { self = .zeros(count) }

    fileprivate var text: String {
        switch self {
        case .zeros(0): ""
        case .zeros(let count): " padding \(count)"
        case .same: " padding same"
        }
    }
}

private func strideText(_ stride: Int, unless standard: Int) -> String { stride == standard ? "" : " stride \(stride)" }

/// Convolution of images [height, width, channels], PyTorch's definition.
public struct Convolution: ModelLayer {
    public let text: String
    public init(_ channels: Int, kernel: KernelExtent, stride: Int = 1, padding: Padding = .zeros(0)) {
        text = "conv \(channels) \(kernel.text)\(strideText(stride, unless: 1))\(padding.text)"
    }
}

/// Transposed convolution, PyTorch's definition: for decoders.
public struct ConvolutionTranspose: ModelLayer {
    public let text: String
    public init(_ channels: Int, kernel: KernelExtent, stride: Int = 1, padding: Int = 0) {
        text = "conv-transpose \(channels) \(kernel.text)\(strideText(stride, unless: 1))\(Padding.zeros(padding).text)"
    }
}

/// Greatest value of each window; the stride is the kernel's height unless said.
public struct MaxPool: ModelLayer {
    public let text: String
    public init(_ kernel: KernelExtent, stride: Int? = nil, padding: Int = 0) {
        text = "maxpool \(poolText(kernel, stride))\(Padding.zeros(padding).text)"
    }
}

/// Mean of each window; the stride is the kernel's height unless said.
public struct AveragePool: ModelLayer {
    public let text: String
    public init(_ kernel: KernelExtent, stride: Int? = nil) { text = "avgpool \(poolText(kernel, stride))" }
}

private func poolText(_ kernel: KernelExtent, _ stride: Int?) -> String {
    guard kernel.height == kernel.width else { return "\(kernel.text) stride \(stride ?? kernel.height)" }
    return "\(kernel.height)\(strideText(stride ?? kernel.height, unless: kernel.height))"
}

/// Mean of each channel.
public struct GlobalAveragePool: ModelLayer {
    public let text = "global-avgpool"
    public init() {}
}

/// One dimension; ``Dense`` does it by itself.
public struct Flatten: ModelLayer {
    public let text = "flatten"
    public init() {}
}

/// In training, elements become 0 with `probability` and the others are scaled up.
public struct Dropout: ModelLayer {
    public let text: String
    public init(_ probability: Double) { text = "dropout \(probability)" }
}

/// Each channel or feature normalised over the whole batch of all workers; in evaluation by running statistics.
public struct BatchNorm: ModelLayer {
    public let text = "batchnorm"
    public init() {}
}

/// Each sample normalised by itself.
public struct LayerNorm: ModelLayer {
    public let text = "layernorm"
    public init() {}
}

/// `exp(xᵢ) / Σ exp(xⱼ)`
public struct Softmax: ModelLayer {
    public let text = "softmax"
    public init() {}
}

/// The same values as an image.
public struct Reshape: ModelLayer {
    public let text: String
    public init(height: Int, width: Int, channels: Int) { text = "reshape \(height)x\(width)x\(channels)" }
}

/// `layers(x) + x`, or with a shortcut `layers(x) + shortcut(x)`.
public struct Residual: ModelLayer {
    public let text: String

    public init(
        @ModelBuilder _ layers: () -> [any ModelLayer], @ModelBuilder shortcut: () -> [any ModelLayer] = { [] }
    ) {
        let shortcut = Model(shortcut()).text
        text = "residual { \(Model(layers()).text) }" + (shortcut.isEmpty ? "" : " shortcut { \(shortcut) }")
    }
}
