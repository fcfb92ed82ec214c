/// `max(x, 0)`
public struct ReLU: ModelLayer {
    public let text = "relu"
    public init() {}
}

/// `x` above 0, `slope · x` below.
public struct LeakyReLU: ModelLayer {
    public let text: String
    public init(slope: Float = 0.01) { text = "leaky-relu \(slope)" }
}

/// `x` above 0, `alpha · (eˣ − 1)` below.
public struct ELU: ModelLayer {
    public let text: String
    public init(alpha: Float = 1) { text = "elu \(alpha)" }
}

/// ``ELU`` with the constants that keep mean 0 and variance 1.
public struct SELU: ModelLayer {
    public let text = "selu"
    public init() {}
}

/// `x Φ(x)`, with the normal distribution's Φ.
public struct GELU: ModelLayer {
    public let text = "gelu"
    public init() {}
}

/// `x σ(x)`
public struct SiLU: ModelLayer {
    public let text = "silu"
    public init() {}
}

/// `1 / (1 + e⁻ˣ)`
public struct Sigmoid: ModelLayer {
    public let text = "sigmoid"
    public init() {}
}

/// The hyperbolic tangent.
public struct Tanh: ModelLayer {
    public let text = "tanh"
    public init() {}
}

/// `ln(1 + eˣ)`
public struct Softplus: ModelLayer {
    public let text = "softplus"
    public init() {}
}

/// `x`
public struct Identity: ModelLayer {
    public let text = "identity"
    public init() {}
}
