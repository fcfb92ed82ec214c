import KernelContract
import Tensors

/// PyTorch's `LayerNorm` over the whole shape of a sample: `y = (x − μ) / √(σ² + ε) · γ + β`, with the sample's own mean
/// and biased variance, γ and β of the sample's shape, ε = 1e-5. Ba, Kiros and Hinton 2016.
///
/// Backward, with n elements, g = dy γ and x̂ = (x − μ) / √(σ² + ε): `dγ = Σ dy x̂` and `dβ = Σ dy` over samples (canonical
/// tree), `dx = (g − Σ g / n − x̂ Σ g x̂ / n) / √(σ² + ε)`.
struct LayerNorm: Layer {
    private static let epsilon: Float = 1e-5

    let inputShape: Shape
    private let scale: Range<Int>
    private let shift: Range<Int>

    init(inputShape: Shape, name: String, layout: inout ParameterLayout) {
        self.inputShape = inputShape
        let (shape, storage) = inputShape.channelsFirstStorage
        scale = layout.append("\(name).weight", shape, storage: storage)
        shift = layout.append("\(name).bias", shape, storage: storage)
    }

    var outputShape: Shape { inputShape }
    var hasParameters: Bool { true }
    /// μ and 1 / √(σ² + ε).
    var savedFloatsPerSample: Int { 2 }

    func forward(_ context: LayerContext, _ pass: ForwardPass) {
        context.kernels.normalizeRows(
            rowCount: pass.sampleCount, columnCount: inputFeatures, x: pass.input,
            scale: context.parameters + scale.lowerBound, shift: context.parameters + shift.lowerBound,
            epsilon: Self.epsilon, to: pass.output, statistics: pass.saved)
    }

    func parameterGradient(_ context: LayerContext, _ pass: GradientPass) {
        context.kernels.rowNormalizedProductSums(
            ColumnRows(
                rowCount: pass.sampleCount, columnCount: inputFeatures, grainSize: pass.grainSize, x: pass.input),
            dy: pass.outputGradient, statistics: pass.saved, sums: pass.gradients + scale.lowerBound,
            workspace: context.workspace)
        context.kernels.biasGradient(
            rowCount: pass.sampleCount, columnCount: inputFeatures, grainSize: pass.grainSize,
            rows: pass.outputGradient, rowStride: inputFeatures, sums: pass.gradients + shift.lowerBound,
            workspace: context.workspace)
    }

    func inputGradient(_ context: LayerContext, _ pass: BackwardPass) {
        context.kernels.normalizeRowsGradient(
            rowCount: pass.sampleCount, columnCount: inputFeatures, x: pass.input, dy: pass.outputGradient,
            scale: context.parameters + scale.lowerBound, statistics: pass.saved, to: pass.inputGradient)
    }

    func initialize(_ parameters: UnsafeMutablePointer<Float>, by initializer: Initializer, random: KeyedWeights) {
        parameters[scale].update(repeating: 1)
    }
}

extension UnsafeMutablePointer {
    /// The elements at `range`.
    subscript(range: Range<Int>) -> UnsafeMutableBufferPointer<Pointee> {
        UnsafeMutableBufferPointer(start: self + range.lowerBound, count: range.count)
    }
}
