import KernelContract

/// `y = x W + b`, with `x: [batch, inputFeatures]`, `W: [inputFeatures, outputFeatures]`, row-major.
/// Backward: `dx = dy Wᵀ`, `dW = xᵀ dy`, `db = Σ dy` over the batch (canonical tree, docs/NUMERICS.md).
struct Dense: Layer {
    let inputFeatures: Int
    let outputFeatures: Int
    let weight: Range<Int>
    let bias: Range<Int>

    var worksInPlace: Bool { false }

    func forward(
        _ context: LayerContext, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>, sampleCount: Int
    ) {
        context.kernels.multiply(
            MatrixProduct(
                .nn, m: sampleCount, n: outputFeatures, k: inputFeatures, a: input, aStride: inputFeatures,
                b: context.parameters + weight.lowerBound, bStride: outputFeatures, c: output, cStride: outputFeatures),
            workspace: context.workspace)
        context.kernels.addBias(
            rowCount: sampleCount, columnCount: outputFeatures, rows: output, rowStride: outputFeatures,
            bias: context.parameters + bias.lowerBound)
    }

    func parameterGradient(
        _ context: LayerContext, input: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>, sampleCount: Int,
        grainSize: Int, gradients: UnsafeMutablePointer<Float>
    ) {
        context.kernels.weightGradient(
            WeightGradient(
                inputFeatures: inputFeatures, outputFeatures: outputFeatures, sampleCount: sampleCount,
                grainSize: grainSize, x: input, xStride: inputFeatures, dy: outputGradient, dyStride: outputFeatures,
                gradient: gradients + weight.lowerBound, gradientStride: outputFeatures),
            workspace: context.workspace)
        context.kernels.biasGradient(
            rowCount: sampleCount, columnCount: outputFeatures, grainSize: grainSize, rows: outputGradient,
            rowStride: outputFeatures, sums: gradients + bias.lowerBound, workspace: context.workspace)
    }

    func inputGradient(
        _ context: LayerContext, output: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>, sampleCount: Int,
        inputGradient: UnsafeMutablePointer<Float>
    ) {
        context.kernels.multiply(
            MatrixProduct(
                .nt, m: sampleCount, n: inputFeatures, k: outputFeatures, a: outputGradient, aStride: outputFeatures,
                b: context.parameters + weight.lowerBound, bStride: outputFeatures, c: inputGradient,
                cStride: inputFeatures),
            workspace: context.workspace)
    }
}
