import Errors
import Foundation
import KernelContract
import Kernels
import Models
import Tensors
import Testing

@Suite("What a network must give")
struct NetworkOutputsTests {
    @Test(
        "a model that does not fit is told both sizes",
        arguments: [
            ("dense 12", NetworkOutputs.classes(10), "gives [12] but one output for each of 10 classes"),
            (
                "dense 12, dense 700", .inputs,
                "gives [700], 700 outputs, but --target input needs one for each of the 784"
            ),
            ("conv 2 3x3", .inputs, "1352 outputs"),
        ])
    func refused(model: String, outputs: NetworkOutputs, fragment: String) throws {
        let layers = try ModelText.parse(model)
        let failure = #expect(throws: Failure.self) {
            try Network(layers, inputShape: [28, 28], outputs: outputs)
        }
        #expect(failure?.kind == .data && failure?.message.contains(fragment) == true, "\(failure?.message ?? "")")
    }

    @Test("an auto-encoder may end in an image or a row")
    func autoencoder() throws {
        for text in ["dense 3, dense 784", "conv 4 3x3 padding same, conv 1 3x3 padding same"] {
            let network = try Network(ModelText.parse(text), inputShape: [28, 28], outputs: .inputs)
            #expect(network.outputCount == 784 && network.target == .input)
        }
        let network = try Network(
            ModelText.parse("dense 30, relu, dense 3, dense 784"), inputShape: [28, 28], outputs: .inputs)
        #expect(network.narrowestFeatures == 3)
    }

    /// The target is what the first layer saw.
    @Test(
        "the input outlives layers that work in place", arguments: ["sigmoid", "dropout 0.5", "flatten", "relu, tanh"])
    func inputStays(first: String) throws {
        let network = try Network(ModelText.parse("\(first), dense 6"), inputShape: [2, 3], outputs: .inputs)
        let activations = Activations(network: network, capacity: 2)
        let parameters = AlignedBuffer<Float>(count: network.layout.floatCount)
        network.initialize(parameters.base, seed: 1)
        let workspace = KernelWorkspace()
        let values = (0..<12).map { Float($0) / 11 - 0.3 }
        for (i, value) in values.enumerated() { activations.input[i] = value }
        let context = LayerContext(
            kernels: ReferenceKernels(), workspace: workspace.base, parameters: UnsafePointer(parameters.base),
            state: parameters.base,
            mode: .training(
                TrainingPosition(
                    seed: 1, epoch: 1, position: 0, batch: WholeBatch(sampleCount: 2, grainSize: 8))))
        try activations.forward(context, sampleCount: 2)
        #expect((0..<12).map { activations.input[$0] } == values)
    }

    /// Behind a layer that reads its own output in backward, flatten has memory of its own.
    @Test("flatten moves nothing, wherever it stands", arguments: ["sigmoid", "tanh", "relu", "maxpool 2 stride 1"])
    func flatten(before: String) throws {
        func outputs(_ model: String) throws -> [Float] {
            let network = try Network(ModelText.parse(model), inputShape: [4, 4], outputs: .classes(3))
            let activations = Activations(network: network, capacity: 2)
            let parameters = AlignedBuffer<Float>(count: network.layout.floatCount)
            network.initialize(parameters.base, seed: 1)
            let workspace = KernelWorkspace()
            for i in 0..<32 { activations.input[i] = Float(i % 7) - 3 }
            let context = LayerContext(
                kernels: ReferenceKernels(), workspace: workspace.base, parameters: UnsafePointer(parameters.base),
                state: parameters.base)
            try activations.forward(context, sampleCount: 2)
            return (0..<6).map { activations.logits[$0] }
        }
        let plain = try outputs("conv 2 2x2, \(before), dense 3")
        #expect(try outputs("conv 2 2x2, \(before), flatten, dense 3") == plain)
        #expect(Set(plain).count > 2)
    }

    @Test("the loss of guessing", arguments: [1, 2, 3, 10, 47, 256])
    func chanceLevel(classCount: Int) throws {
        let level = try #require(try Loss(LossDescription(), outputCount: classCount).chanceLevel)
        #expect(abs(level - log(Double(classCount))) < 1e-14 * Double(classCount))
        let binary = try Loss(LossDescription(.binaryCrossEntropy), outputCount: classCount).chanceLevel
        #expect(abs(try #require(binary) - log(2)) < 1e-15)
        #expect(try Loss(LossDescription(.meanSquaredError), outputCount: classCount).chanceLevel == nil)
    }
}
