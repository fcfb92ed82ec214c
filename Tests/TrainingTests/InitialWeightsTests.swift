import Checkpoints
import Errors
import Foundation
import Models
import Tensors
import Testing
import Training

@Suite("Initial weights")
struct InitialWeightsTests {
    static let model = "conv 2 2x2, batchnorm, relu, flatten, dense 3"

    static func network() throws -> Network {
        try Network(ModelText.parse(model), inputShape: [3, 3], outputs: .classes(3))
    }

    /// Every tensor of the network, in a file's layout, with values that are all different.
    static func tensors() throws -> [Checkpoint.Tensor] {
        let network = try network()
        var value: Float = 0
        return (network.layout.entries + network.stateLayout.entries).map { entry in
            let values = (0..<entry.storage.shape.elementCount).map { _ -> Float in
                value += 0.25
                return value
            }
            return Checkpoint.Tensor(entry.name, entry.storage.shape, values)
        }
    }

    static func withFile<Result>(
        _ tensors: [Checkpoint.Tensor], _ metadata: Metadata = ["format": "pt"], _ body: (String) throws -> Result
    ) throws -> Result {
        let path = FileManager.default.temporaryDirectory.appending(path: "weights-\(UUID().uuidString)").path
        try Checkpoint(tensors: tensors, metadata: metadata).write(to: path)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try body(path)
    }

    /// What is not loaded.
    static let untouched: Float = -7

    /// By name, in stored order, what the file's weights make of buffers.
    static func loaded(_ weights: InitialWeights, _ network: Network) -> [String: [Float]] {
        func stored(_ layout: ParameterLayout, _ load: (UnsafeMutablePointer<Float>) -> Void) -> [(String, [Float])] {
            var values = [Float](repeating: untouched, count: layout.floatCount)
            return values.withUnsafeMutableBufferPointer { buffer in
                load(buffer.baseAddress!)
                return layout.entries.map { ($0.name, $0.stored(buffer.baseAddress! + $0.range.lowerBound)) }
            }
        }
        return Dictionary(
            uniqueKeysWithValues: stored(network.layout) { weights.load(parameters: $0) }
                + stored(network.stateLayout) { weights.load(statistics: $0) })
    }

    @Test(arguments: [
        ("*", ["0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "4.weight", "4.bias"]),
        ("0", ["0.weight", "0.bias"]), ("conv", ["0.weight", "0.bias"]), ("dense.bias", ["4.bias"]),
        ("batchnorm", ["1.weight", "1.bias", "1.running_mean", "1.running_var"]),
        ("1.running_*", ["1.running_mean", "1.running_var"]), ("0.weight, 4", ["0.weight", "4.weight", "4.bias"]),
        ("*.bias", ["0.bias", "1.bias", "4.bias"]),
    ]) func takesWhatThePatternsMeet(layers: String, names: [String]) throws {
        let network = try Self.network()
        let tensors = try Self.tensors()
        // Neither is a part of the network nor worth a note.
        let others = [
            Checkpoint.Tensor("1.num_batches_tracked", [], [9] as [Int64]),
            Checkpoint.Tensor("state/average/0.bias", [2], [1, 2] as [Float]),
        ]
        try Self.withFile(tensors + others) { path in
            let weights = try InitialWeights(.init(path: path, layers: layers), network: network)
            let loaded = Self.loaded(weights, network)
            for tensor in tensors {
                let values: [Float] = tensor.values()
                let expected = names.contains(tensor.name) ? values : values.map { _ in Self.untouched }
                #expect(loaded[tensor.name] == expected, "\(tensor.name)")
            }
            #expect(weights.note == nil)
            var hasher = ParametersHasher()
            hasher.update(bytes: [UInt8](try Data(contentsOf: URL(filePath: path))))
            #expect(weights.sha256 == hasher.finish())
        }
    }

    @Test func otherTypesAreConverted() throws {
        let network = try Self.network()
        let (one, many): (Float, [UInt8]) = (1.5, [0, 0x3E])
        let halves: [(ElementType, [UInt8], Float)] = [
            (.float16, many, one), (.float16, [1, 0], 0x1p-24), (.float16, [0xFF, 0xFB], -65_504),
            (.bfloat16, [0xC0, 0x3F], 1.5), (.bfloat16, [1, 0], 0x1p-133), (.bfloat16, [0x7F, 0xFF], -0x1.FEp127),
            (.float64, withUnsafeBytes(of: 0.1) { Array($0) }, 0.1),
        ]
        for (type, bytes, value) in halves {
            let tensor = Checkpoint.Tensor("0.bias", [2], type, bytes: bytes + bytes)
            try Self.withFile([tensor]) { path in
                let weights = try InitialWeights(.init(path: path, layers: "0.bias"), network: network)
                #expect(Self.loaded(weights, network)["0.bias"] == [value, value], "\(type) \(bytes)")
            }
        }
    }

    /// A change of the file's tensors, the layers asked for, and the message behind the path.
    struct Refusal: Sendable, CustomTestStringConvertible {
        let message: String
        var layers = "*"
        let change: @Sendable (inout [Checkpoint.Tensor]) -> Void
        var testDescription: String { message }
    }

    static let refusals = [
        Refusal(message: ": \"4.weight\" has shape [8, 3], the model needs [3, 8]") { tensors in
            tensors[4] = Checkpoint.Tensor("4.weight", [8, 3], tensors[4].values() as [Float])
        },
        Refusal(message: ": \"1.running_var\" has shape [1], the model needs [2]") { tensors in
            tensors[7] = Checkpoint.Tensor("1.running_var", [1], [1] as [Float])
        },
        Refusal(
            message:
                ": has no tensor \"0.bias\" of shape [2], only \"0.weight\"; --initial-layers takes some layers and "
                + "leaves the others as they are drawn"
        ) { $0.removeSubrange(1...) },
        Refusal(message: ": has no tensor \"4.weight\" of shape [3, 8], only nothing;", layers: "4") { $0 = [] },
        Refusal(message: ": \"4.bias\" holds I64, where floating-point numbers are needed") { tensors in
            tensors[5] = Checkpoint.Tensor("4.bias", [3], [1, 2, 3] as [Int64])
        },
        Refusal(message: "initial-layers: \"9\" meets no tensor of the model (0.weight, ", layers: "0, 9") { _ in },
        Refusal(message: "initial-layers: \"\" meets no tensor of the model", layers: "0,") { _ in },
    ]

    @Test(arguments: refusals) func whatDoesNotFitIsRefused(refusal: Refusal) throws {
        var tensors = try Self.tensors()
        refusal.change(&tensors)
        try Self.withFile(tensors) { path in
            let network = try Self.network()
            let failure = #expect(throws: Failure.self) {
                try InitialWeights(.init(path: path, layers: refusal.layers), network: network)
            }
            let message = try #require(failure).message
            #expect(failure?.kind == .data)
            #expect(message.contains((refusal.message.hasPrefix(":") ? path : "") + refusal.message), "\(message)")
        }
    }

    @Test func runningStatisticsMayBeMissing() throws {
        let network = try Self.network()
        try Self.withFile(Array(try Self.tensors().prefix(6))) { path in
            let loaded = Self.loaded(try InitialWeights(.init(path: path), network: network), network)
            #expect(loaded["1.running_mean"] == [Self.untouched, Self.untouched])
            #expect(loaded["1.weight"] != [Self.untouched, Self.untouched])
        }
    }

    @Test func whatTheModelHasNoPlaceForIsNoted() throws {
        let extra = (0..<10).map { Checkpoint.Tensor("fc\($0)", [1], [0] as [Float]) }
        try Self.withFile(try Self.tensors() + extra) { path in
            let note = try InitialWeights(.init(path: path), network: Self.network()).note
            let names = (0..<8).map { "\"fc\($0)\"" }.joined(separator: ", ")
            #expect(note == "\(path): the model has no place for \(names) and 2 more, which the run does without")
        }
    }

    /// Against counting step by step.
    @Test(arguments: [(64, 600, 1), (64, 600, 3), (64, 640, 4), (600, 600, 1), (1_000, 600, 5), (7, 20, 2)])
    func batchCounts(batchSize: Int, sampleCount: Int, accumulation: Int) throws {
        var options = TrainingOptions()
        options.batchSize = .samples(batchSize)
        options.accumulate = accumulation
        options.epochs = 4
        let length = RunLength(try options.resolved(), sampleCount: sampleCount)
        var count = 0
        for step in 0..<length.stepCount {
            #expect(length.batchCount(steps: step) == count)
            count += length.batches(ofStep: step % length.stepsPerEpoch).count
        }
        #expect(length.batchCount(steps: length.stepCount) == count)
    }

    @Test func batchNormsHaveACounter() throws {
        let network = try Network(
            ModelText.parse("batchnorm, residual { dense 4, batchnorm } shortcut { dense 4 }, dense 3"),
            inputShape: [4], outputs: .classes(3))
        let tensors = network.batchCountTensors(12)
        #expect(tensors.map(\.name) == ["0.num_batches_tracked", "1.1.num_batches_tracked"])
        #expect(tensors.allSatisfy { $0.shape == [] && $0.values() == [12] as [Int64] && !$0.isHashedAsParameter })
    }
}
