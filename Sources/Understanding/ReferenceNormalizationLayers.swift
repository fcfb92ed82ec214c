import KernelContract
import Kernels
import Models
import Tensors

/// PyTorch's `BatchNorm1d` and `BatchNorm2d`, channels last, in training: each channel over samples and positions, so
/// that the samples of a batch depend on each other.
package struct ReferenceBatchNorm<Scalar: ReferenceScalar>: ReferenceLayer {
    package let inputShape: Shape
    /// `[channels]`
    private let gamma: Range<Int>
    private let beta: Range<Int>

    /// An image `[height, width, channels]` or features `[channels]`.
    package init(inputShape: Shape, gamma: Range<Int>, beta: Range<Int>) {
        self.inputShape = inputShape
        self.gamma = gamma
        self.beta = beta
    }

    package var outputShape: Shape { inputShape }
    private var channels: Int { gamma.count }
    private var positions: Int { inputFeatures / channels }

    package var formula: LayerFormula {
        LayerFormula(
            forward: "a = n · γ + β, n = (z − mean) / √(variance + 1e-5), over the batch",
            backward: [
                "dL/dβ = Σ dL/da", "dL/dγ = Σ dL/da · n",
                "dL/dz = γ / √(variance + 1e-5) · (dL/da − mean(dL/da) − n · mean(dL/da · n))",
            ])
    }

    package func forward(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Scalar] {
        let statistics = Reference.batchStatistics(
            positions: positions, channels: channels, partition: batch.partition, x: x)
        var y = x
        Reference.batchNormalize(
            rowCount: batch.sampleCount * positions, channels: channels, x: x, mean: statistics.mean,
            inverseDeviation: statistics.inverseDeviation, gamma: Array(parameters[gamma]),
            beta: Array(parameters[beta]), y: &y)
        return y
    }

    package func backward(
        _ pass: ReferencePass<Scalar>, parameters: [Scalar], batch: ReferenceBatch, gradients: inout [Scalar]
    ) -> [Scalar] {
        let statistics = Reference.batchStatistics(
            positions: positions, channels: channels, partition: batch.partition, x: pass.x)
        var dx = pass.x
        gradients.withUnsafeMutableBufferPointer { gradients in
            guard let base = gradients.baseAddress else { return }
            Reference.batchNormGradient(
                positions: positions, channels: channels, partition: batch.partition, x: pass.x,
                statistics: statistics, gamma: Array(parameters[gamma]), dy: pass.dy, dx: &dx,
                dgamma: base + gamma.lowerBound, dbeta: base + beta.lowerBound)
        }
        return dx
    }
}

/// PyTorch's `LayerNorm` over the whole shape of a sample, with an element-wise gamma and beta.
package struct ReferenceLayerNorm<Scalar: ReferenceScalar>: ReferenceLayer {
    package let inputShape: Shape
    /// `inputShape`
    private let gamma: Range<Int>
    private let beta: Range<Int>

    package init(inputShape: Shape, gamma: Range<Int>, beta: Range<Int>) {
        self.inputShape = inputShape
        self.gamma = gamma
        self.beta = beta
    }

    package var outputShape: Shape { inputShape }
    package var formula: LayerFormula {
        LayerFormula(
            forward: "a = n · γ + β, n = (z − mean) / √(variance + 1e-5), over the sample",
            backward: [
                "dL/dβ = dL/da", "dL/dγ = dL/da · n", "g = dL/da · γ",
                "dL/dz = (g − mean(g) − n · mean(g · n)) / √(variance + 1e-5)",
            ])
    }

    package func forward(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Scalar] {
        var y = x
        Reference.layerNormalize(
            sampleCount: batch.sampleCount, features: inputFeatures, x: x, gamma: Array(parameters[gamma]),
            beta: Array(parameters[beta]), y: &y)
        return y
    }

    package func backward(
        _ pass: ReferencePass<Scalar>, parameters: [Scalar], batch: ReferenceBatch, gradients: inout [Scalar]
    ) -> [Scalar] {
        var dx = pass.x
        gradients.withUnsafeMutableBufferPointer { gradients in
            guard let base = gradients.baseAddress else { return }
            Reference.layerNormGradient(
                features: inputFeatures, partition: batch.partition, x: pass.x, gamma: Array(parameters[gamma]),
                dy: pass.dy, dx: &dx, dgamma: base + gamma.lowerBound, dbeta: base + beta.lowerBound)
        }
        return dx
    }
}

/// Softmax over the features of a sample, or the channels at each position of an image.
package struct ReferenceSoftmax<Scalar: ReferenceScalar>: ReferenceLayer {
    package let inputShape: Shape

    package init(inputShape: Shape) { self.inputShape = inputShape }

    package var outputShape: Shape { inputShape }
    private var columnCount: Int { inputShape.extents.count == 3 ? inputShape.extents[2] : inputFeatures }

    package var formula: LayerFormula {
        LayerFormula(forward: "a_j = e^z_j / Σ e^z", backward: ["dL/dz_j = a_j · (dL/da_j − Σ dL/da · a)"])
    }

    package func forward(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Scalar] {
        var y = x
        Reference.softmax(rowCount: x.count / columnCount, columnCount: columnCount, x: x, y: &y)
        return y
    }

    package func backward(
        _ pass: ReferencePass<Scalar>, parameters: [Scalar], batch: ReferenceBatch, gradients: inout [Scalar]
    ) -> [Scalar] {
        var dx = pass.y
        Reference.softmaxGradient(
            rowCount: pass.y.count / columnCount, columnCount: columnCount, y: pass.y, dy: pass.dy, dx: &dx)
        return dx
    }
}
