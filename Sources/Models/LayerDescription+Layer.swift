import Errors
import Tensors

extension LayerDescription {
    /// Makes operation number `index` of a network for an input of `inputShape` and appends its tensors to the layouts.
    ///
    /// - Throws: `Failure(.data)`, whose text follows the layer's name, where the shape does not fit.
    func layer(
        inputShape: Shape, name: String, index: Int, layout: inout ParameterLayout, stateLayout: inout ParameterLayout
    ) throws -> any Layer {
        switch self {
        case .dense(let outputFeatures):
            Dense(inputShape: inputShape, outputFeatures: outputFeatures, name: name, layout: &layout)
        case .relu: ReLU(inputShape: inputShape)
        case .convolution(let part): try Convolution2D(part, inputShape: inputShape, name: name, layout: &layout)
        case .maxPool(let pool): try MaxPool2D(pool, inputShape: inputShape)
        case .averagePool(let pool): try AveragePool2D(pool, inputShape: inputShape)
        case .globalAveragePool: try AveragePool2D(overAllOf: inputShape)
        case .convolutionTranspose(let part):
            try ConvolutionTranspose2D(part, inputShape: inputShape, name: name, layout: &layout)
        case .flatten: Reshape(flattening: inputShape)
        case .reshape(let shape): try Reshape(inputShape: inputShape, to: shape)
        case .batchNorm:
            BatchNorm(inputShape: inputShape, name: name, layout: &layout, stateLayout: &stateLayout)
        case .layerNorm: LayerNorm(inputShape: inputShape, name: name, layout: &layout)
        case .softmax: Softmax(inputShape: inputShape)
        case .residual: preconditionFailure("LayerDescription: a residual block is no layer")
        case .activation(let function): Activation(inputShape: inputShape, function: function)
        case .dropout(let probability): Dropout(inputShape: inputShape, probability: probability, index: UInt64(index))
        }
    }
}
