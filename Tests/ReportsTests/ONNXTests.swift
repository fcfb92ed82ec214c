import Checkpoints
import Errors
import Foundation
import Models
import Reports
import Surroundings
import Testing
import Training

@Suite("ONNX")
struct ONNXTests {
    private static let operators = [
        "Add", "AveragePool", "BatchNormalization", "Cast", "Clip", "Conv", "ConvTranspose", "Div", "Elu", "Erf",
        "Flatten",
        "Gemm", "GlobalAveragePool", "Identity", "LayerNormalization", "LeakyRelu", "MaxPool", "Mul", "Relu", "Reshape",
        "Selu", "Sigmoid", "Softmax", "Softplus", "Sub", "Tanh", "Transpose",
    ]

    private func model(
        _ sample: SampleModel, _ input: ONNXInput = .bytes, _ output: ONNXOutput = .outputs
    ) throws -> [UInt8] {
        try withTemporaryFolder { folder in
            _ = try sample.write(to: "\(folder)/a.safetensors")
            return try ONNXExport(TrainedNetwork(contentsOf: "\(folder)/a.safetensors"), input: input, output: output)
                .encoded()
        }
    }

    /// What the file says of a tensor: name, element type, extents with -1 for the batch.
    private func valueInfo(_ info: Wire) throws -> (name: String, type: Int, extents: [Int]) {
        let tensor = try info.message(2).message(1)
        let extents = try tensor.message(2).messages(1).map { dimension in
            dimension.text(2) == "batch" ? -1 : dimension.integers(1).first ?? 0
        }
        return (info.text(1), tensor.integers(1).first ?? 0, extents)
    }

    @Test(
        "a graph takes bytes, names what it computes in order, and has the checkpoint's weights",
        arguments: SampleModel.all)
    func structure(sample: SampleModel) throws {
        let bytes = try model(sample)
        let file = try Wire(bytes[...])
        #expect(file.integers(1) == [ONNXExport.irVersion])
        #expect(try file.messages(8).map { $0.integers(2) } == [[ONNXExport.opset]])
        let graph = try file.message(7)
        let (input, output) = (try valueInfo(graph.message(11)), try valueInfo(graph.message(12)))
        #expect(input == ("images", 2, [-1] + sample.inputShape.extents))
        #expect(
            output
                == (sample.isAutoencoder
                    ? ("reconstruction", 1, [-1] + sample.inputShape.extents) : ("logits", 1, [-1, 3])))
        var known: Set<String> = [input.name]
        for tensor in try graph.messages(5) {
            let count = tensor.integers(1).reduce(1, *)
            let size = tensor.integers(2) == [7] ? 8 : 4
            #expect(tensor.bytes(9).first?.count == count * size)
            #expect(known.insert(tensor.text(8)).inserted)
        }
        for node in try graph.messages(1) {
            #expect(Self.operators.contains(node.text(4)), "\(node.text(4))")
            #expect(node.texts(1).allSatisfy(known.contains), "\(node.text(3)) takes \(node.texts(1))")
            for name in node.texts(2) { #expect(known.insert(name).inserted, "\(name) is computed twice") }
        }
        #expect(known.contains(output.name))
        // Layers that evaluation leaves alone have no node.
        #expect(try graph.messages(1).allSatisfy { !$0.text(4).contains("Dropout") })
    }

    @Test("together the samples have every layer and activation")
    func samplesHaveAll() {
        let words = SampleModel.all.flatMap { $0.text.split { " ,{}".contains($0) }.map(String.init) }
        for name in ModelText.layerNames { #expect(words.contains(name), "no sample has \(name)") }
    }

    @Test("the same checkpoint gives the same bytes, of the graph for ever")
    func golden() throws {
        let sample = SampleModel.all[2]
        let (first, second) = (try model(sample), try model(sample))
        #expect(first == second)
        // The rest says which version wrote it.
        let graph = try #require(try Wire(first[...]).bytes(7).first)
        var hasher = ParametersHasher()
        hasher.update(bytes: Array(graph))
        #expect(hasher.finish() == "e8a2d379ae284e1bdbc9a58130c3b8a4d4f757bfeffc8f53c7bbc95bdee4dd42")
    }

    @Test("scaling and standardisation are in the graph or not")
    func preprocessing() throws {
        let sample = try #require(SampleModel.all.first { $0.isStandardized })
        func nodes(_ input: ONNXInput) throws -> [String] {
            try Wire(model(sample, input)[...]).message(7).messages(1).map { $0.text(3) }
        }
        #expect(try nodes(.bytes).prefix(4) == ["input/float", "input/unit", "input/centred", "input/standardized"])
        #expect(try nodes(.unit).prefix(2) == ["input/centred", "input/standardized"])
        #expect(try nodes(.network).allSatisfy { !$0.hasPrefix("input/") })
        let input = try valueInfo(Wire(model(sample, .unit)[...]).message(7).message(11))
        #expect(input == ("pixels", 1, [-1, 8, 8]))
    }

    @Test("an auto-encoder's code is what its narrowest layer gives, behind its activation")
    func latent() throws {
        let sample = try #require(SampleModel.all.first { $0.isAutoencoder })
        let graph = try Wire(model(sample, .bytes, .latent)[...]).message(7)
        #expect(try valueInfo(graph.message(12)) == ("latent", 1, [-1, 2]))
        #expect(try graph.messages(1).last?.text(4) == "Tanh")
        let failure = #expect(throws: Failure.self) { try model(SampleModel.all[0], .bytes, .latent) }
        #expect(failure?.kind == .usage)
    }

    /// Every layer, each input, logits and probabilities, batches of 1 and more.
    @Test(
        "onnxruntime gives our outputs",
        .enabled(if: Python.hasONNX, "needs Python's onnx and onnxruntime: LOCKSTEP_TEST_PYTHON names one with them"))
    func runtime() throws {
        try withTemporaryFolder { folder in
            var cases: [[String: String]] = []
            for (number, sample) in SampleModel.all.enumerated() {
                let path = "\(folder)/\(number)"
                let predictor = try sample.write(to: "\(path).safetensors")
                let trained = try TrainedNetwork(contentsOf: "\(path).safetensors")
                let images = sample.images(20)
                let outputs = try images.flatMap { try predictor.outputs($0) }
                try Data(images.joined()).write(to: URL(filePath: "\(path).images"))
                for output in [ONNXOutput.outputs, .probabilities] {
                    let values = output == .outputs ? outputs : predictor.probabilities(outputs)
                    let expected = "\(path)-\(output).outputs"
                    try values.withUnsafeBytes { try Data($0).write(to: URL(filePath: expected)) }
                    let inputs: [ONNXInput] = sample.isStandardized ? [.bytes, .unit] : ONNXInput.allCases
                    for input in inputs {
                        let file = "\(path)-\(input)-\(output).onnx"
                        let model = try ONNXExport(trained, input: input, output: output).encoded()
                        try Data(model).write(to: URL(filePath: file))
                        cases.append([
                            "name": "\(sample.text) (\(input), \(output))", "model": file, "images": "\(path).images",
                            "outputs": expected,
                        ])
                    }
                }
            }
            try JSONEncoder().encode(cases).write(to: URL(filePath: "\(folder)/cases.json"))
            let (status, output) = try Python.run([Python.script("check_onnx_outputs.py"), "\(folder)/cases.json"])
            try #require(status == 0)
            let differences = try JSONDecoder().decode([String: Double].self, from: output)
            #expect(differences.count == cases.count)
            for (name, difference) in differences { #expect(difference <= 1e-5, "\(name)") }
        }
    }
}
