import KernelContract
import Tensors

/// An activation function, element by element; PyTorch's definitions. Forward on the left, backward on the right.
///
/// | kind | `y =` | `dx = dy ·` |
/// | --- | --- | --- |
/// | leaky-relu SLOPE | `x > 0 ? x : slope · x` | `y > 0 ? 1 : slope` |
/// | elu ALPHA | `x ≥ 0 ? x : α (eˣ − 1)` | `y > 0 ? 1 : y + α` |
/// | selu | `x ≥ 0 ? λ x : λ α (eˣ − 1)` | `y > 0 ? λ : y + λ α` |
/// | gelu | `x Φ(x)`, `Φ(x) = (1 + erf(x / √2)) / 2` | `Φ(x) + x e^(−x²/2) / √(2π)` |
/// | silu | `x σ(x)` | `σ(x) (1 + x (1 − σ(x)))` |
/// | sigmoid | `σ(x) = 1 / (1 + e⁻ˣ)` | `y (1 − y)` |
/// | tanh | `(eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)` | `1 − y²` |
/// | softplus | `ln(1 + eˣ)` | `1 − e^−y` |
/// | identity | `x` | `1` |
///
/// Works in place where backward needs the output alone. Sources: Maas et al. 2013 (leaky-relu), Clevert et al. 2016
/// (elu), Klambauer et al. 2017 (selu), Hendrycks and Gimpel 2016 (gelu), Elfwing et al. 2018 (silu).
struct Activation: Layer {
    let inputShape: Shape
    let function: ActivationFunction

    var outputShape: Shape { inputShape }
    var memory: OutputMemory { function.kind.gradientNeedsInput ? .own : .mayReplaceInput }
    var backwardReadsOutput: Bool { !function.kind.gradientNeedsInput && function.kind != .identity }

    func forward(_ context: LayerContext, _ pass: ForwardPass) {
        context.kernels.activate(function, pass.input, count: pass.sampleCount * inputFeatures, to: pass.output)
    }

    func inputGradient(_ context: LayerContext, _ pass: BackwardPass) {
        context.kernels.activationGradient(
            function, source: function.kind.gradientNeedsInput ? pass.input : pass.output, dy: pass.outputGradient,
            count: pass.sampleCount * inputFeatures, to: pass.inputGradient)
    }
}

/// How a model text writes an activation: its number only where it is not PyTorch's.
extension ActivationFunction {
    var text: String {
        guard let standard = kind.constant?.value, standard != constant else { return kind.rawValue }
        return "\(kind.rawValue) \(constant)"
    }
}

extension LayerGrammar {
    static let activations: [LayerGrammar] = ActivationKind.allCases.map { kind in
        guard let constant = kind.constant else {
            return LayerGrammar(name: kind.rawValue, form: kind.rawValue) { _ in .activation(.init(kind)) }
        }
        return LayerGrammar(name: kind.rawValue, form: "\(kind.rawValue) [\(constant.name)]") { words in
            let number: Float? = words.optional { word in
                Float(word).flatMap { $0 > 0 && $0 <= 1_000 ? $0 : nil }
            }
            return .activation(.init(kind, constant: number))
        }
    }
}
