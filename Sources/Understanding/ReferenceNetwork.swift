import Errors
import KernelContract
import Kernels
import Models
import Tensors

/// A whole network of slow twins, in Float or Double: layer by layer over the global batch, without workers. In Float it
/// has the bits of `Network` with any kernels.
package struct ReferenceNetwork<Scalar: ReferenceScalar>: Sendable {
    package let description: [LayerDescription]
    package let inputShape: Shape
    package let outputShape: Shape
    /// As `Network.layout`.
    package let layout: ParameterLayout
    package let chain: ReferenceChain<Scalar>
    /// For each layer, its entries in `layout`.
    package let tensors: [Range<Int>]

    /// Any chain of layers whose shapes fit, with parameters or without.
    ///
    /// - Throws: `Failure(.data)` that names the layer where a shape does not fit.
    package init(_ description: [LayerDescription], inputShape: Shape) throws {
        let builder = try NetworkBuilder(description, inputShape: inputShape)
        var twins = ReferenceBuilder<Scalar>(builder)
        var layers: [any ReferenceLayer<Scalar>] = []
        var tensors: [Range<Int>] = []
        for part in description {
            let first = twins.tensorCount
            layers.append(twins.layer(part))
            tensors.append(first..<twins.tensorCount)
        }
        self.description = description
        self.inputShape = inputShape
        layout = builder.layout
        self.tensors = tensors
        chain = ReferenceChain(layers)
        outputShape = builder.operations.last?.outputShape ?? inputShape
    }

    /// Layers by themselves, whose tensors lie as `layout` says.
    package init(
        layers: [any ReferenceLayer<Scalar>], layout: ParameterLayout, inputShape: Shape, outputShape: Shape
    ) {
        description = []
        tensors = []
        chain = ReferenceChain(layers)
        self.layout = layout
        self.inputShape = inputShape
        self.outputShape = outputShape
    }

    /// What one pass forward and backward gives.
    package struct Pass {
        /// The input and each layer's output, `[sampleCount, shape]`.
        package let values: [[Scalar]]
        /// The loss's gradients at each of `values`.
        package let valueGradients: [[Scalar]]
        /// Flat, as the parameters.
        package let gradients: [Scalar]
    }

    /// - Parameter outputGradient: the loss's gradient at the outputs that it is given.
    package func run(
        _ input: [Scalar], parameters: [Scalar], batch: ReferenceBatch, outputGradient: ([Scalar]) -> [Scalar]
    ) -> Pass {
        let values = chain.forward(input, parameters: parameters, batch: batch)
        var gradients = [Scalar](repeating: 0, count: layout.floatCount)
        let valueGradients = chain.backward(
            values, outputGradient: outputGradient(values[values.count - 1]), parameters: parameters, batch: batch,
            gradients: &gradients)
        return Pass(values: values, valueGradients: valueGradients, gradients: gradients)
    }
}
