import Errors
import KernelContract
import Tensors

/// What the last layer of a network must give.
package enum NetworkOutputs: Hashable, Sendable {
    /// One logit for each class.
    case classes(Int)
    /// One output for each element of the input, which is the target: an auto-encoder.
    case inputs
    /// One output for each target column of a table.
    case columns(Int)
    /// Whatever it gives.
    case any
}

/// Layers with shapes. Immutable; what a worker computes is in `Activations`.
package struct Network: Sendable {
    package let description: [LayerDescription]
    /// Shape of one sample, such as `[28, 28]`.
    package let inputShape: Shape
    /// Elements of the last layer's output, such as one logit for each class.
    package let outputCount: Int
    package let target: LossTarget
    package let layout: ParameterLayout
    /// Running statistics, which are no parameters: of batch norm.
    package let stateLayout: ParameterLayout
    package let operations: [Operation]
    /// By tensor of `layout`.
    package let settings: [TensorSettings]
    let memory: NetworkMemory

    /// - Throws: `Failure(.data)` that names the layer where a shape does not fit.
    package init(
        _ description: [LayerDescription], inputShape: Shape, outputs: NetworkOutputs,
        settings: LayerSettings = LayerSettings()
    ) throws {
        let builder = try NetworkBuilder(description, inputShape: inputShape)
        let shape = builder.operations.last?.outputShape ?? inputShape
        let last = description.last.map { "layer \(description.count) (\"\($0.text)\")" } ?? "the empty model"
        try outputs.check(shape, of: last, inputShape: inputShape)
        guard !builder.layout.entries.isEmpty else {
            throw Failure(.data, "model: there is no layer with parameters to train")
        }
        self.description = description
        self.inputShape = inputShape
        outputCount = shape.elementCount
        target = outputs.target
        layout = builder.layout
        stateLayout = builder.stateLayout
        operations = builder.operations
        let tensorSettings = try settings.resolve(builder.operations, builder.layout)
        self.settings = tensorSettings
        guard tensorSettings.contains(where: { !$0.isFrozen }) else {
            throw Failure(.data, "layers: all parameters are frozen, so that there is nothing to train")
        }
        let layout = builder.layout
        memory = NetworkMemory(
            builder.operations, inputFeatures: inputShape.elementCount,
            isTrained: builder.operations.map { operation in
                zip(layout.entries, tensorSettings).contains { $0.belongs(to: operation) && !$1.isFrozen }
            })
    }

    package var inputFeatures: Int { inputShape.elementCount }
    package var layers: [any Layer] { operations.compactMap(\.layer) }

    /// Where an operation's parameters begin; they lie in the order of operations. Nil where it has none.
    package func parameterStart(of operation: Int) -> Int? {
        layout.entries.first { $0.belongs(to: operations[operation]) }?.range.lowerBound
    }

    /// Whether an operation is a factored layer that is trained.
    package func isFactored(_ operation: Int) -> Bool { memory.factorSlots[operation] != nil }

    /// The buffer of an operation's input; 0 is the network's input, as it is or reshaped.
    package func memory(ofInputTo operation: Int) -> Int { memory.buffers[operations[operation].inputs[0]] }

    func features(of value: Int) -> Int {
        value == 0 ? inputFeatures : operations[value - 1].outputShape.elementCount
    }

    /// Floating-point operations of the products for one training sample: forward, weight gradients, and input
    /// gradients where a layer below is trained.
    package var trainingFlopsPerSample: Double {
        forwardFlopsPerSample + inputGradientFlopsPerSample + parameterGradientFlopsPerSample()
    }

    package var forwardFlopsPerSample: Double { layers.reduce(0) { $0 + $1.flopsPerSample } }

    package var inputGradientFlopsPerSample: Double {
        memory.steps.reduce(0) { sum, step in
            guard case .inputGradient(let index, _, _) = step else { return sum }
            return sum + (operations[index].layer?.flopsPerSample ?? 0)
        }
    }

    package func parameterGradientFlopsPerSample(without factored: [Int] = []) -> Double {
        memory.steps.reduce(0) { sum, step in
            guard case .parameterGradient(let index, _) = step, !factored.contains(index) else { return sum }
            return sum + (operations[index].layer?.flopsPerSample ?? 0)
        }
    }

    /// Floating-point operations that backward still has to do for one sample when it has the gradient of this operation's
    /// parameters.
    package func backwardFlopsPerSample(after operation: Int) -> Double {
        memory.steps.reversed().prefix { step in
            if case .parameterGradient(operation, _) = step { false } else { true }
        }.reduce(0) { sum, step in
            switch step {
            case .parameterGradient(let index, _), .inputGradient(let index, _, _):
                sum + (operations[index].layer?.flopsPerSample ?? 0)
            case .add: sum
            }
        }
    }

    /// Floats that training keeps of one sample: the input, what each layer makes of it and keeps, and gradients.
    package var activationsPerSample: Int {
        let saved = layers.reduce(0) { $0 + $1.savedFloatsPerSample }
        return memory.bufferFeatures.reduce(0, +) + saved + memory.slotFeatures.reduce(0, +)
    }

    /// Of one sample, by one operation: its output, unless that takes its input's place, and what it saves.
    func keptFloats(ofOperation index: Int) -> Int {
        let operation = operations[index]
        let hasOwnBuffer = memory.buffers[index + 1] != memory.buffers[operation.inputs[0]]
        return (hasOwnBuffer ? operation.outputShape.elementCount : 0) + (operation.layer?.savedFloatsPerSample ?? 0)
    }

    /// What the greediest layer asks for.
    package func scratchFloatCount(sampleCount: Int) -> Int {
        layers.reduce(0) { max($0, $1.scratchFloatCount(sampleCount: sampleCount)) }
    }

    /// The most sums over a batch that a layer asks for at once; 0 where none does.
    package var batchSumColumns: Int { layers.reduce(0) { max($0, $1.batchSumColumns) } }

    /// Initial parameters, each drawn from (seed, tensor's number, index): docs/NUMERICS.md.
    package func initialize(_ parameters: UnsafeMutablePointer<Float>, seed: UInt64) {
        for i in 0..<layout.floatCount { parameters[i] = 0 }
        var number = 0
        for operation in operations {
            guard let layer = operation.layer, layer.hasParameters else { continue }
            let weight = layout.entries.firstIndex { $0.belongs(to: operation) }
            layer.initialize(
                parameters, by: weight.flatMap { settings[$0].initializer } ?? .standard,
                random: KeyedWeights(seed: seed, number: number))
            number += 1
        }
    }

    /// Initial running statistics: mean 0, variance 1.
    package func initializeState(_ state: UnsafeMutablePointer<Float>) {
        for i in 0..<stateLayout.floatCount { state[i] = 0 }
        for layer in layers { layer.initializeState(state) }
    }
}

extension ParameterLayout.Entry {
    /// Of `3.weight` and operation `3`.
    package func belongs(to operation: Operation) -> Bool { operation.layer != nil && layerName == operation.name }

    /// What is in front of the last point.
    var layerName: Substring { name.lastIndex(of: ".").map { name[..<$0] } ?? "" }
}
