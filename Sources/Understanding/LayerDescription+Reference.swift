import KernelContract
import Kernels
import Models
import Tensors

/// A layer of a model as its slow twin needs it.
struct ReferencePlace {
    let inputShape: Shape
    let outputShape: Shape
    /// The layer's own tensors, in order.
    let tensors: ArraySlice<ParameterLayout.Entry>
    /// Of the layer in the model.
    let index: Int

    func range(_ number: Int) -> Range<Int> { tensors[tensors.startIndex + number].range }
}

extension LayerDescription {
    /// The slow twin of each kind of layer.
    func reference<Scalar: ReferenceScalar>(_ place: ReferencePlace, _: Scalar.Type) -> any ReferenceLayer<Scalar> {
        let (input, output) = (place.inputShape, place.outputShape)
        switch self {
        case .dense:
            return ReferenceDense<Scalar>(
                inputShape: input, outputShape: output, weight: place.range(0), bias: place.range(1))
        case .relu: return ReferenceReLU<Scalar>(inputShape: input)
        case .convolution(let part):
            return ReferenceConvolution<Scalar>(
                part, inputShape: input, outputShape: output, weight: place.range(0), bias: place.range(1))
        case .maxPool(let pool): return ReferenceMaxPool<Scalar>(pool, inputShape: input, outputShape: output)
        case .averagePool(let pool): return ReferenceAveragePool<Scalar>(pool, inputShape: input, outputShape: output)
        case .globalAveragePool: return ReferenceAveragePool<Scalar>(overAllOf: input, outputShape: output)
        case .flatten: return ReferenceFlatten<Scalar>(inputShape: input, outputShape: output)
        case .activation(let function): return ReferenceActivation<Scalar>(inputShape: input, function: function)
        case .dropout(let probability):
            return ReferenceDropout<Scalar>(
                inputShape: input, probability: probability, index: UInt64(place.index))
        }
    }
}
