import KernelContract
import Tensors

/// What one worker keeps of its part of a batch: every layer's output, and gradients going back.
///
/// Memory: `capacity` × `Network.activationsPerSample` floats, what layers keep of a batch, and the greatest scratch
/// memory that one asks for.
package struct Activations: ~Copyable {
    /// The samples that fit.
    package let capacity: Int
    private let buffer: AlignedBuffer<Float>
    /// Offsets, by value.
    private let values: [Int]
    /// Offsets, by operation, of what it saves.
    private let saved: [Int]
    private let batchSaved: [Int]
    /// Offsets, by slot.
    private let gradients: [Int]
    private let scratch: Int
    private let network: Network
    private let blocks: SampleBlocks
    /// By operation: whether `backward` leaves the gradients of its parameters out.
    private let isFactored: [Bool]

    /// Gradients of `factored` operations are not computed by `backward`, but by `FactoredLayer`. Layers that work sample by
    /// sample run over blocks of `blockFloatCount` floats.
    package init(
        network: Network, capacity: Int, factored: [Int] = [],
        blockFloatCount: Int = SampleBlocks.standardFloatCount
    ) {
        var end = 0
        func take(_ count: Int) -> Int {
            defer { end += (count + 15) / 16 * 16 }
            return end
        }
        let buffers = network.memory.bufferFeatures.map { take(capacity * $0) }
        values = network.memory.buffers.map { buffers[$0] }
        saved = network.operations.map { take(capacity * ($0.layer?.savedFloatsPerSample ?? 0)) }
        batchSaved = network.operations.map { take($0.layer?.savedFloatsPerBatch ?? 0) }
        gradients = network.memory.slotFeatures.map { take(capacity * $0) }
        scratch = take(network.scratchFloatCount(sampleCount: capacity))
        buffer = AlignedBuffer(count: end)
        isFactored = network.operations.indices.map { factored.contains($0) }
        blocks = SampleBlocks(
            network.operations, memory: network.memory, inputFeatures: network.inputFeatures,
            floatCount: blockFloatCount)
        self.network = network
        self.capacity = capacity
    }

    /// Of a factored layer that is trained: its inputs, and after `backward` the gradients at its outputs, by sample.
    package func factors(
        ofOperation index: Int
    ) -> (inputs: UnsafePointer<Float>, outputGradients: UnsafePointer<Float>) {
        guard let slot = network.memory.factorSlots[index] else {
            preconditionFailure("Activations: operation \(index) is no factored layer that is trained")
        }
        return (
            UnsafePointer(buffer.base + values[network.operations[index].inputs[0]]), UnsafePointer(gradient(slot))
        )
    }

    package var outputCount: Int { network.outputCount }

    /// `[capacity, inputFeatures]`: the caller writes the samples here; they stay.
    package var input: UnsafeMutablePointer<Float> { buffer.base }
    /// `[capacity, outputCount]`, after `forward`.
    package var logits: UnsafeMutablePointer<Float> { buffer.base + values[values.count - 1] }
    /// `[capacity, outputCount]`: the caller writes the loss's gradient here before `backward`.
    package var logitsGradient: UnsafeMutablePointer<Float> { buffer.base + gradients[0] }

    /// Runs the first `sampleCount` samples through all layers.
    ///
    /// - Throws: What the batch's sums throw.
    package func forward(_ context: LayerContext, sampleCount: Int) throws {
        for run in blocks.forward {
            try run.forEachBlock(sampleCount) { samples in
                for index in run.range { try forward(context, index, samples) }
            }
        }
    }

    private func forward(_ context: LayerContext, _ index: Int, _ samples: Range<Int>) throws {
        let operation = network.operations[index]
        let first = samples.lowerBound
        let count = operation.outputShape.elementCount
        let input = buffer.base + values[operation.inputs[0]] + first * network.features(of: operation.inputs[0])
        let output = buffer.base + values[index + 1] + first * count
        switch operation.kind {
        case .layer(let layer):
            try layer.forward(
                context,
                ForwardPass(
                    sampleCount: samples.count, input: input, output: output,
                    saved: buffer.base + saved[index] + first * layer.savedFloatsPerSample,
                    batchSaved: buffer.base + batchSaved[index], scratch: buffer.base + scratch))
        case .sum:
            context.kernels.addElements(
                input, buffer.base + values[operation.inputs[1]] + first * count, count: samples.count * count,
                to: output)
        }
    }

    /// Of what `backward` has just computed gradients.
    package enum BackwardPart {
        case inputs
        /// Of the operation's. It goes from the last operation to the first.
        case parameters(operation: Int)
    }

    /// Goes back from `logitsGradient`. For each subtree of the canonical tree, given by its samples within this worker's
    /// part, the gradients of all parameters are written to the flat buffer that `gradients` names. `finished` is called
    /// after each operation's part.
    ///
    /// - Throws: What the batch's sums and `finished` throw.
    package func backward(
        _ context: LayerContext, sampleCount: Int, grainSize: Int, subtrees: [Range<Int>],
        gradients parameterGradients: (Int) -> UnsafeMutablePointer<Float>,
        finished: (BackwardPart) throws -> Void = { _ in }
    ) throws {
        try withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<Float>.self, capacity: max(subtrees.count, 1)) {
            for number in subtrees.indices { $0.initializeElement(at: number, to: parameterGradients(number)) }
            try backward(
                context, sampleCount: sampleCount, grainSize: grainSize, subtrees: subtrees,
                gradients: UnsafePointer($0.baseAddress!), finished: finished)
        }
    }

    private func backward(
        _ context: LayerContext, sampleCount: Int, grainSize: Int, subtrees: [Range<Int>],
        gradients parameterGradients: UnsafePointer<UnsafeMutablePointer<Float>>,
        finished: (BackwardPart) throws -> Void
    ) throws {
        var lastTrained: Int?
        for run in blocks.backward {
            // A step that computes parameters' gradients is a run of its own.
            if case .parameterGradient(let index, let slot) = network.memory.steps[run.range.lowerBound] {
                guard !isFactored[index] else { continue }
                lastTrained = index
                for (number, samples) in subtrees.enumerated() {
                    parameterGradient(
                        context, index, slot, samples, grainSize: grainSize, to: parameterGradients[number])
                }
                try finished(.parameters(operation: index))
                continue
            }
            try run.forEachBlock(sampleCount) { samples in
                for step in run.range {
                    try inputGradient(
                        context, network.memory.steps[step], samples, lastTrained: lastTrained, parameterGradients)
                }
            }
            try finished(.inputs)
        }
    }

    private func parameterGradient(
        _ context: LayerContext, _ index: Int, _ slot: Int, _ samples: Range<Int>, grainSize: Int,
        to gradients: UnsafeMutablePointer<Float>
    ) {
        guard case .layer(let layer) = network.operations[index].kind else { return }
        let first = samples.lowerBound
        layer.parameterGradient(
            context,
            GradientPass(
                sampleCount: samples.count, grainSize: grainSize,
                input: buffer.base + values[network.operations[index].inputs[0]] + first * layer.inputFeatures,
                saved: buffer.base + saved[index] + first * layer.savedFloatsPerSample,
                batchSaved: buffer.base + batchSaved[index],
                outputGradient: gradient(slot) + first * layer.outputFeatures,
                gradients: gradients, scratch: buffer.base + scratch))
    }

    private func inputGradient(
        _ context: LayerContext, _ step: NetworkMemory.BackwardStep, _ samples: Range<Int>, lastTrained: Int?,
        _ parameterGradients: UnsafePointer<UnsafeMutablePointer<Float>>
    ) throws {
        let first = samples.lowerBound
        switch step {
        case .parameterGradient: break
        case .inputGradient(let index, let slot, let target):
            guard case .layer(let layer) = network.operations[index].kind else { return }
            let (inputs, outputs) = (first * layer.inputFeatures, first * layer.outputFeatures)
            try layer.inputGradient(
                context,
                BackwardPass(
                    sampleCount: samples.count,
                    input: buffer.base + values[network.operations[index].inputs[0]] + inputs,
                    output: buffer.base + values[index + 1] + outputs,
                    saved: buffer.base + saved[index] + first * layer.savedFloatsPerSample,
                    batchSaved: buffer.base + batchSaved[index], outputGradient: gradient(slot) + outputs,
                    inputGradient: gradient(target) + inputs,
                    parameterGradients: lastTrained == index ? parameterGradients : nil, scratch: buffer.base + scratch)
            )
        case .add(let a, let b, let sum, let value):
            let count = network.features(of: value)
            context.kernels.addElements(
                gradient(a) + first * count, gradient(b) + first * count, count: samples.count * count,
                to: gradient(sum) + first * count)
        }
    }

    private func gradient(_ slot: Int) -> UnsafeMutablePointer<Float> { buffer.base + gradients[slot] }
}
