import KernelContract

/// What a layer is, before any shape is known: one part of a model text.
package enum LayerDescription: Hashable, Sendable {
    case dense(outputFeatures: Int)
    case relu
    case convolution(ConvolutionDescription)
    case maxPool(PoolDescription)
    case averagePool(PoolDescription)
    case globalAveragePool
    case flatten
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
        case .flatten: "flatten"
        case .activation(let function): function.text
        case .dropout(let probability): "dropout \(probability)"
        }
    }
}
