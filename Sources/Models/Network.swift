import Errors
import KernelContract
import Randomness
import Tensors

/// A chain of layers with shapes, ending in one logit for each class. Immutable; what a worker computes is in `Activations`.
package struct Network: Sendable {
    package let description: [LayerDescription]
    /// Shape of one sample, such as `[28, 28]`; it is flattened in row-major order.
    package let inputShape: Shape
    package let classCount: Int
    package let layout: ParameterLayout
    let layers: [any Layer]

    /// - Throws: `Failure(.data)` that names the layer where a shape does not fit.
    package init(_ description: [LayerDescription], inputShape: Shape, classCount: Int) throws {
        var layout = ParameterLayout()
        var layers: [any Layer] = []
        var features = inputShape.elementCount
        for (index, layer) in description.enumerated() {
            switch layer {
            case .dense(let outputFeatures):
                // PyTorch's names and shapes in an nn.Sequential; in memory the weight is transposed: [in, out].
                let weight = layout.append("\(index).weight", [features, outputFeatures])
                let bias = layout.append("\(index).bias", [outputFeatures])
                layers.append(
                    Dense(inputFeatures: features, outputFeatures: outputFeatures, weight: weight, bias: bias))
                features = outputFeatures
            case .relu:
                layers.append(ReLU(inputFeatures: features))
            }
        }
        guard features == classCount else {
            let last = description.last.map { "layer \(description.count) (\"\($0.text)\")" } ?? "the empty model"
            throw Failure(
                .data,
                "model: \(last) gives [\(features)] but the data set has \(classCount) classes, [\(classCount)]; "
                    + "end the model with \"dense \(classCount)\"")
        }
        guard !layout.entries.isEmpty else { throw Failure(.data, "model: there is no layer with parameters to train") }
        self.description = description
        self.inputShape = inputShape
        self.classCount = classCount
        self.layout = layout
        self.layers = layers
    }

    package var inputFeatures: Int { inputShape.elementCount }

    /// Floating-point operations of the matrix products for one training sample: forward, weight gradients, and input
    /// gradients but for the first layer.
    package var trainingFlopsPerSample: Double {
        var flops = 0.0
        for (index, layer) in layers.enumerated() {
            guard let dense = layer as? Dense else { continue }
            flops += Double(2 * dense.weight.count) * (index == firstTrainable ? 2 : 3)
        }
        return flops
    }

    /// Floats that training keeps of one sample: the input, what each layer makes of it, and two gradients.
    package var activationsPerSample: Int {
        let outputs = layers.filter { !$0.worksInPlace }.map(\.outputFeatures)
        return inputFeatures + outputs.reduce(0, +) + 2 * (outputs.max() ?? 0)
    }

    /// No gradient is needed at the input of this layer or below it.
    var firstTrainable: Int { layers.firstIndex { $0 is Dense } ?? 0 }

    /// Kaiming-uniform for rectifiers (He et al. 2015; PyTorch's `kaiming_uniform_` with `nonlinearity="relu"`): weights
    /// uniform in ±√(6 / inputFeatures), each drawn from (seed, parameter's number, index in PyTorch's layout). Biases 0.
    package func initialize(_ parameters: UnsafeMutablePointer<Float>, seed: UInt64) {
        for i in 0..<layout.floatCount { parameters[i] = 0 }
        var number: UInt64 = 0
        for case let dense as Dense in layers {
            let bound = Float((6 / Double(dense.inputFeatures)).squareRoot())
            let random = KeyedRandom(seed: seed, purpose: .initialWeights, subject: number)
            for o in 0..<dense.outputFeatures {
                for i in 0..<dense.inputFeatures {
                    let u = random.uniformFloat(at: UInt64(o * dense.inputFeatures + i))
                    parameters[dense.weight.lowerBound + i * dense.outputFeatures + o] = bound * (2 * u - 1)
                }
            }
            number += 2
        }
    }
}
