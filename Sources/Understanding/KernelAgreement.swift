import KernelContract
import Kernels
import Models
import Tensors

/// One training pass of a network three ways: with the kernels that train, with the slow twins as kernels, and by
/// `ReferenceNetwork` in Float, whose formulas are those that the differences check in Double. All have the same bits.
struct KernelAgreement {
    private let network: Network
    private let reference: ReferenceNetwork<Float>
    private let loss: Loss
    private let referenceLoss: ReferenceLoss<Float>
    private let values: CheckValues
    private let parameters: [Float]

    init(_ model: [LayerDescription], inputShape: Shape, loss: LossDescription, values: CheckValues) throws {
        network = try Network(model, inputShape: inputShape, classCount: nil)
        reference = try ReferenceNetwork(model, inputShape: inputShape)
        self.loss = try Loss(loss, outputCount: network.outputCount)
        referenceLoss = ReferenceLoss(loss, classCount: network.outputCount)
        self.values = values
        parameters = values.parameters(network.layout)
    }

    private struct Pass {
        let outputs: [Float]
        let losses: [Float]
        let gradients: [Float]
    }

    private var labels: [UInt8] { values.labels(classCount: network.outputCount) }
    private var partition: GrainPartition { values.partition }
    private var denominator: Float { Float(loss.denominator(partition) { labels[$0] }) }

    /// The first place where the bits are not all the same; nil where they are.
    func difference(_ kernels: any KernelSet) throws -> String? {
        let twin = twinPass()
        for (name, pass) in [
            (kernels.instructionSet, try run(kernels)), (.reference, try run(ReferenceKernels())),
        ] {
            let title = name == .reference ? "reference kernels" : name.rawValue
            if let text = Self.first(pass.outputs, twin.outputs) { return "\(title): output\(text)" }
            if let text = Self.first(pass.losses, twin.losses) { return "\(title): loss\(text)" }
            for entry in network.layout.entries {
                let range = entry.range
                if let text = Self.first(Array(pass.gradients[range]), Array(twin.gradients[range])) {
                    return "\(title): gradient of \(entry.name)\(text)"
                }
            }
        }
        return nil
    }

    private static func first(_ values: [Float], _ expected: [Float]) -> String? {
        let differing = zip(values, expected).enumerated().first { _, pair in
            pair.0.bitPattern != pair.1.bitPattern && !(pair.0.isNaN && pair.1.isNaN)
        }
        return differing.map { "[\($0.offset)] is \($0.element.0), the slow twin's \($0.element.1)" }
    }

    private func twinPass() -> Pass {
        var losses: [Float] = []
        let pass = reference.run(
            values.input(network.inputShape), parameters: parameters,
            batch: ReferenceBatch(partition, mode: values.mode)
        ) { outputs in
            let result = referenceLoss.evaluate(outputs, labels: labels, denominator: denominator)
            losses = result.losses
            return result.gradient
        }
        return Pass(outputs: pass.values[pass.values.count - 1], losses: losses, gradients: pass.gradients)
    }

    private func run(_ kernels: any KernelSet) throws -> Pass {
        let sampleCount = values.sampleCount
        let workspace = KernelWorkspace()
        let activations = Activations(network: network, capacity: sampleCount)
        for (i, value) in values.input(network.inputShape).enumerated() { activations.input[i] = value }
        let gradients = AlignedBuffer<Float>(count: network.layout.floatCount)
        var losses = [Float](repeating: 0, count: sampleCount)
        var predictions = [UInt8](repeating: 0, count: sampleCount)
        var outputs: [Float] = []
        let (labels, denominator) = (labels, denominator)
        let batch = ReferenceBatch(partition, mode: values.mode)
        let state = AlignedBuffer<Float>(count: network.stateLayout.floatCount)
        network.initializeState(state.base)
        try parameters.withUnsafeBufferPointer { parameters in
            guard let base = parameters.baseAddress else { return }
            let context = LayerContext(
                kernels: kernels, workspace: workspace.base, parameters: base, state: state.base,
                mode: batch.layerMode)
            try activations.forward(context, sampleCount: sampleCount)
            outputs = (0..<sampleCount * network.outputCount).map { activations.logits[$0] }
            labels.withUnsafeBufferPointer { labels in
                losses.withUnsafeMutableBufferPointer { losses in
                    predictions.withUnsafeMutableBufferPointer { predictions in
                        guard let labels = labels.baseAddress, let losses = losses.baseAddress,
                            let predictions = predictions.baseAddress
                        else { return }
                        loss.evaluate(
                            LossPass(
                                loss.description.kind, rowCount: sampleCount, classCount: network.outputCount,
                                outputs: activations.logits, rowStride: network.outputCount, labels: labels,
                                denominator: denominator, losses: losses, predictions: predictions,
                                gradient: activations.logitsGradient),
                            kernels: kernels, workspace: workspace.base)
                    }
                }
            }
            try activations.backward(
                context, sampleCount: sampleCount, grainSize: partition.grainSize, subtrees: [0..<sampleCount]
            ) { _ in gradients.base }
        }
        return Pass(
            outputs: outputs, losses: losses,
            gradients: (0..<network.layout.floatCount).map { gradients.base[$0] })
    }
}
