import KernelContract
import Kernels
import Models
import Tensors

/// Layers one behind the other.
package struct ReferenceChain<Scalar: ReferenceScalar>: Sendable {
    package let layers: [any ReferenceLayer<Scalar>]

    package init(_ layers: [any ReferenceLayer<Scalar>]) { self.layers = layers }

    /// The input and each layer's output.
    package func forward(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [[Scalar]] {
        var values = [x]
        for layer in layers {
            values.append(layer.forward(values[values.count - 1], parameters: parameters, batch: batch))
        }
        return values
    }

    /// The loss's gradients at the input and at each layer's output. `values` are those of `forward`.
    package func backward(
        _ values: [[Scalar]], outputGradient: [Scalar], parameters: [Scalar], batch: ReferenceBatch,
        gradients: inout [Scalar]
    ) -> [[Scalar]] {
        var results = [outputGradient]
        for (index, layer) in layers.enumerated().reversed() {
            results.append(
                layer.backward(
                    ReferencePass(x: values[index], y: values[index + 1], dy: results[results.count - 1]),
                    parameters: parameters, batch: batch, gradients: &gradients))
        }
        return results.reversed()
    }

    package func branches(_ values: [[Scalar]], parameters: [Scalar], batch: ReferenceBatch) -> [Int] {
        layers.indices.flatMap { layers[$0].branches(values[$0], parameters: parameters, batch: batch) }
    }
}

/// He et al. 2016: `y = body(x) + shortcut(x)`, with the input itself where there is no shortcut.
package struct ReferenceResidual<Scalar: ReferenceScalar>: ReferenceLayer {
    package let inputShape: Shape
    package let outputShape: Shape
    package let body: ReferenceChain<Scalar>
    package let shortcut: ReferenceChain<Scalar>

    package init(
        inputShape: Shape, outputShape: Shape, body: [any ReferenceLayer<Scalar>],
        shortcut: [any ReferenceLayer<Scalar>]
    ) {
        self.inputShape = inputShape
        self.outputShape = outputShape
        self.body = ReferenceChain(body)
        self.shortcut = ReferenceChain(shortcut)
    }

    package var formula: LayerFormula {
        LayerFormula(
            forward: "a = body(z) + shortcut(z)",
            backward: ["dL/dz = dL/da back through the body + dL/da back through the shortcut"])
    }

    package func forward(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Scalar] {
        let ends = [body, shortcut].map { chain -> [Scalar] in
            let values = chain.forward(x, parameters: parameters, batch: batch)
            return values[values.count - 1]
        }
        return zip(ends[0], ends[1]).map { $0 + $1 }
    }

    package func backward(
        _ pass: ReferencePass<Scalar>, parameters: [Scalar], batch: ReferenceBatch, gradients: inout [Scalar]
    ) -> [Scalar] {
        var inputs: [[Scalar]] = []
        for chain in [body, shortcut] {
            let values = chain.forward(pass.x, parameters: parameters, batch: batch)
            inputs.append(
                chain.backward(
                    values, outputGradient: pass.dy, parameters: parameters, batch: batch, gradients: &gradients)[0])
        }
        return zip(inputs[0], inputs[1]).map { $0 + $1 }
    }

    package func branches(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Int] {
        [body, shortcut].flatMap {
            $0.branches($0.forward(x, parameters: parameters, batch: batch), parameters: parameters, batch: batch)
        }
    }
}
