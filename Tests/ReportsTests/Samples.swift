import Checkpoints
import Kernels
import Models
import Surroundings
import Tensors
import Testing
import Training

/// Networks that have each kind of layer, where its neighbours matter also beside these.
struct SampleModel: Sendable, CustomTestStringConvertible {
    let text: String
    var inputShape: Shape = [8, 8]
    var isAutoencoder = false
    var isStandardized = false
    var loss: String?

    var testDescription: String { text }

    static let all = [
        SampleModel(text: "dense 5, relu, dropout 0.3, dense 3", loss: "bce"),
        SampleModel(text: "softmax, relu, dense 3", loss: "mse"),
        SampleModel(text: "conv 3 3x2 stride 2 padding 1, relu, dense 3"),
        SampleModel(text: "conv 3 4x3 padding same, maxpool 3 stride 2 padding 1, flatten, batchnorm, dense 3"),
        SampleModel(text: "conv 4 3x3, batchnorm, layernorm, avgpool 2, dense 3"),
        SampleModel(text: "batchnorm, layernorm, maxpool 2, conv 2 3x3, global-avgpool, dense 3", isStandardized: true),
        SampleModel(text: "softmax, conv 4 3x3, softmax, flatten, layernorm, softmax, dense 3", inputShape: [6, 7, 3]),
        SampleModel(text: "dense 18, reshape 3x3x2, conv-transpose 3 3x3 stride 2 padding 1, dense 3"),
        SampleModel(text: "conv 4 3x3, flatten, reshape 8x3x6, conv 2 2x2, reshape 28, dense 3"),
        SampleModel(text: "reshape 32x2, reshape 64, dense 3", inputShape: [4, 4, 4], isStandardized: true),
        SampleModel(text: "conv 4 3x3 padding same, residual { conv 4 3x3 padding same, batchnorm }, dense 3"),
        SampleModel(text: "conv 2 3x3, flatten, residual { dense 72, tanh }, dense 3"),
        SampleModel(text: "residual { dense 6 } shortcut { dense 6, residual { relu } }, dense 3"),
        SampleModel(text: "dense 9, leaky-relu, dense 9, elu 0.7, dense 9, selu, dense 9, gelu, dense 3"),
        SampleModel(text: "dense 9, silu, dense 9, sigmoid, dense 9, tanh, dense 9, softplus, identity, dense 3"),
        SampleModel(text: "dense 5, relu, dense 2, tanh, dense 5, dense 64", isAutoencoder: true, isStandardized: true),
        SampleModel(
            text:
                "conv 4 3x3 stride 2 padding 1, conv 2 4x4, conv-transpose 4 4x4, conv-transpose 3 4x4 stride 2 padding 1",
            inputShape: [8, 8, 3], isAutoencoder: true, loss: "bce"),
    ]

    /// Writes a checkpoint with weights and running statistics that are drawn, and returns what it predicts.
    func write(to path: String, capacity: Int = 64) throws -> Predictor {
        let network = try Network(
            ModelText.parse(text), inputShape: inputShape, outputs: isAutoencoder ? .inputs : .classes(3))
        var generator = SplitMix64(state: 7)
        func tensors(_ layout: ParameterLayout, _ range: ClosedRange<Float>) -> [Checkpoint.Tensor] {
            layout.entries.map { entry in
                let low = entry.name.hasSuffix("running_var") ? 0.5 : range.lowerBound
                let values = (0..<entry.range.count).map { _ in
                    Float.random(in: low...range.upperBound, using: &generator)
                }
                return Checkpoint.Tensor(entry.name, entry.storage.shape, values)
            }
        }
        var all = tensors(network.layout, -0.5...0.5) + tensors(network.stateLayout, -1...1.5)
        if isStandardized {
            let count = network.inputFeatures
            let means = (0..<count).map { _ in Float.random(in: 0.1...0.6, using: &generator) }
            let scales = (0..<count).map { _ in Float.random(in: 1...3, using: &generator) }
            all.append(Checkpoint.Tensor("state/input/mean", [count], means))
            all.append(Checkpoint.Tensor("state/input/scale", [count], scales))
        }
        var metadata: Metadata = [
            MetadataKey.format: Checkpoint.formatName, MetadataKey.formatVersion: "\(Checkpoint.formatVersion)",
            MetadataKey.model: text, MetadataKey.parametersSHA256: Checkpoint.parametersSHA256(of: all),
            MetadataKey.inputShape: inputShape.extents.map(String.init).joined(separator: "x"),
        ]
        if isAutoencoder { metadata[MetadataKey.target] = "input" } else { metadata[MetadataKey.classCount] = "3" }
        if let loss {
            metadata[MetadataKey.configuration] = "loss: \(loss)\n" + (isAutoencoder ? "target: input\n" : "")
        }
        try Checkpoint(tensors: all, metadata: metadata).write(to: path)
        return try Predictor(checkpoint: path, kernels: ReferenceKernels(), capacity: capacity)
    }

    /// Pictures of bytes that differ.
    func images(_ count: Int) -> [[UInt8]] {
        var generator = SplitMix64(state: 11)
        return (0..<count).map { _ in
            (0..<inputShape.elementCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
        }
    }
}

struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

extension Python {
    static let hasONNX = succeeds("import numpy, onnx, onnxruntime")
    static let hasTensorBoard = succeeds("import tensorboard.backend.event_processing.event_accumulator")
    static let hasNumPy = succeeds("import numpy")
}
