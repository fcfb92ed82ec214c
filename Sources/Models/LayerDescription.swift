import KernelContract

/// What a layer is, before any shape is known: one part of a model text.
package enum LayerDescription: Hashable, Sendable {
    case dense(outputFeatures: Int)
    case relu
    case activation(ActivationFunction)
    case dropout(probability: Double)

    /// The spelling that the model text uses.
    package var text: String {
        switch self {
        case .dense(let outputFeatures): "dense \(outputFeatures)"
        case .relu: "relu"
        case .activation(let function): function.text
        case .dropout(let probability): "dropout \(probability)"
        }
    }
}
