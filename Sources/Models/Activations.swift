import KernelContract
import Tensors

/// What one worker keeps of its part of a batch: every layer's output, and two buffers for gradients going back.
///
/// Memory: `capacity` × (input + all outputs that are not in place + 2 × widest layer) floats, and the greatest scratch
/// memory that a layer asks for.
package struct Activations: ~Copyable {
    /// The samples that fit.
    package let capacity: Int
    private let buffer: AlignedBuffer<Float>
    /// Offsets of each layer's output and of what it saves.
    private let outputs: [Int]
    private let saved: [Int]
    private let gradientOffsets: (Int, Int)
    private let scratchOffset: Int
    private let network: Network

    package init(network: Network, capacity: Int) {
        var end = 0
        func take(_ featureCount: Int) -> Int {
            defer { end += (capacity * featureCount + 15) / 16 * 16 }
            return end
        }
        var input = take(network.inputFeatures)
        var outputs: [Int] = []
        var saved: [Int] = []
        for (index, layer) in network.layers.enumerated() {
            if !network.isInPlace(index) { input = take(layer.outputFeatures) }
            outputs.append(input)
            saved.append(take(layer.savedFloatsPerSample))
        }
        gradientOffsets = (take(network.widestFeatures), take(network.widestFeatures))
        scratchOffset = end
        end += network.scratchFloatCount(sampleCount: capacity)
        buffer = AlignedBuffer(count: end)
        self.outputs = outputs
        self.saved = saved
        self.network = network
        self.capacity = capacity
    }

    package var outputCount: Int { network.outputCount }

    /// `[capacity, inputFeatures]`: the caller writes the samples here.
    package var input: UnsafeMutablePointer<Float> { buffer.base }
    /// `[capacity, outputCount]`, after `forward`.
    package var logits: UnsafeMutablePointer<Float> { buffer.base + (outputs.last ?? 0) }
    /// `[capacity, outputCount]`: the caller writes the loss's gradient here before `backward`.
    package var logitsGradient: UnsafeMutablePointer<Float> { buffer.base + gradientOffsets.0 }

    private func inputOffset(_ layer: Int) -> Int { layer == 0 ? 0 : outputs[layer - 1] }

    /// Runs the first `sampleCount` samples through all layers.
    package func forward(_ context: LayerContext, sampleCount: Int) {
        for (index, layer) in network.layers.enumerated() {
            layer.forward(
                context,
                ForwardPass(
                    sampleCount: sampleCount, input: buffer.base + inputOffset(index),
                    output: buffer.base + outputs[index], saved: buffer.base + saved[index],
                    scratch: buffer.base + scratchOffset))
        }
    }

    /// Goes back from `logitsGradient`. For each subtree of the canonical tree, given by its samples within this worker's
    /// part, the gradients of all parameters are written to the flat buffer that `gradients` names.
    package func backward(
        _ context: LayerContext, sampleCount: Int, grainSize: Int, subtrees: [Range<Int>],
        gradients: (Int) -> UnsafeMutablePointer<Float>
    ) {
        var outputGradient = buffer.base + gradientOffsets.0
        var spare = buffer.base + gradientOffsets.1
        let firstTrainable = network.firstTrainable
        for index in stride(from: network.layers.count - 1, through: firstTrainable, by: -1) {
            let layer = network.layers[index]
            let input = buffer.base + inputOffset(index)
            let saved = buffer.base + saved[index]
            for (number, samples) in subtrees.enumerated() where layer.hasParameters {
                layer.parameterGradient(
                    context,
                    GradientPass(
                        sampleCount: samples.count, grainSize: grainSize,
                        input: input + samples.lowerBound * layer.inputFeatures,
                        saved: saved + samples.lowerBound * layer.savedFloatsPerSample,
                        outputGradient: outputGradient + samples.lowerBound * layer.outputFeatures,
                        gradients: gradients(number), scratch: buffer.base + scratchOffset))
            }
            guard index > firstTrainable else { continue }
            let inputGradient = layer.worksInPlace ? outputGradient : spare
            layer.inputGradient(
                context,
                BackwardPass(
                    sampleCount: sampleCount, input: input, output: buffer.base + outputs[index], saved: saved,
                    outputGradient: outputGradient, inputGradient: inputGradient,
                    scratch: buffer.base + scratchOffset))
            if !layer.worksInPlace { swap(&outputGradient, &spare) }
        }
    }
}
