import KernelContract
import Tensors

/// What one worker keeps of its part of a batch: every layer's output, and gradients going back.
///
/// Memory: `capacity` × `Network.activationsPerSample` floats, what layers keep of a batch, and the greatest scratch
/// memory that one asks for. Equal networks and capacities have equal offsets in it.
package struct Activations: ~Copyable {
    /// The samples that fit.
    package let capacity: Int
    private let base: UnsafeMutablePointer<Float>
    /// Empty where the memory is somebody else's.
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

    /// `memory`, where it is given, holds `floatCount(network:capacity:)` floats and outlives this. Gradients of
    /// `factored` operations are not computed by `backward`, but by `FactoredLayer`.
    package init(
        network: Network, capacity: Int, memory: UnsafeMutablePointer<Float>? = nil, factored: Set<Int> = [],
        blockFloatCount: Int = SampleBlocks.standardFloatCount
    ) {
        let places = Self.places(network, capacity: capacity)
        values = places.values
        saved = places.saved
        batchSaved = places.batchSaved
        gradients = places.gradients
        scratch = places.scratch
        let own = AlignedBuffer<Float>(count: memory == nil ? places.floatCount : 0)
        if let memory { base = memory } else { base = own.base }
        buffer = own
        isFactored = network.operations.indices.map { factored.contains($0) }
        blocks = SampleBlocks(
            network.operations, memory: network.memory, inputFeatures: network.inputFeatures,
            floatCount: blockFloatCount)
        self.network = network
        self.capacity = capacity
    }

    package static func floatCount(network: Network, capacity: Int) -> Int {
        places(network, capacity: capacity).floatCount
    }

    /// Where the input and the output's gradient of a factored operation begin, in floats from the memory's begin.
    package static func factorOffsets(
        network: Network, capacity: Int, operation: Int
    ) -> (input: Int, outputGradient: Int) {
        let places = Self.places(network, capacity: capacity)
        guard let slot = network.memory.factorSlots[operation] else {
            preconditionFailure("Activations: operation \(operation) is no factored layer that is trained")
        }
        return (places.values[network.operations[operation].inputs[0]], places.gradients[slot])
    }

    /// Offsets in floats.
    private struct Places {
        var values, saved, batchSaved, gradients: [Int]
        var scratch, floatCount: Int
    }

    private static func places(_ network: borrowing Network, capacity: Int) -> Places {
        var end = 0
        func take(_ count: Int) -> Int {
            defer { end += (count + 15) / 16 * 16 }
            return end
        }
        let buffers = network.memory.bufferFeatures.map { take(capacity * $0) }
        let values = network.memory.buffers.map { buffers[$0] }
        let saved = network.operations.map { take(capacity * ($0.layer?.savedFloatsPerSample ?? 0)) }
        let batchSaved = network.operations.map { take($0.layer?.savedFloatsPerBatch ?? 0) }
        let gradients = network.memory.slotFeatures.map { take(capacity * $0) }
        let scratch = take(network.scratchFloatCount(sampleCount: capacity))
        return Places(
            values: values, saved: saved, batchSaved: batchSaved, gradients: gradients, scratch: scratch,
            floatCount: end)
    }

    package var outputCount: Int { network.outputCount }

    /// `[capacity, inputFeatures]`: the caller writes the samples here; they stay.
    package var input: UnsafeMutablePointer<Float> { base }
    /// `[capacity, outputCount]`, after `forward`.
    package var logits: UnsafeMutablePointer<Float> { base + values[values.count - 1] }
    /// `[capacity, outputCount]`: the caller writes the loss's gradient here before `backward`.
    package var logitsGradient: UnsafeMutablePointer<Float> { base + gradients[0] }

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
        let input = base + values[operation.inputs[0]] + first * network.features(of: operation.inputs[0])
        let output = base + values[index + 1] + first * count
        switch operation.kind {
        case .layer(let layer):
            try layer.forward(
                context,
                ForwardPass(
                    sampleCount: samples.count, input: input, output: output,
                    saved: base + saved[index] + first * layer.savedFloatsPerSample,
                    batchSaved: base + batchSaved[index], scratch: base + scratch))
        case .sum:
            context.kernels.addElements(
                input, base + values[operation.inputs[1]] + first * count, count: samples.count * count, to: output)
        }
    }

    /// Goes back from `logitsGradient`. For each subtree of the canonical tree, given by its samples within this worker's
    /// part, the gradients of all parameters are written to the flat buffer that `gradients` names.
    ///
    /// - Throws: What the batch's sums throw.
    package func backward(
        _ context: LayerContext, sampleCount: Int, grainSize: Int, subtrees: [Range<Int>],
        gradients parameterGradients: (Int) -> UnsafeMutablePointer<Float>
    ) throws {
        try withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<Float>.self, capacity: max(subtrees.count, 1)) {
            for number in subtrees.indices { $0.initializeElement(at: number, to: parameterGradients(number)) }
            try backward(
                context, sampleCount: sampleCount, grainSize: grainSize, subtrees: subtrees,
                gradients: UnsafePointer($0.baseAddress!))
        }
    }

    private func backward(
        _ context: LayerContext, sampleCount: Int, grainSize: Int, subtrees: [Range<Int>],
        gradients parameterGradients: UnsafePointer<UnsafeMutablePointer<Float>>
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
                continue
            }
            try run.forEachBlock(sampleCount) { samples in
                for step in run.range {
                    try inputGradient(
                        context, network.memory.steps[step], samples, lastTrained: lastTrained, parameterGradients)
                }
            }
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
                input: base + values[network.operations[index].inputs[0]] + first * layer.inputFeatures,
                saved: base + saved[index] + first * layer.savedFloatsPerSample,
                batchSaved: base + batchSaved[index], outputGradient: gradient(slot) + first * layer.outputFeatures,
                gradients: gradients, scratch: base + scratch))
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
                    sampleCount: samples.count, input: base + values[network.operations[index].inputs[0]] + inputs,
                    output: base + values[index + 1] + outputs,
                    saved: base + saved[index] + first * layer.savedFloatsPerSample,
                    batchSaved: base + batchSaved[index], outputGradient: gradient(slot) + outputs,
                    inputGradient: gradient(target) + inputs,
                    parameterGradients: lastTrained == index ? parameterGradients : nil, scratch: base + scratch))
        case .add(let a, let b, let sum, let value):
            let count = network.features(of: value)
            context.kernels.addElements(
                gradient(a) + first * count, gradient(b) + first * count, count: samples.count * count,
                to: gradient(sum) + first * count)
        }
    }

    private func gradient(_ slot: Int) -> UnsafeMutablePointer<Float> { base + gradients[slot] }
}
