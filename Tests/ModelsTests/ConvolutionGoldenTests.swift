import Foundation
import KernelContract
import Kernels
import Models
import Tensors
import Testing

/// What Tests/Fixtures/convolution.py writes; arrays in PyTorch's order, channels first.
private struct Golden: Decodable {
    struct Case: Decodable {
        let model: String
        /// [height, width, channels]
        let inputShape: [Int]
        let samples: Int
        let roundings: Double
        let x: [Double]
        let parameters: [[Double]]
        let logitsGradient: [Double]
        let logits: [Double]
        let logitsBound: [Double]
        let gradients: [[Double]]
        let gradientBounds: [[Double]]
    }

    let torch: String
    let cases: [Case]

    static let shared: Golden? = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/convolution.json")
        return (try? Data(contentsOf: file)).flatMap { try? JSONDecoder().decode(Golden.self, from: $0) }
    }()
}

@Suite("Networks of convolutions and pools against PyTorch in float64")
struct ConvolutionGoldenTests {
    @Test("outputs and all gradients", arguments: 0..<5, KernelSelection.available.map(\.instructionSet))
    func agrees(number: Int, instructionSet: InstructionSet) throws {
        let golden = try #require(Golden.shared)
        let test = golden.cases[number]
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        let classCount = test.logits.count / test.samples
        let network = try Network(
            ModelText.parse(test.model), inputShape: Shape(test.inputShape), classCount: classCount)
        let parameters = AlignedBuffer<Float>(count: network.layout.floatCount)
        let gradients = AlignedBuffer<Float>(count: network.layout.floatCount)
        let workspace = KernelWorkspace()
        #expect(network.layout.entries.count == test.parameters.count)
        for (entry, values) in zip(network.layout.entries, test.parameters) {
            entry.forEachStored { parameters.base[entry.range.lowerBound + $1] = Float(values[$0]) }
        }
        let state = AlignedBuffer<Float>(count: network.stateLayout.floatCount)
        let activations = Activations(network: network, capacity: test.samples)
        let (height, width, channels) = (test.inputShape[0], test.inputShape[1], test.inputShape[2])
        for (index, value) in test.x.enumerated() {
            let position = index % (height * width)
            let channel = index / (height * width) % channels
            let sample = index / (height * width * channels)
            activations.input[(sample * height * width + position) * channels + channel] = Float(value)
        }
        let context = LayerContext(
            kernels: kernels, workspace: workspace.base, parameters: UnsafePointer(parameters.base),
            state: state.base)
        try activations.forward(context, sampleCount: test.samples)
        let u = 0x1p-24
        for (index, exact) in test.logits.enumerated() {
            let apart = abs(Double(activations.logits[index]) - exact)
            #expect(apart <= test.roundings * u * test.logitsBound[index], "logit \(index): \(apart) from \(exact)")
        }
        for (index, value) in test.logitsGradient.enumerated() { activations.logitsGradient[index] = Float(value) }
        try activations.backward(context, sampleCount: test.samples, grainSize: 2, subtrees: [0..<test.samples]) { _ in
            gradients.base
        }
        for (tensor, entry) in network.layout.entries.enumerated() {
            let stored = entry.stored(gradients.base + entry.range.lowerBound)
            #expect(stored.count == test.gradients[tensor].count)
            for (index, exact) in test.gradients[tensor].enumerated() {
                let apart = abs(Double(stored[index]) - exact)
                let bound = test.roundings * u * test.gradientBounds[tensor][index]
                #expect(apart <= bound, "\(entry.name) \(index): \(stored[index]), PyTorch \(exact), bound \(bound)")
            }
        }
    }
}
