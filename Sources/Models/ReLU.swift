import KernelContract

/// `y = x > 0 ? x : 0`; backward: `dx = y > 0 ? dy : 0` (the gradient at 0 is 0, as in PyTorch).
struct ReLU: Layer {
    let inputFeatures: Int

    var outputFeatures: Int { inputFeatures }
    var worksInPlace: Bool { true }

    func forward(
        _ context: LayerContext, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>, sampleCount: Int
    ) {
        context.kernels.rectify(input, count: sampleCount * inputFeatures, to: output)
    }

    func parameterGradient(
        _ context: LayerContext, input: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>, sampleCount: Int,
        grainSize: Int, gradients: UnsafeMutablePointer<Float>
    ) {}

    func inputGradient(
        _ context: LayerContext, output: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>, sampleCount: Int,
        inputGradient: UnsafeMutablePointer<Float>
    ) {
        context.kernels.rectifyGradient(
            y: output, dy: outputGradient, count: sampleCount * inputFeatures, to: inputGradient)
    }
}
