import Foundation
import KernelContract
import Kernels
import Models
import Optimizers
import Tensors
import Testing

@Suite("Ten steps against a network in Double")
struct TrainingStepTests {
    static let optimizers: [OptimizerDescription] = [
        OptimizerDescription(.sgd), OptimizerDescription(.momentum), OptimizerDescription(.adam),
    ]

    @Test("losses and parameters agree", arguments: optimizers, KernelSelection.available.map(\.instructionSet))
    func steps(optimizer: OptimizerDescription, instructionSet: InstructionSet) throws {
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        let sampleCount = 29
        let network = try Network(
            ModelText.parse("dense 9, relu, dense 7, relu, dense 4"), inputShape: [3, 4], classCount: 4)
        var twin = DoubleNetwork(weights: [], biases: [])
        let parameters = AlignedBuffer<Float>(count: network.layout.floatCount)
        network.initialize(parameters.base, seed: 5)
        copy(network, parameters.base, to: &twin)
        let start = twin.flat

        let samples = (0..<sampleCount).map { s in
            (x: (0..<12).map { Double(Float(($0 * 7 + s * 5) % 13) / 13) }, label: (s * s + 1) % 4)
        }
        let gradients = AlignedBuffer<Float>(count: network.layout.floatCount)
        let workspace = KernelWorkspace()
        let activations = Activations(network: network, capacity: sampleCount)
        var losses = [Float](repeating: 0, count: sampleCount)
        var predictions = [UInt8](repeating: 0, count: sampleCount)
        let labels = samples.map { UInt8($0.label) }
        let state = AlignedBuffer<Float>(count: network.stateLayout.floatCount)
        let unused = AlignedBuffer<Double>(count: 0)
        var fast = Optimizer(
            UpdateDescription(optimizer), layout: network.layout, slice: 0..<network.layout.floatCount,
            kernels: kernels, blockSums: unused.base, averages: gradients.base)
        let rule = DoubleRule(optimizer, count: start.count)
        let learningRate = 0.01

        for step in 1...10 {
            for (row, sample) in samples.enumerated() {
                for (column, value) in sample.x.enumerated() { activations.input[row * 12 + column] = Float(value) }
            }
            let context = LayerContext(
                kernels: kernels, workspace: workspace.base, parameters: UnsafePointer(parameters.base),
                state: state.base)
            try activations.forward(context, sampleCount: sampleCount)
            kernels.softmaxCrossEntropy(
                rowCount: sampleCount, classCount: 4, logits: activations.logits, rowStride: 4, labels: labels,
                denominator: Float(sampleCount), losses: &losses, predictions: &predictions,
                gradient: activations.logitsGradient, workspace: workspace.base)
            try activations.backward(context, sampleCount: sampleCount, grainSize: 8, subtrees: [0..<sampleCount]) {
                _ in
                gradients.base
            }
            fast.begin(step: step, learningRate: learningRate)
            fast.receive(0..<network.layout.floatCount, parameters: parameters.base, gradient: gradients.base)

            let exact = twin.gradients(samples)
            rule.begin(step: step, learningRate: learningRate)
            twin.update(exact) { rule.update($0, $1, $2) }
            let loss = losses.reduce(0.0) { $0 + Double($1) } / Double(sampleCount)
            // Chains of at most 12 products of values below 2: 12 · 2⁻²⁴ · 4 with room for three layers.
            #expect(abs(loss - exact.loss) < 2e-5, "step \(step): \(loss), in Double \(exact.loss)")
        }
        var result = DoubleNetwork(weights: [], biases: [])
        copy(network, parameters.base, to: &result)
        let moved = zip(start, twin.flat).map { abs($0 - $1) }.max()!
        let apart = zip(result.flat, twin.flat).map { abs($0 - $1) }.max()!
        // Adam divides gradients near 0 by themselves, which enlarges their rounding.
        #expect(apart < moved * 1e-3, "parameters moved by \(moved) and are \(apart) from those in Double")
    }

    private func copy(_ network: Network, _ parameters: UnsafePointer<Float>, to twin: inout DoubleNetwork) {
        twin = DoubleNetwork(weights: [], biases: [])
        for entry in network.layout.entries {
            let values = entry.range.map { Double(parameters[$0]) }
            if entry.shape.extents.count == 2 {
                let columns = entry.shape.extents[1]
                twin.weights.append(
                    stride(from: 0, to: values.count, by: columns).map { Array(values[$0..<$0 + columns]) })
            } else {
                twin.biases.append(values)
            }
        }
    }
}

/// PyTorch's SGD and Adam as their papers write them, in Double.
private final class DoubleRule {
    private let description: OptimizerDescription
    private var first: [Double]
    private var second: [Double]
    private var step = 0.0
    private var learningRate = 0.0

    init(_ description: OptimizerDescription, count: Int) {
        self.description = description
        first = [Double](repeating: 0, count: count)
        second = first
    }

    func begin(step: Int, learningRate: Double) {
        self.step = Double(step)
        self.learningRate = learningRate
    }

    func update(_ i: Int, _ p: Double, _ g: Double) -> Double {
        switch description.rule {
        case .sgd, .momentum:
            first[i] = description[.momentum] * first[i] + g
            return p - learningRate * first[i]
        default:
            let (beta1, beta2, epsilon) = (description[.beta1], description[.beta2], description[.epsilon])
            first[i] = beta1 * first[i] + (1 - beta1) * g
            second[i] = beta2 * second[i] + (1 - beta2) * g * g
            let mean = first[i] / (1 - pow(beta1, step))
            let variance = second[i] / (1 - pow(beta2, step))
            return p - learningRate * mean / (variance.squareRoot() + epsilon)
        }
    }
}
