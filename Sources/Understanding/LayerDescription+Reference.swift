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

/// Makes the slow twins of a network's operations, which come in the same order.
struct ReferenceBuilder<Scalar: ReferenceScalar> {
    private let operations: [Operation]
    private let layout: ParameterLayout
    private var next = 0
    /// Of the twins made so far.
    private(set) var tensorCount = 0

    init(_ network: NetworkBuilder) {
        operations = network.operations
        layout = network.layout
    }

    /// The twin of the next part of the description.
    mutating func layer(_ part: LayerDescription) -> any ReferenceLayer<Scalar> {
        let index = next
        next += 1
        let first = tensorCount
        guard case .residual(let block) = part else {
            let operation = operations[index]
            tensorCount += layout.entries[first...].prefix { $0.belongs(to: operation) }.count
            return part.reference(
                ReferencePlace(
                    inputShape: operation.layer?.inputShape ?? operation.outputShape,
                    outputShape: operation.outputShape, tensors: layout.entries[first..<tensorCount], index: index),
                Scalar.self)
        }
        let body = block.layers.map { layer($0) }
        let shortcut = block.shortcut.map { layer($0) }
        let sum = operations[next]
        next += 1
        return ReferenceResidual(
            inputShape: operations[index].outputShape, outputShape: sum.outputShape, body: body, shortcut: shortcut)
    }
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
        case .convolutionTranspose(let part):
            guard case .zeros(let padding) = part.padding else {
                preconditionFailure("LayerDescription: a transposed convolution has no padding \(part.padding)")
            }
            return ReferenceTransposedConvolution<Scalar>(
                kernel: part.kernel, stride: part.stride, padding: padding, inputShape: input, outputShape: output,
                weight: place.range(0), bias: place.range(1))
        case .flatten, .reshape: return ReferenceReshape<Scalar>(inputShape: input, outputShape: output)
        case .batchNorm:
            return ReferenceBatchNorm<Scalar>(inputShape: input, gamma: place.range(0), beta: place.range(1))
        case .layerNorm:
            return ReferenceLayerNorm<Scalar>(inputShape: input, gamma: place.range(0), beta: place.range(1))
        case .softmax: return ReferenceSoftmax<Scalar>(inputShape: input)
        case .residual: preconditionFailure("LayerDescription: a residual block is made of layers")
        case .activation(let function): return ReferenceActivation<Scalar>(inputShape: input, function: function)
        case .dropout(let probability):
            return ReferenceDropout<Scalar>(
                inputShape: input, probability: probability, index: UInt64(place.index))
        }
    }
}
