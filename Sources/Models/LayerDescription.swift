import KernelContract
import Tensors

/// What a layer is, before any shape is known: one part of a model text.
package enum LayerDescription: Hashable, Sendable {
    case dense(outputFeatures: Int)
    case relu
    case convolution(ConvolutionDescription)
    case maxPool(PoolDescription)
    case averagePool(PoolDescription)
    case globalAveragePool
    case convolutionTranspose(ConvolutionDescription)
    case flatten
    /// Height, width, channels.
    case reshape(Shape)
    case batchNorm
    case layerNorm
    case softmax
    case residual(ResidualBlock)
    case activation(ActivationFunction)
    case dropout(probability: Double)

    /// The spelling that the model text uses.
    package var text: String {
        switch self {
        case .dense(let outputFeatures): "dense \(outputFeatures)"
        case .relu: "relu"
        case .convolution(let convolution): "conv \(convolution.text)"
        case .maxPool(let pool): "maxpool \(pool.text)"
        case .averagePool(let pool): "avgpool \(pool.text)"
        case .globalAveragePool: "global-avgpool"
        case .convolutionTranspose(let convolution): "conv-transpose \(convolution.text)"
        case .flatten: "flatten"
        case .reshape(let shape): "reshape \(shape.extents.map(String.init).joined(separator: "x"))"
        case .batchNorm: "batchnorm"
        case .layerNorm: "layernorm"
        case .softmax: "softmax"
        case .residual(let block): "residual \(block.text)"
        case .activation(let function): function.text
        case .dropout(let probability): "dropout \(probability)"
        }
    }
}
