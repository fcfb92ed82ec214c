import Tensors

/// Where a network's values and gradients lie while a batch goes through it, worked out once.
///
/// A value lies in a buffer; values whose layers work in place share one. A gradient lies in a slot, which is given back
/// when nothing below needs it. The gradient at a factored layer's output keeps its slot: other workers read it after
/// backward.
struct NetworkMemory: Sendable {
    /// By value: its buffer, and by buffer: floats of a sample.
    let buffers: [Int]
    let bufferFeatures: [Int]
    /// Backward's steps in order. Slot 0 begins with the gradient at the output.
    let steps: [BackwardStep]
    /// By slot: floats of a sample.
    let slotFeatures: [Int]
    /// By operation: the slot of its output's gradient, where it is a factored layer that is trained.
    let factorSlots: [Int?]

    enum BackwardStep: Sendable {
        case parameterGradient(operation: Int, outputGradient: Int)
        /// The two slots may be one.
        case inputGradient(operation: Int, outputGradient: Int, inputGradient: Int)
        /// `sum = first + second`
        case add(Int, Int, sum: Int, value: Int)
    }

    /// - Parameter isTrained: by operation, whether any of its parameters is.
    init(_ operations: [Operation], inputFeatures: Int, isTrained: [Bool]) {
        (buffers, bufferFeatures) = Self.assignBuffers(operations, inputFeatures: inputFeatures)
        var plan = BackwardPlan(operations, inputFeatures: inputFeatures, isTrained: isTrained)
        plan.run()
        steps = plan.steps
        slotFeatures = plan.slotFeatures
        factorSlots = plan.factorSlots
    }

    private static func assignBuffers(_ operations: [Operation], inputFeatures: Int) -> ([Int], [Int]) {
        var readers = [Int](repeating: 0, count: operations.count + 1)
        for operation in operations { for input in operation.inputs { readers[input] += 1 } }
        var buffers = [0]
        var features = [inputFeatures]
        // Buffers that a later layer may not overwrite: the network's input, and what backward reads again.
        var isKept = [true]
        for (index, operation) in operations.enumerated() {
            let input = operation.inputs[0]
            let buffer = buffers[input]
            let takesInput: Bool
            switch operation.memory {
            case .isInput:
                takesInput = true
                // What reads the input elsewhere must not be overwritten behind the reshape.
                if readers[input] > 1 { isKept[buffer] = true }
            case .mayReplaceInput: takesInput = readers[input] == 1 && !isKept[buffer]
            case .own: takesInput = false
            }
            if takesInput {
                buffers.append(buffer)
            } else {
                buffers.append(features.count)
                features.append(operation.outputShape.elementCount)
                isKept.append(false)
            }
            if operation.layer?.backwardReadsOutput == true { isKept[buffers[index + 1]] = true }
        }
        return (buffers, features)
    }
}

/// Walks back over the operations and assigns slots.
private struct BackwardPlan {
    private let operations: [Operation]
    private let isTrained: [Bool]
    /// By value.
    private let features: [Int]
    private let needsGradient: [Bool]
    private(set) var steps: [NetworkMemory.BackwardStep] = []
    private(set) var slotFeatures: [Int] = []
    private(set) var factorSlots: [Int?]
    /// By slot: values whose gradient lies there.
    private var users: [Int] = []
    /// By value: the slot of what is known of its gradient.
    private var slots: [Int?]

    init(_ operations: [Operation], inputFeatures: Int, isTrained: [Bool]) {
        self.operations = operations
        self.isTrained = isTrained
        features = [inputFeatures] + operations.map(\.outputShape.elementCount)
        var needsGradient = [false]
        for (operation, isTrained) in zip(operations, isTrained) {
            needsGradient.append(isTrained || operation.inputs.contains { needsGradient[$0] })
        }
        self.needsGradient = needsGradient
        slots = [Int?](repeating: nil, count: operations.count + 1)
        factorSlots = [Int?](repeating: nil, count: operations.count)
    }

    mutating func run() {
        slots[operations.count] = take(operations.count)
        for index in operations.indices.reversed() where needsGradient[index + 1] {
            guard let slot = slots[index + 1] else { continue }
            switch operations[index].kind {
            case .sum:
                for input in operations[index].inputs where needsGradient[input] { pass(slot, to: input) }
            case .layer(let layer):
                if isTrained[index] {
                    steps.append(.parameterGradient(operation: index, outputGradient: slot))
                    if layer is any FactoredLayer {
                        factorSlots[index] = slot
                        users[slot] += 1
                    }
                }
                let input = operations[index].inputs[0]
                if needsGradient[input] { goBack(through: layer, index, slot, to: input) }
            }
            users[slot] -= 1
        }
    }

    /// A slot that nothing uses, for the gradient of `value`.
    private mutating func take(_ value: Int) -> Int {
        let slot = users.firstIndex(of: 0) ?? users.count
        if slot == users.count {
            users.append(0)
            slotFeatures.append(0)
        }
        users[slot] = 1
        slotFeatures[slot] = max(slotFeatures[slot], features[value])
        return slot
    }

    private mutating func goBack(through layer: any Layer, _ index: Int, _ slot: Int, to input: Int) {
        if case .isInput = layer.memory { return pass(slot, to: input) }
        // In place where nothing else needs the gradient at the output; every such layer's backward may be.
        var target = slot
        if case .mayReplaceInput = layer.memory, users[slot] == 1 {
            users[slot] += 1
        } else {
            target = take(input)
        }
        steps.append(.inputGradient(operation: index, outputGradient: slot, inputGradient: target))
        pass(target, to: input)
        users[target] -= 1
    }

    /// Adds what lies in `slot` to the gradient of `value`.
    private mutating func pass(_ slot: Int, to value: Int) {
        guard let known = slots[value] else {
            slots[value] = slot
            users[slot] += 1
            return
        }
        let sum = take(value)
        steps.append(.add(known, slot, sum: sum, value: value))
        users[known] -= 1
        slots[value] = sum
    }
}
