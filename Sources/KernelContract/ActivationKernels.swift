/// The activation functions besides ReLU, by their names in a model text. This list drives grammar, tests and docs.
package enum ActivationKind: String, CaseIterable, Sendable {
    case leakyReLU = "leaky-relu"
    case elu, selu, gelu, silu, sigmoid, tanh, softplus, identity

    /// What the name's optional number is called and its value in PyTorch where none is given; nil without a number.
    package var constant: (name: String, value: Float)? {
        switch self {
        case .leakyReLU: ("SLOPE", 0.01)
        case .elu: ("ALPHA", 1)
        case .selu, .gelu, .silu, .sigmoid, .tanh, .softplus, .identity: nil
        }
    }

    /// Whether the gradient is a function of the output, so that the input need not be kept.
    package var gradientNeedsInput: Bool { self == .gelu || self == .silu }
}

/// An activation function with its number, which is above 0 (so that output and input have one sign).
package struct ActivationFunction: Hashable, Sendable {
    package let kind: ActivationKind
    /// Slope or alpha; without meaning for kinds that have none.
    package let constant: Float

    package init(_ kind: ActivationKind, constant: Float? = nil) {
        self.kind = kind
        self.constant = constant ?? kind.constant?.value ?? 0
        precondition(
            kind.constant == nil || (self.constant > 0 && self.constant.isFinite),
            "ActivationFunction: \(kind.rawValue) with \(self.constant)")
    }
}

/// λ and λα of Klambauer et al. 2017, "Self-Normalizing Neural Networks", as Floats.
package enum SELU {
    package static let scale: Float = 1.050_700_987_355_480_5
    package static let scaleAlpha: Float = 1.758_099_340_847_376_6
}

/// A stream of Philox4x32-10 words for dropout: word `position` is lane `position % 4` of the block with this key and
/// the counter (low 32 bits of `position / 4`, `counter1` | its high 16 bits, `counter2`, `counter3`).
package struct DropoutStream: Hashable, Sendable {
    package let key: SIMD2<UInt32>
    package let counter1: UInt32
    package let counter2: UInt32
    package let counter3: UInt32

    /// - Parameter origin: The counter of block 0; its first word is 0.
    package init(key: SIMD2<UInt32>, origin: SIMD4<UInt32>) {
        precondition(origin[0] == 0, "DropoutStream: \(origin) is no first counter")
        self.key = key
        counter1 = origin[1]
        counter2 = origin[2]
        counter3 = origin[3]
    }
}

/// Activation functions and dropout, element by element. Formulas and accuracy: docs/NUMERICS.md.
package protocol ActivationKernels {
    /// `y[i] = f(x[i])`. `y` may be `x`.
    func activate(
        _ function: ActivationFunction, _ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>)

    /// `dx[i] = dy[i] · f′`, from `source`: the input where `gradientNeedsInput`, else the output. `dx` may be `dy`.
    func activationGradient(
        _ function: ActivationFunction, source: UnsafePointer<Float>, dy: UnsafePointer<Float>, count: Int,
        to dx: UnsafeMutablePointer<Float>)

    /// `mask[i] = scale` where the upper 24 bits of the word at `position + i` are at least `threshold`, else 0.
    func dropoutMask(
        _ stream: DropoutStream, position: UInt64, count: Int, threshold: UInt32, scale: Float,
        to mask: UnsafeMutablePointer<Float>)

    /// `y[i] = x[i] · factors[i]`. `y` may be `x`.
    func multiplyElements(
        _ x: UnsafePointer<Float>, by factors: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>)
}
