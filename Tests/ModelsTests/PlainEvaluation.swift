import KernelContract
import Models
import Tensors

/// The slow twin of `Activations`: every value and every gradient has memory of its own, and nothing is skipped.
struct PlainEvaluation {
    let network: Network
    let sampleCount: Int
    let grainSize: Int
    private(set) var outputs: [Float] = []
    /// As `Network.layout` says; what is not trained has its gradient too.
    private(set) var gradients: [Float] = []

    init(_ network: Network, sampleCount: Int, grainSize: Int) {
        self.network = network
        self.sampleCount = sampleCount
        self.grainSize = grainSize
    }

    private func floats(_ count: Int) -> AlignedMemory { AlignedMemory(count: max(1, count)) }

    /// Forward and, from `outputGradient`, back.
    mutating func run(_ context: LayerContext, x: [Float], outputGradient: [Float]) throws {
        let operations = network.operations
        let values = [floats(x.count)] + operations.map { floats(sampleCount * $0.outputShape.elementCount) }
        let saved = operations.map { floats(sampleCount * ($0.layer?.savedFloatsPerSample ?? 0)) }
        let batchSaved = operations.map { floats($0.layer?.savedFloatsPerBatch ?? 0) }
        let scratch = floats(network.scratchFloatCount(sampleCount: sampleCount))
        values[0].base.update(from: x, count: x.count)
        for (index, operation) in operations.enumerated() {
            let output = values[index + 1]
            let inputs = operation.inputs.map { values[$0] }
            switch operation.kind {
            case .sum: for i in 0..<output.count { output.base[i] = inputs[0].base[i] + inputs[1].base[i] }
            case .layer(let layer):
                if operation.movesNothing { output.base.update(from: inputs[0].base, count: output.count) }
                try layer.forward(
                    context,
                    ForwardPass(
                        sampleCount: sampleCount, input: inputs[0].base, output: output.base,
                        saved: saved[index].base, batchSaved: batchSaved[index].base, scratch: scratch.base))
            }
        }
        let last = values[operations.count]
        outputs = Array(UnsafeBufferPointer(start: last.base, count: outputGradient.count))

        let parameterGradients = floats(network.layout.floatCount)
        var known = [AlignedMemory?](repeating: nil, count: values.count)
        func add(_ gradient: AlignedMemory, to value: Int) {
            guard let before = known[value] else { return known[value] = gradient }
            let sum = floats(gradient.count)
            for i in 0..<gradient.count { sum.base[i] = before.base[i] + gradient.base[i] }
            known[value] = sum
        }
        known[operations.count] = floats(outputGradient.count)
        known[operations.count]!.base.update(from: outputGradient, count: outputGradient.count)
        for (index, operation) in operations.enumerated().reversed() {
            let dy = known[index + 1]!
            guard case .layer(let layer) = operation.kind else {
                for input in operation.inputs { add(dy, to: input) }
                continue
            }
            let (input, output) = (values[operation.inputs[0]], values[index + 1])
            layer.parameterGradient(
                context,
                GradientPass(
                    sampleCount: sampleCount, grainSize: grainSize, input: input.base, saved: saved[index].base,
                    batchSaved: batchSaved[index].base, outputGradient: dy.base, gradients: parameterGradients.base,
                    scratch: scratch.base))
            let dx = floats(input.count)
            if operation.movesNothing { dx.base.update(from: dy.base, count: dx.count) }
            try layer.inputGradient(
                context,
                BackwardPass(
                    sampleCount: sampleCount, input: input.base, output: output.base, saved: saved[index].base,
                    batchSaved: batchSaved[index].base, outputGradient: dy.base, inputGradient: dx.base,
                    scratch: scratch.base))
            add(dx, to: operation.inputs[0])
        }
        gradients = Array(UnsafeBufferPointer(start: parameterGradients.base, count: network.layout.floatCount))
    }
}

extension Operation {
    /// The same elements, perhaps with another shape: the layer itself computes nothing.
    fileprivate var movesNothing: Bool {
        guard case .isInput? = layer?.memory else { return false }
        return true
    }
}

/// A buffer that arrays can hold.
final class AlignedMemory {
    private let buffer: AlignedBuffer<Float>
    let count: Int
    var base: UnsafeMutablePointer<Float> { buffer.base }

    init(count: Int) {
        buffer = AlignedBuffer(count: count)
        self.count = count
    }
}
