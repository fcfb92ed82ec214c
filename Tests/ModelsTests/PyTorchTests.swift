import Foundation
import KernelContract
import Kernels
import Models
import Tensors
import Testing

/// `Tests/Fixtures/activations.json`: values of PyTorch in float64, made by the script beside it.
private struct Fixture: Decodable {
    struct Activation: Decodable {
        let name: String
        let x: [Double]
        let y: [Double]
        let dx: [Double]
    }

    struct Loss: Decodable, CustomTestStringConvertible {
        let name: String
        let labelSmoothing: Double
        let classWeights: [Double]
        let classCount: Int
        let labels: [UInt8]
        /// `[labels.count, classCount]`
        let outputs: [Double]
        let loss: Double
        let gradient: [Double]

        var testDescription: String { "\(name), smoothing \(labelSmoothing), weights \(classWeights)" }
    }

    let activations: [Activation]
    let losses: [Loss]

    static let shared = Result {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let data = try Data(contentsOf: tests.appendingPathComponent("Fixtures/activations.json"))
        return try JSONDecoder().decode(Fixture.self, from: data)
    }
}

@Suite("Against PyTorch")
struct PyTorchTests {
    @Test("activations and their gradients", arguments: KernelSelection.available.map(\.instructionSet))
    func activations(instructionSet: InstructionSet) throws {
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        let fixture = try Fixture.shared.get()
        var kinds: Set<ActivationKind> = []
        for example in fixture.activations {
            guard case .activation(let function) = try ModelText.parse(example.name).first else {
                Issue.record("\(example.name) is no activation")
                continue
            }
            kinds.insert(function.kind)
            let x = example.x.map { Float($0) }
            var y = x
            kernels.activate(function, x, count: x.count, to: &y)
            var dx = x
            kernels.activationGradient(
                function, source: function.kind.gradientNeedsInput ? x : y, dy: x.map { _ in 1 }, count: x.count,
                to: &dx)
            // PyTorch's gelu is 0 where 1 + erf cancels.
            let tiny = 1e-15
            for i in x.indices {
                #expect(abs(Double(y[i]) - example.y[i]) <= 5e-7 * abs(example.y[i]) + tiny, "\(example.name)(\(x[i]))")
                // From the output, 1 − y² and the like are exact to the output's rounding.
                #expect(abs(Double(dx[i]) - example.dx[i]) <= 3e-7, "\(example.name)′(\(x[i]))")
            }
        }
        #expect(kinds == Set(ActivationKind.allCases), "a kind is missing in the fixture")
    }

    @Test("losses and their gradients", arguments: KernelSelection.available.map(\.instructionSet))
    func losses(instructionSet: InstructionSet) throws {
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        let fixture = try Fixture.shared.get()
        #expect(Set(fixture.losses.map(\.name)) == Set(LossDescription.names), "a loss is missing in the fixture")
        for example in fixture.losses {
            let kind = try #require(LossKind(rawValue: example.name))
            let loss = try Loss(
                LossDescription(
                    kind, labelSmoothing: example.labelSmoothing, classWeights: example.classWeights),
                outputCount: example.classCount)
            let (mean, gradient) = evaluate(loss, example, kernels)
            #expect(abs(mean - example.loss) <= 3e-7 * example.loss, "\(example.testDescription)")
            for (own, exact) in zip(gradient, example.gradient) {
                #expect(abs(Double(own) - exact) <= 5e-8, "\(example.testDescription)")
            }
        }
    }

    private func evaluate(
        _ loss: Loss, _ example: Fixture.Loss, _ kernels: any KernelSet
    ) -> (mean: Double, gradient: [Float]) {
        let rows = example.labels.count
        let partition = GrainPartition(sampleCount: rows, grainSize: 2)
        let denominator = loss.denominator(partition) { example.labels[$0] }
        let outputs = AlignedBuffer<Float>(count: rows * example.classCount)
        for (i, value) in example.outputs.enumerated() { outputs.base[i] = Float(value) }
        let losses = AlignedBuffer<Float>(count: rows)
        let predictions = AlignedBuffer<UInt8>(count: rows)
        let workspace = KernelWorkspace()
        example.labels.withUnsafeBufferPointer { labels in
            loss.evaluate(
                LossPass(
                    loss.description.kind, rowCount: rows, classCount: example.classCount, outputs: outputs.base,
                    rowStride: example.classCount, labels: labels.baseAddress!, denominator: Float(denominator),
                    losses: losses.base, predictions: predictions.base, gradient: outputs.base),
                kernels: kernels, workspace: workspace.base)
        }
        let sum = (0..<rows).reduce(0.0) { $0 + Double(losses.base[$1]) }
        return (sum / denominator, (0..<rows * example.classCount).map { outputs.base[$0] })
    }
}
