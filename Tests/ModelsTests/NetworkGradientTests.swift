import Foundation
import KernelContract
import Kernels
import Models
import Randomness
import Tensors
import Testing

/// Networks of dense layers, activations and dropout: forward in Double from the definitions, and all gradients by
/// central differences.
@Suite("Gradients of whole networks")
struct NetworkGradientTests {
    /// Neighbours that would spoil each other's memory if all worked in place.
    static let models = [
        "dense 6, sigmoid, dropout 0.4, tanh, elu 0.7, dense 5, gelu, relu, softplus, silu, dense 4",
        "dense 6, leaky-relu 0.3, selu, dense 6, dropout 0.3, sigmoid, sigmoid, identity, tanh, dropout 0.5, dense 4",
        "dropout 0.2, dense 5, relu, sigmoid, dense 5, tanh, relu, dense 4, identity",
    ]
    private static let position = 10
    private static let seed: UInt64 = 3
    private static let epoch: UInt64 = 2
    private let sampleCount = 13
    private let inputFeatures = 6
    private let classCount = 4

    private func input(_ row: Int) -> [Double] {
        (0..<inputFeatures).map { Double(Float(($0 * 7 + row * 5) % 13) / 13) }
    }

    private func label(_ row: Int) -> UInt8 { UInt8((row * row + 1) % classCount) }

    /// The outputs of one sample.
    private func outputs(_ network: Network, _ parameters: [Double], row: Int, isTraining: Bool) -> [Double] {
        var x = input(row)
        var entry = 0
        for (index, layer) in network.description.enumerated() {
            switch layer {
            case .dense(let count):
                let weight = network.layout.entries[entry].range.lowerBound
                let bias = network.layout.entries[entry + 1].range.lowerBound
                entry += 2
                x = (0..<count).map { o in
                    x.indices.reduce(parameters[bias + o]) { $0 + x[$1] * parameters[weight + $1 * count + o] }
                }
            case .relu: x = x.map { max($0, 0) }
            case .activation(let function): x = x.map { exactActivation(function, $0) }
            case .dropout(let probability):
                guard isTraining else { continue }
                let random = KeyedRandom(
                    seed: Self.seed, purpose: .dropout, epoch: Self.epoch, subject: UInt64(index))
                let first = (Self.position + row) * x.count
                x = x.indices.map { i in
                    let isKept = Double(random.uniformFloat(at: UInt64(first + i))) >= probability
                    return isKept ? x[i] / (1 - probability) : 0
                }
            // Layers of images have central differences of their own: KernelsTests/ImageGradientTests.
            case .convolution, .maxPool, .averagePool, .globalAveragePool, .flatten, .convolutionTranspose, .reshape,
                .batchNorm, .layerNorm, .softmax, .residual:
                preconditionFailure("\(layer.text) is not in this test's models")
            }
        }
        return x
    }

    /// Cross-entropy over the batch, or mean squared error.
    private func loss(_ kind: LossKind, _ network: Network, _ parameters: [Double]) -> Double {
        (0..<sampleCount).reduce(0.0) { sum, row in
            let x = outputs(network, parameters, row: row, isTraining: true)
            let label = Int(label(row))
            if kind == .meanSquaredError {
                let squares = x.indices.reduce(0.0) { $0 + pow(x[$1] - ($1 == label ? 1 : 0), 2) }
                return sum + squares / Double(sampleCount * classCount)
            }
            return sum + (log(x.reduce(0) { $0 + exp($1) }) - x[label]) / Double(sampleCount)
        }
    }

    @Test("are those of the definition", arguments: models, KernelSelection.available.map(\.instructionSet))
    func gradients(model: String, instructionSet: InstructionSet) throws {
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        let network = try Network(
            ModelText.parse(model), inputShape: [inputFeatures], classCount: classCount)
        let count = network.layout.floatCount
        let parameters = AlignedBuffer<Float>(count: count)
        network.initialize(parameters.base, seed: 5)
        // Biases too: no output then stands exactly at a kink.
        for i in 0..<count where parameters.base[i] == 0 { parameters.base[i] = Float(i % 7) * 0.03 - 0.08 }
        let exact = (0..<count).map { Double(parameters.base[$0]) }

        for kind in [LossKind.crossEntropy, .meanSquaredError] {
            let own = try gradient(kind, network, parameters.base, kernels)
            let h = 1e-5
            for i in network.layout.entries.flatMap({ Array($0.range) }) {
                var (upper, lower) = (exact, exact)
                upper[i] += h
                lower[i] -= h
                let slope = (loss(kind, network, upper) - loss(kind, network, lower)) / (2 * h)
                #expect(abs(Double(own[i]) - slope) < 1e-6, "\(kind) at \(i): \(own[i]), differences give \(slope)")
            }
        }
        #expect(Set(exact).count > count / 2)
    }

    private func gradient(
        _ kind: LossKind, _ network: Network, _ parameters: UnsafePointer<Float>, _ kernels: any KernelSet
    ) throws -> [Float] {
        let workspace = KernelWorkspace()
        let activations = Activations(network: network, capacity: sampleCount)
        let state = AlignedBuffer<Float>(count: network.stateLayout.floatCount)
        let losses = AlignedBuffer<Float>(count: sampleCount)
        let predictions = AlignedBuffer<UInt8>(count: sampleCount)
        let labels = AlignedBuffer<UInt8>(count: sampleCount)
        func fill() {
            for row in 0..<sampleCount {
                labels.base[row] = label(row)
                for (column, value) in input(row).enumerated() {
                    activations.input[row * inputFeatures + column] = Float(value)
                }
            }
        }
        func expectOutputs(isTraining: Bool) {
            let exact = (0..<network.layout.floatCount).map { Double(parameters[$0]) }
            for row in 0..<sampleCount {
                for (j, x) in outputs(network, exact, row: row, isTraining: isTraining).enumerated() {
                    #expect(abs(Double(activations.logits[row * classCount + j]) - x) < 1e-5, "row \(row)")
                }
            }
        }
        func context(_ mode: LayerContext.Mode) -> LayerContext {
            LayerContext(
                kernels: kernels, workspace: workspace.base, parameters: parameters, state: state.base, mode: mode)
        }
        fill()
        try activations.forward(context(.evaluation), sampleCount: sampleCount)
        expectOutputs(isTraining: false)
        fill()
        let training = context(
            .training(
                TrainingPosition(
                    seed: Self.seed, epoch: Self.epoch, position: Self.position,
                    batch: WholeBatch(sampleCount: sampleCount, grainSize: 8))))
        try activations.forward(training, sampleCount: sampleCount)
        expectOutputs(isTraining: true)

        let loss = try Loss(LossDescription(kind), outputCount: classCount)
        let denominator = loss.denominator(GrainPartition(sampleCount: sampleCount, grainSize: 8)) { label($0) }
        loss.evaluate(
            LossPass(
                kind, rowCount: sampleCount, classCount: classCount, outputs: activations.logits,
                rowStride: classCount, labels: labels.base, denominator: Float(denominator), losses: losses.base,
                predictions: predictions.base, gradient: activations.logitsGradient),
            kernels: kernels, workspace: workspace.base)
        let gradients = AlignedBuffer<Float>(count: network.layout.floatCount)
        try activations.backward(training, sampleCount: sampleCount, grainSize: 8, subtrees: [0..<sampleCount]) { _ in
            gradients.base
        }
        return (0..<network.layout.floatCount).map { gradients.base[$0] }
    }
}
