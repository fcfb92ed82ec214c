import Errors
import KernelContract
import Tensors

/// What the last layer of a network must give.
package enum NetworkOutputs: Hashable, Sendable {
    /// One logit for each class.
    case classes(Int)
    /// One output for each element of the input, which is the target: an auto-encoder.
    case inputs
    /// Whatever it gives.
    case any
}

/// A chain of layers with shapes. Immutable; what a worker computes is in `Activations`.
package struct Network: Sendable {
    package let description: [LayerDescription]
    /// Shape of one sample, such as `[28, 28]`.
    package let inputShape: Shape
    /// Elements of the last layer's output, such as one logit for each class.
    package let outputCount: Int
    package let target: LossTarget
    package let layout: ParameterLayout
    package let layers: [any Layer]

    /// - Throws: `Failure(.data)` that names the layer where a shape does not fit.
    package init(_ description: [LayerDescription], inputShape: Shape, outputs: NetworkOutputs) throws {
        var layout = ParameterLayout()
        var layers: [any Layer] = []
        var shape = inputShape
        for (index, part) in description.enumerated() {
            do {
                let layer = try part.layer(inputShape: shape, name: "\(index)", index: index, layout: &layout)
                layers.append(layer)
                shape = layer.outputShape
            } catch let failure as Failure {
                throw Failure(.data, "model: layer \(index + 1) (\"\(part.text)\") \(failure.message)")
            }
        }
        let last = description.last.map { "layer \(description.count) (\"\($0.text)\")" } ?? "the empty model"
        try outputs.check(shape, of: last, inputShape: inputShape)
        guard !layout.entries.isEmpty else { throw Failure(.data, "model: there is no layer with parameters to train") }
        self.description = description
        self.inputShape = inputShape
        outputCount = shape.elementCount
        target = outputs == .inputs ? .input : .label
        self.layout = layout
        self.layers = layers
    }

    package var inputFeatures: Int { inputShape.elementCount }

    /// Floating-point operations of the products for one training sample: forward, weight gradients, and input
    /// gradients but for the first layer with weights.
    package var trainingFlopsPerSample: Double {
        layers.enumerated().reduce(0) { $0 + $1.element.flopsPerSample * ($1.offset == firstTrainable ? 2 : 3) }
    }

    /// Floats that training keeps of one sample: the input, what each layer makes of it and keeps, and two gradients.
    package var activationsPerSample: Int {
        let outputs = layers.indices.filter { !isInPlace($0) }.map { layers[$0].outputFeatures }
        let saved = layers.reduce(0) { $0 + $1.savedFloatsPerSample }
        return inputFeatures + saved + outputs.reduce(0, +) + 2 * widestFeatures
    }

    /// What the greediest layer asks for.
    package func scratchFloatCount(sampleCount: Int) -> Int {
        layers.reduce(0) { max($0, $1.scratchFloatCount(sampleCount: sampleCount)) }
    }

    /// Whether a layer's output takes its input's place: where it can and nobody needs the value, neither the layer below
    /// nor the loss.
    func isInPlace(_ layer: Int) -> Bool {
        layers[layer].worksInPlace && (layer == 0 ? target != .input : !layers[layer - 1].backwardReadsOutput)
    }

    /// Of all gradients that pass between layers.
    var widestFeatures: Int {
        layers.enumerated().reduce(0) { widest, layer in
            let input = layer.offset > firstTrainable ? layer.element.inputFeatures : 0
            return max(widest, max(input, layer.element.outputFeatures))
        }
    }

    /// No gradient is needed at the input of this layer or below it.
    var firstTrainable: Int { layers.firstIndex { $0.hasParameters } ?? 0 }

    /// Initial parameters, each drawn from (seed, tensor's number, index): docs/NUMERICS.md.
    package func initialize(_ parameters: UnsafeMutablePointer<Float>, seed: UInt64) {
        for i in 0..<layout.floatCount { parameters[i] = 0 }
        var number: UInt64 = 0
        for layer in layers where layer.hasParameters {
            layer.initialize(parameters, seed: seed, number: number)
            number += 2
        }
    }
}
