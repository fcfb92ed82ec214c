import Errors
import Tensors

extension LayerDescription {
    /// Makes layer number `index` of the model for an input of `inputShape` and appends its tensors to `layout`.
    ///
    /// - Throws: `Failure(.data)`, whose text follows the layer's name, where the shape does not fit.
    package func layer(
        inputShape: Shape, name: String, index: Int, layout: inout ParameterLayout
    ) throws -> any Layer {
        switch self {
        case .dense(let outputFeatures):
            Dense(inputShape: inputShape, outputFeatures: outputFeatures, name: name, layout: &layout)
        case .relu: ReLU(inputShape: inputShape)
        case .convolution(let part): try Convolution2D(part, inputShape: inputShape, name: name, layout: &layout)
        case .maxPool(let pool): try MaxPool2D(pool, inputShape: inputShape)
        case .averagePool(let pool): try AveragePool2D(pool, inputShape: inputShape)
        case .globalAveragePool: try AveragePool2D(overAllOf: inputShape)
        case .flatten: Flatten(inputShape: inputShape)
        case .activation(let function): Activation(inputShape: inputShape, function: function)
        case .dropout(let probability): Dropout(inputShape: inputShape, probability: probability, index: UInt64(index))
        }
    }
}
