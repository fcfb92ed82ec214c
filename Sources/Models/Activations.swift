import KernelContract
import Tensors

/// What one worker keeps of its part of a batch: every layer's output, and two buffers for gradients going back.
///
/// Memory: `capacity` × (input + all outputs that are not in place + 2 × widest layer) floats.
package struct Activations: ~Copyable {
    /// The samples that fit.
    package let capacity: Int
    private var buffer: AlignedBuffer<Float>
    private let outputs: [Int]
    private let gradientOffsets: (Int, Int)
    private let network: Network

    package init(network: Network, capacity: Int) {
        func aligned(_ count: Int) -> Int { (count + 15) / 16 * 16 }
        var end = aligned(capacity * network.inputFeatures)
        var outputs: [Int] = []
        var input = 0
        for layer in network.layers {
            if layer.worksInPlace {
                outputs.append(input)
            } else {
                outputs.append(end)
                input = end
                end += aligned(capacity * layer.outputFeatures)
            }
        }
        let widest = aligned(capacity * (network.layers.map(\.outputFeatures).max() ?? 0))
        gradientOffsets = (end, end + widest)
        buffer = AlignedBuffer(count: end + 2 * widest)
        self.outputs = outputs
        self.network = network
        self.capacity = capacity
    }

    package var classCount: Int { network.classCount }

    /// `[capacity, inputFeatures]`: the caller writes the samples here.
    package var input: UnsafeMutablePointer<Float> { buffer.base }
    /// `[capacity, classCount]`, after `forward`.
    package var logits: UnsafeMutablePointer<Float> { buffer.base + (outputs.last ?? 0) }
    /// `[capacity, classCount]`: the caller writes the loss's gradient here before `backward`.
    package var logitsGradient: UnsafeMutablePointer<Float> { buffer.base + gradientOffsets.0 }

    private func inputOffset(_ layer: Int) -> Int { layer == 0 ? 0 : outputs[layer - 1] }

    /// Runs the first `sampleCount` samples through all layers.
    package func forward(_ context: LayerContext, sampleCount: Int) {
        for (index, layer) in network.layers.enumerated() {
            layer.forward(
                context, input: buffer.base + inputOffset(index), output: buffer.base + outputs[index],
                sampleCount: sampleCount)
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
            for (number, samples) in subtrees.enumerated() {
                layer.parameterGradient(
                    context, input: input + samples.lowerBound * layer.inputFeatures,
                    outputGradient: outputGradient + samples.lowerBound * layer.outputFeatures,
                    sampleCount: samples.count, grainSize: grainSize, gradients: gradients(number))
            }
            guard index > firstTrainable else { continue }
            let inputGradient = layer.worksInPlace ? outputGradient : spare
            layer.inputGradient(
                context, output: buffer.base + outputs[index], outputGradient: outputGradient,
                sampleCount: sampleCount, inputGradient: inputGradient)
            if !layer.worksInPlace { swap(&outputGradient, &spare) }
        }
    }
}
