import KernelContract
import Tensors

/// `y = x W + b`, with `x: [batch, inputFeatures]`, `W: [inputFeatures, outputFeatures]`, row-major.
/// Backward: `dx = dy Wᵀ`, `dW = xᵀ dy`, `db = Σ dy` over the batch (canonical tree, docs/NUMERICS.md).
struct Dense: FactoredLayer {
    let inputShape: Shape
    let outputShape: Shape
    private let weight: Range<Int>
    private let bias: Range<Int>
    private let weightEntry: ParameterLayout.Entry

    /// Appends its tensors to `layout`. An input of more than one dimension is flattened in row-major order; PyTorch
    /// flattens channels first, so the stored weight has its columns in that order.
    init(inputShape: Shape, outputFeatures: Int, name: String, layout: inout ParameterLayout) {
        self.inputShape = inputShape
        outputShape = [outputFeatures]
        let features = inputShape.elementCount
        let stored: Shape = [outputFeatures, features]
        let extents = inputShape.flattenedExtents ?? inputShape.extents
        if extents.count == 3 {
            weight = layout.append(
                "\(name).weight", Shape(extents + [outputFeatures]),
                storage: .init(shape: stored, axes: [3, 2, 0, 1]))
        } else {
            weight = layout.append(
                "\(name).weight", [features, outputFeatures], storage: .init(shape: stored, axes: [1, 0]))
        }
        weightEntry = layout.entries[layout.entries.count - 1]
        bias = layout.append("\(name).bias", [outputFeatures])
    }

    var hasParameters: Bool { true }
    var drawsWeight: Bool { true }
    var flopsPerSample: Double { 2 * Double(inputFeatures) * Double(outputFeatures) }

    func forward(_ context: LayerContext, _ pass: ForwardPass) {
        var product = MatrixProduct(
            .nn, m: pass.sampleCount, n: outputFeatures, k: inputFeatures, a: pass.input, aStride: inputFeatures,
            b: context.parameters + weight.lowerBound, bStride: outputFeatures, c: pass.output, cStride: outputFeatures)
        let near = context.nearParameters.clamped(to: weight)
        let firstNear = (near.lowerBound - weight.lowerBound + outputFeatures - 1) / outputFeatures
        product.nearRows = firstNear..<max(firstNear, (near.upperBound - weight.lowerBound) / outputFeatures)
        context.kernels.multiply(product, workspace: context.workspace)
        context.kernels.addBias(
            rowCount: pass.sampleCount, columnCount: outputFeatures, rows: pass.output, rowStride: outputFeatures,
            bias: context.parameters + bias.lowerBound)
    }

    func parameterGradient(_ context: LayerContext, _ pass: GradientPass) {
        context.kernels.weightGradient(
            inputFeatures: inputFeatures, outputFeatures: outputFeatures, sampleCount: pass.sampleCount,
            grainSize: pass.grainSize, x: pass.input, xStride: inputFeatures, dy: pass.outputGradient,
            dyStride: outputFeatures, gradient: pass.gradients + weight.lowerBound, gradientStride: outputFeatures,
            workspace: context.workspace)
        context.kernels.biasGradient(
            rowCount: pass.sampleCount, columnCount: outputFeatures, grainSize: pass.grainSize,
            rows: pass.outputGradient, rowStride: outputFeatures, sums: pass.gradients + bias.lowerBound,
            workspace: context.workspace)
    }

    func gradientBufferCount(_ count: Int) -> Int { count + 2 * outputFeatures }

    func gradient(
        of range: Range<Int>, _ context: LayerContext, _ factors: GradientFactors,
        in buffer: UnsafeMutablePointer<Float>
    ) -> UnsafePointer<Float> {
        var work = WeightGradient(
            inputs: 0..<1, outputs: 0..<outputFeatures, grainSize: factors.grainSize, segments: factors.segments,
            xStride: inputFeatures, dyStride: outputFeatures, gradient: buffer, gradientStride: outputFeatures)
        var offset = 0
        if range.lowerBound >= bias.lowerBound {
            work.segments = factors.biasSegments
            work.xStride = 0
            work.outputs = range.lowerBound - bias.lowerBound..<range.upperBound - bias.lowerBound
        } else {
            // Whole rows of the weight, of which the range may begin and end in the middle.
            let first = range.lowerBound - weight.lowerBound
            let last = range.upperBound - weight.lowerBound
            work.inputs = first / outputFeatures..<(last + outputFeatures - 1) / outputFeatures
            offset = first % outputFeatures
        }
        context.kernels.weightGradient(work, workspace: context.workspace)
        return UnsafePointer(buffer + offset)
    }

    func inputGradient(_ context: LayerContext, _ pass: BackwardPass) {
        context.kernels.multiply(
            MatrixProduct(
                .nt, m: pass.sampleCount, n: inputFeatures, k: outputFeatures, a: pass.outputGradient,
                aStride: outputFeatures, b: context.parameters + weight.lowerBound, bStride: outputFeatures,
                c: pass.inputGradient, cStride: inputFeatures),
            workspace: context.workspace)
    }

    func initialize(_ parameters: UnsafeMutablePointer<Float>, by initializer: Initializer, random: KeyedWeights) {
        random.fill(parameters, weightEntry, fanIn: inputFeatures, fanOut: outputFeatures, by: initializer)
    }
}
