import KernelContract
import Tensors

/// PyTorch's `BatchNorm1d` and, over images, `BatchNorm2d`: `y = (x − μ) / √(σ² + ε) · γ + β` for each feature or channel,
/// with ε = 1e-5. Ioffe and Szegedy 2015.
///
/// In training μ and the biased σ² are those of the whole batch over all workers, samples and positions: first the mean,
/// then the centred squares, each a canonical tree (docs/NUMERICS.md). The running mean and the unbiased running variance
/// move by a tenth towards them and take their place in evaluation. Where the batch is one sample with one position, the
/// output is β and the running values stay.
///
/// Backward, with n = samples · positions and x̂ = (x − μ) / √(σ² + ε):
/// `dγ = Σ dy x̂`, `dβ = Σ dy`, `dx = γ / √(σ² + ε) · (dy − dβ / n − x̂ dγ / n)`.
struct BatchNorm: Layer {
    /// Of the running values: PyTorch's `momentum`.
    private static let momentum: Float = 0.1
    private static let epsilon: Float = 1e-5

    let inputShape: Shape
    /// Features, or the channels of an image.
    private let columnCount: Int
    /// Rows of a sample.
    private let positions: Int
    private let scale: Range<Int>
    private let shift: Range<Int>
    private let runningMean: Range<Int>
    private let runningVariance: Range<Int>

    init(inputShape: Shape, name: String, layout: inout ParameterLayout, stateLayout: inout ParameterLayout) {
        self.inputShape = inputShape
        let image = try? ImageShape(inputShape)
        columnCount = image?.channels ?? inputShape.elementCount
        positions = inputShape.elementCount / columnCount
        // A flattened image's features are stored in PyTorch's order, as the weights of a dense layer behind it are.
        let columns: Shape = image == nil ? inputShape : [columnCount]
        let (shape, storage) = columns.channelsFirstStorage
        scale = layout.append("\(name).weight", shape, storage: storage)
        shift = layout.append("\(name).bias", shape, storage: storage)
        runningMean = stateLayout.append("\(name).running_mean", shape, storage: storage)
        runningVariance = stateLayout.append("\(name).running_var", shape, storage: storage)
    }

    var outputShape: Shape { inputShape }
    var hasParameters: Bool { true }
    var batchSumColumns: Int { 2 * columnCount }
    /// μ and 1 / √(σ² + ε).
    var savedFloatsPerBatch: Int { 2 * columnCount }
    func scratchFloatCount(sampleCount: Int) -> Int { 2 * columnCount }

    private func rows(_ x: UnsafePointer<Float>, _ samples: Range<Int>, grainSize: Int) -> ColumnRows {
        ColumnRows(
            rowCount: samples.count * positions, columnCount: columnCount, grainSize: grainSize * positions,
            x: x + samples.lowerBound * inputFeatures)
    }

    func forward(_ context: LayerContext, _ pass: ForwardPass) throws {
        let kernels = context.kernels
        let mean = pass.batchSaved
        let inverseDeviation = pass.batchSaved + columnCount
        switch context.mode {
        case .evaluation:
            mean.update(from: context.state + runningMean.lowerBound, count: columnCount)
            kernels.inverseDeviations(
                context.state + runningVariance.lowerBound, count: columnCount, epsilon: Self.epsilon,
                to: inverseDeviation)
        case .training(let at):
            try measure(context, at.batch, pass.input, mean: mean, variance: inverseDeviation, scratch: pass.scratch)
            kernels.inverseDeviations(
                inverseDeviation, count: columnCount, epsilon: Self.epsilon, to: inverseDeviation)
        }
        kernels.normalizeColumns(
            rows(pass.input, 0..<pass.sampleCount, grainSize: 1),
            ColumnStatistics(mean: mean, inverseDeviation: inverseDeviation),
            scale: context.parameters + scale.lowerBound, shift: context.parameters + shift.lowerBound, to: pass.output)
    }

    /// The whole batch's mean and biased variance; moves the running values.
    private func measure(
        _ context: LayerContext, _ batch: any BatchSums, _ x: UnsafePointer<Float>,
        mean: UnsafeMutablePointer<Float>, variance: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) throws {
        let kernels = context.kernels
        let count = batch.sampleCount * positions
        let subtrees = batch.subtrees
        try batch.total(columnCount: columnCount, to: mean) { subtree, sums in
            let rows = rows(x, subtrees[subtree], grainSize: batch.grainSize)
            kernels.biasGradient(
                rowCount: rows.rowCount, columnCount: columnCount, grainSize: rows.grainSize, rows: rows.x,
                rowStride: columnCount, sums: sums, workspace: context.workspace)
        }
        kernels.divide(mean, count: columnCount, by: Float(count))
        try batch.total(columnCount: columnCount, to: variance) { subtree, sums in
            kernels.centredSquareSums(
                rows(x, subtrees[subtree], grainSize: batch.grainSize), mean: mean, sums: sums,
                workspace: context.workspace)
        }
        if count > 1 {
            let unbiased = scratch
            unbiased.update(from: variance, count: columnCount)
            kernels.divide(unbiased, count: columnCount, by: Float(count - 1))
            kernels.updateAverage(
                context.state + runningMean.lowerBound, with: mean, count: columnCount, weight: Self.momentum)
            kernels.updateAverage(
                context.state + runningVariance.lowerBound, with: unbiased, count: columnCount, weight: Self.momentum)
        }
        kernels.divide(variance, count: columnCount, by: Float(count))
    }

    func parameterGradient(_ context: LayerContext, _ pass: GradientPass) {
        let rows = rows(pass.input, 0..<pass.sampleCount, grainSize: pass.grainSize)
        sums(
            context, rows, dy: pass.outputGradient, pass.batchSaved, products: pass.gradients + scale.lowerBound,
            gradients: pass.gradients + shift.lowerBound)
    }

    /// `Σ dy x̂` and `Σ dy`
    private func sums(
        _ context: LayerContext, _ rows: ColumnRows, dy: UnsafePointer<Float>, _ saved: UnsafePointer<Float>,
        products: UnsafeMutablePointer<Float>, gradients: UnsafeMutablePointer<Float>
    ) {
        context.kernels.normalizedProductSums(
            rows, dy: dy, ColumnStatistics(mean: saved, inverseDeviation: saved + columnCount), sums: products,
            workspace: context.workspace)
        context.kernels.biasGradient(
            rowCount: rows.rowCount, columnCount: columnCount, grainSize: rows.grainSize, rows: dy,
            rowStride: columnCount, sums: gradients, workspace: context.workspace)
    }

    func inputGradient(_ context: LayerContext, _ pass: BackwardPass) throws {
        guard case .training(let at) = context.mode else {
            preconditionFailure("BatchNorm: backward in evaluation")
        }
        let means = pass.scratch
        let subtrees = at.batch.subtrees
        try at.batch.total(columnCount: 2 * columnCount, to: means) { subtree, sums in
            if let gradients = pass.parameterGradients?[subtree] {
                sums.update(from: gradients + scale.lowerBound, count: columnCount)
                (sums + columnCount).update(from: gradients + shift.lowerBound, count: columnCount)
                return
            }
            let samples = subtrees[subtree]
            self.sums(
                context, rows(pass.input, samples, grainSize: at.batch.grainSize),
                dy: pass.outputGradient + samples.lowerBound * inputFeatures, pass.batchSaved, products: sums,
                gradients: sums + columnCount)
        }
        context.kernels.divide(means, count: 2 * columnCount, by: Float(at.batch.sampleCount * positions))
        context.kernels.normalizeColumnsGradient(
            rows(pass.input, 0..<pass.sampleCount, grainSize: 1), dy: pass.outputGradient,
            ColumnStatistics(mean: pass.batchSaved, inverseDeviation: pass.batchSaved + columnCount),
            scale: context.parameters + scale.lowerBound, meanGradient: means + columnCount, meanProduct: means,
            to: pass.inputGradient)
    }

    func initialize(_ parameters: UnsafeMutablePointer<Float>, by initializer: Initializer, random: KeyedWeights) {
        parameters[scale].update(repeating: 1)
    }

    func initializeState(_ state: UnsafeMutablePointer<Float>) { state[runningVariance].update(repeating: 1) }
}
