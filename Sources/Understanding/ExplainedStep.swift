import Errors
import KernelContract
import Kernels
import Models
import Tensors

/// What `lockstep explain` may measure an output with.
package enum ExplainedLoss: Hashable, Sendable {
    /// `½ Σ (t − o)²`, as textbooks write it.
    case halfSquaredError
    case kind(LossKind)

    package static let names = ["half-squared-error"] + LossKind.allCases.map(\.rawValue)

    package init?(name: String) {
        if name == Self.names[0] {
            self = .halfSquaredError
        } else if let kind = LossKind(rawValue: name) {
            self = .kind(kind)
        } else {
            return nil
        }
    }

    package var name: String {
        switch self {
        case .halfSquaredError: Self.names[0]
        case .kind(let kind): kind.rawValue
        }
    }
}

/// One sample, one pass forward and backward and one step of gradient descent, in Double.
package struct ExplainedStep: Sendable {
    package enum Target: Hashable, Sendable {
        case values([Double])
        /// A class; with one output a number.
        case label(Int)
    }

    /// More would not be read.
    package static let greatestParameterCount = 200
    package static let greatestValueCount = 400

    package let model: [LayerDescription]
    package let network: ReferenceNetwork<Double>
    package let loss: ExplainedLoss
    /// One for each output; a label as a one-hot vector.
    package let targets: [Double]
    package let label: Int?
    package let learningRate: Double
    package let parameters: [Double]
    package let updated: [Double]
    /// The names of parameters: w1, w2, … and b1, b2, … through all layers, in PyTorch's order; nil in the gaps.
    package let names: [String?]
    /// The input and each layer's output, and the loss's gradients at them.
    package let values: [[Double]]
    package let valueGradients: [[Double]]
    package let gradients: [Double]
    package let outputsAfter: [Double]
    let batch: ReferenceBatch

    /// - Parameter parameters: in PyTorch's order, layer by layer, weight before bias; nil draws them by `seed`.
    /// - Throws: `Failure(.data)` where the parts do not fit together or are too many to be read.
    package init(
        _ model: [LayerDescription], inputShape: Shape, input: [Double], target: Target, loss: ExplainedLoss?,
        learningRate: Double, parameters: [Double]?, seed: UInt64
    ) throws {
        guard input.count == inputShape.elementCount else {
            throw Failure(.data, "explain: \(input.count) inputs for a sample of shape \(inputShape)")
        }
        // Refuses what cannot be trained.
        let trained = try Network(model, inputShape: inputShape, classCount: nil)
        let network = try ReferenceNetwork<Double>(model, inputShape: inputShape)
        let count = network.layout.parameterCount
        let valueCount = network.chain.layers.reduce(input.count) { $0 + $1.outputShape.elementCount }
        guard count <= Self.greatestParameterCount && valueCount <= Self.greatestValueCount else {
            throw Failure(
                .data,
                "explain: the model has \(grouped(count)) parameters and \(grouped(valueCount)) inputs and outputs of "
                    + "layers; every number is written out, so at most \(Self.greatestParameterCount) and "
                    + "\(Self.greatestValueCount) are taken: make it smaller")
        }
        self.model = model
        self.network = network
        self.learningRate = learningRate
        self.parameters = try Self.flat(parameters, trained, seed: seed)
        names = Self.names(network.layout)
        let outputs = network.outputShape.elementCount
        (targets, label) = try Self.resolve(target, outputs: outputs)
        self.loss = loss ?? (label == nil ? .halfSquaredError : .kind(.crossEntropy))
        guard self.loss != .kind(.crossEntropy) || label != nil else {
            throw Failure(.data, "explain: cross-entropy needs a class as its target, from 0 to \(outputs - 1)")
        }

        batch = ReferenceBatch(
            GrainPartition(sampleCount: 1, grainSize: 1), mode: .training(seed: seed, epoch: 1, position: 0))
        let (lossOf, targets, label) = (self.loss, targets, label)
        let pass = network.run(input, parameters: self.parameters, batch: batch) {
            Self.evaluate(lossOf, $0, targets: targets, label: label).gradient
        }
        values = pass.values
        valueGradients = pass.valueGradients
        gradients = pass.gradients
        updated = zip(self.parameters, pass.gradients).map { $0 - learningRate * $1 }
        let after = network.chain.forward(input, parameters: updated, batch: batch)
        outputsAfter = after[after.count - 1]
    }

    package var outputs: [Double] { values[values.count - 1] }
    package var lossValue: Double { Self.evaluate(loss, outputs, targets: targets, label: label).value }
    package var lossAfter: Double { Self.evaluate(loss, outputsAfter, targets: targets, label: label).value }

    /// The index of a parameter among the flat ones.
    package func parameter(_ name: String) -> Int? { names.firstIndex(of: name) }

    /// The loss, each output's part of it before any division, and the gradient at the outputs.
    static func evaluate(
        _ loss: ExplainedLoss, _ outputs: [Double], targets: [Double], label: Int?
    ) -> (value: Double, parts: [Double], gradient: [Double]) {
        switch loss {
        case .halfSquaredError:
            let differences = zip(outputs, targets).map { $0 - $1 }
            let parts = differences.map { 0.5 * $0 * $0 }
            return (parts.reduce(0, +), parts, differences)
        case .kind(.crossEntropy):
            let row = Reference.softmaxCrossEntropy(outputs, label: label ?? 0)
            return (row.loss, [row.loss], row.gradient)
        case .kind(let kind):
            let terms = zip(outputs, targets).map { Reference.term(kind, $0, target: $1) }
            let count = Double(outputs.count)
            return (
                terms.reduce(0) { $0 + $1.loss } / count, terms.map(\.loss), terms.map { $0.gradient / count }
            )
        }
    }

    private static func resolve(_ target: Target, outputs: Int) throws -> ([Double], Int?) {
        switch target {
        case .values(let values):
            guard values.count == outputs else {
                throw Failure(
                    .data, "explain: \(values.count) targets for \(outputs) outputs; give one for each, or a class")
            }
            return (values, nil)
        case .label(let label) where outputs == 1: return ([Double(label)], nil)
        case .label(let label):
            guard (0..<outputs).contains(label) else {
                throw Failure(
                    .data, "explain: class \(label) of \(outputs); classes are numbered from 0 to \(outputs - 1)")
            }
            return ((0..<outputs).map { $0 == label ? 1 : 0 }, label)
        }
    }

    private static func flat(_ stored: [Double]?, _ network: Network, seed: UInt64) throws -> [Double] {
        let layout = network.layout
        var flat = [Double](repeating: 0, count: layout.floatCount)
        guard let stored else {
            let initial = AlignedBuffer<Float>(count: layout.floatCount)
            network.initialize(initial.base, seed: seed)
            for i in flat.indices { flat[i] = Double(initial.base[i]) }
            return flat
        }
        guard stored.count == layout.parameterCount else {
            throw Failure(
                .data,
                "explain: \(stored.count) weights for \(layout.parameterCount) parameters: give those of "
                    + layout.entries.map { "\($0.name) \($0.storage.shape)" }.joined(separator: ", ")
                    + ", in this order")
        }
        var next = 0
        for entry in layout.entries {
            entry.forEachStored { number, inMemory in flat[entry.range.lowerBound + inMemory] = stored[next + number] }
            next += entry.range.count
        }
        return flat
    }

    private static func names(_ layout: ParameterLayout) -> [String?] {
        var names = [String?](repeating: nil, count: layout.floatCount)
        var (weights, biases) = (0, 0)
        for entry in layout.entries {
            let isBias = entry.name.hasSuffix("bias")
            entry.forEachStored { number, inMemory in
                names[entry.range.lowerBound + inMemory] =
                    isBias ? "b\(biases + number + 1)" : "w\(weights + number + 1)"
            }
            if isBias { biases += entry.range.count } else { weights += entry.range.count }
        }
        return names
    }
}
