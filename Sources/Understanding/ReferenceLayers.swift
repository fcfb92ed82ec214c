import KernelContract
import Kernels
import Models
import Randomness
import Tensors

/// `y = x W + b`; the slow twin of `Dense`.
struct ReferenceDense<Scalar: ReferenceScalar>: ReferenceLayer {
    let inputShape: Shape
    let outputShape: Shape
    /// `[inputFeatures, outputFeatures]`
    let weight: Range<Int>
    let bias: Range<Int>

    var formula: LayerFormula {
        LayerFormula(
            forward: "z = Σ w · x + b",
            backward: ["dL/dw = dL/dz · x", "dL/db = dL/dz", "dL/dx = Σ dL/dz · w, over all z that x is in"])
    }

    func forward(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Scalar] {
        var y = [Scalar](repeating: 0, count: batch.sampleCount * outputFeatures)
        Reference.multiply(
            .nn, m: batch.sampleCount, n: outputFeatures, k: inputFeatures, a: x, aStride: inputFeatures,
            b: Array(parameters[weight]), bStride: outputFeatures, c: &y, cStride: outputFeatures, accumulates: false)
        Reference.addBias(
            rowCount: batch.sampleCount, columnCount: outputFeatures, rows: &y, rowStride: outputFeatures,
            bias: Array(parameters[bias]))
        return y
    }

    func backward(
        _ pass: ReferencePass<Scalar>, parameters: [Scalar], batch: ReferenceBatch, gradients: inout [Scalar]
    ) -> [Scalar] {
        gradients.withUnsafeMutableBufferPointer { gradients in
            guard let base = gradients.baseAddress else { return }
            Reference.weightGradient(
                inputFeatures: inputFeatures, outputFeatures: outputFeatures, partition: batch.partition, x: pass.x,
                xStride: inputFeatures, dy: pass.dy, dyStride: outputFeatures, gradient: base + weight.lowerBound,
                gradientStride: outputFeatures)
            Reference.biasGradient(
                columnCount: outputFeatures, partition: batch.partition, rows: pass.dy, rowStride: outputFeatures,
                sums: base + bias.lowerBound)
        }
        var dx = pass.x
        Reference.multiply(
            .nt, m: batch.sampleCount, n: inputFeatures, k: outputFeatures, a: pass.dy, aStride: outputFeatures,
            b: Array(parameters[weight]), bStride: outputFeatures, c: &dx, cStride: inputFeatures, accumulates: false)
        return dx
    }

    func terms(_ x: [Scalar]) -> [OutputTerms]? {
        (0..<outputFeatures).map { o in
            let weights = (0..<inputFeatures).map { weight.lowerBound + $0 * outputFeatures + o }
            return OutputTerms(
                kind: .weightedSum(weights: weights, bias: bias.lowerBound + o), inputs: Array(0..<inputFeatures))
        }
    }
}

/// The slow twin of `ReLU`.
struct ReferenceReLU<Scalar: ReferenceScalar>: ReferenceLayer {
    let inputShape: Shape

    var outputShape: Shape { inputShape }
    var isElementwise: Bool { true }
    var formula: LayerFormula {
        LayerFormula(
            forward: "a = z if z > 0, else 0", backward: ["dL/dz = dL/da · da/dz"],
            derivative: "da/dz = 1 if z > 0, else 0")
    }

    func forward(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Scalar] {
        x.map { Reference.rectify($0) }
    }

    func backward(
        _ pass: ReferencePass<Scalar>, parameters: [Scalar], batch: ReferenceBatch, gradients: inout [Scalar]
    ) -> [Scalar] {
        zip(pass.y, pass.dy).map { Reference.rectifyGradient(y: $0, dy: $1) }
    }

    func branches(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Int] { x.map { $0 > 0 ? 1 : 0 } }
}

/// The slow twin of `Activation`.
struct ReferenceActivation<Scalar: ReferenceScalar>: ReferenceLayer {
    let inputShape: Shape
    let function: ActivationFunction

    var outputShape: Shape { inputShape }
    var isElementwise: Bool { true }

    var formula: LayerFormula {
        let (value, derivative) = formulas
        return LayerFormula(
            forward: "a = \(value)", backward: ["dL/dz = dL/da · da/dz"], derivative: "da/dz = \(derivative)",
            note: note)
    }

    private var note: String {
        switch function.kind {
        case .selu: "λ = \(SELU.scale), λα = \(SELU.scaleAlpha)"
        case .gelu: "Φ is the normal distribution, (1 + erf(z / √2)) / 2"
        case .silu: "σ(z) = 1 / (1 + e^−z)"
        default: ""
        }
    }

    private var formulas: (value: String, derivative: String) {
        let number = "\(function.constant)"
        switch function.kind {
        case .leakyReLU: return ("z if z > 0, else \(number) · z", "1 if z > 0, else \(number)")
        case .elu: return ("z if z ≥ 0, else \(number) · (e^z − 1)", "1 if a > 0, else a + \(number)")
        case .selu: return ("λ · z if z ≥ 0, else λα · (e^z − 1)", "λ if a > 0, else a + λα")
        case .gelu: return ("z · Φ(z)", "Φ(z) + z · e^(−z²/2) / √(2π)")
        case .silu: return ("z · σ(z)", "σ(z) · (1 + z · (1 − σ(z)))")
        case .sigmoid: return ("1 / (1 + e^−z)", "a · (1 − a)")
        case .tanh: return ("(e^z − e^−z) / (e^z + e^−z)", "1 − a²")
        case .softplus: return ("ln(1 + e^z)", "1 − e^−a")
        case .identity: return ("z", "1")
        }
    }

    func forward(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Scalar] {
        x.map { Reference.activation(function, $0) }
    }

    func backward(
        _ pass: ReferencePass<Scalar>, parameters: [Scalar], batch: ReferenceBatch, gradients: inout [Scalar]
    ) -> [Scalar] {
        let source = function.kind.gradientNeedsInput ? pass.x : pass.y
        return zip(source, pass.dy).map { Reference.activationGradient(function, source: $0, dy: $1) }
    }

    func branches(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Int] {
        switch function.kind {
        case .leakyReLU, .elu, .selu: x.map { $0 > 0 ? 1 : 0 }
        case .gelu, .silu, .sigmoid, .tanh, .softplus, .identity: []
        }
    }
}

/// The slow twin of `Dropout`.
struct ReferenceDropout<Scalar: ReferenceScalar>: ReferenceLayer {
    let inputShape: Shape
    let probability: Double
    /// Of the layer in the model.
    let index: UInt64

    var outputShape: Shape { inputShape }
    var isElementwise: Bool { true }
    var formula: LayerFormula {
        LayerFormula(
            forward: "a = z · m", backward: ["dL/dz = dL/da · da/dz"], derivative: "da/dz = m",
            note: "m is 0 with probability \(probability), else 1 / (1 − \(probability))")
    }

    private func factors(_ batch: ReferenceBatch) -> [Scalar] {
        let count = batch.sampleCount * inputFeatures
        guard case .training(let seed, let epoch, let position) = batch.mode else {
            return [Scalar](repeating: 1, count: count)
        }
        let random = KeyedRandom(seed: seed, purpose: .dropout, epoch: epoch, subject: index)
        let stream = DropoutStream(key: random.key, origin: random.origin)
        return (0..<count).map {
            Reference.dropoutFactor(
                stream, position: UInt64(position * inputFeatures + $0),
                threshold: UInt32((probability * 0x1p24).rounded(.up)), scale: Scalar(1 / (1 - probability)))
        }
    }

    func forward(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Scalar] {
        zip(x, factors(batch)).map { $0 * $1 }
    }

    func backward(
        _ pass: ReferencePass<Scalar>, parameters: [Scalar], batch: ReferenceBatch, gradients: inout [Scalar]
    ) -> [Scalar] {
        zip(pass.dy, factors(batch)).map { $0 * $1 }
    }
}

/// The slow twin of `Reshape`: the same elements.
struct ReferenceReshape<Scalar: ReferenceScalar>: ReferenceLayer {
    let inputShape: Shape
    let outputShape: Shape

    var formula: LayerFormula {
        LayerFormula(forward: "a = z, in another shape", backward: ["dL/dz = dL/da, in the input's shape"])
    }

    func forward(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Scalar] { x }

    func backward(
        _ pass: ReferencePass<Scalar>, parameters: [Scalar], batch: ReferenceBatch, gradients: inout [Scalar]
    ) -> [Scalar] { pass.dy }
}
