import Foundation
import KernelContract

/// The definitions of the activations in Double, by the C library: the oracle of values and gradients.
func exactActivation(_ function: ActivationFunction, _ x: Double) -> Double {
    let number = Double(function.constant)
    switch function.kind {
    case .leakyReLU: return x > 0 ? x : number * x
    case .elu: return x > 0 ? x : number * expm1(x)
    case .selu: return x > 0 ? Double(SELU.scale) * x : Double(SELU.scaleAlpha) * expm1(x)
    case .gelu: return x * 0.5 * erfc(-x / 2.squareRoot())
    case .silu: return x < 0 ? x * exp(x) / (1 + exp(x)) : x / (1 + exp(-x))
    case .sigmoid: return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x))
    case .tanh: return tanh(x)
    case .softplus: return max(x, 0) + log1p(exp(-abs(x)))
    case .identity: return x
    }
}
