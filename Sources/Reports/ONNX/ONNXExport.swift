import Errors
import Models
import SwiftProtobuf
import Tensors
import Training

/// What an exported graph takes.
package enum ONNXInput: String, CaseIterable, Sendable {
    /// Bytes from 0 to 255, as data sets have them: scaling and standardisation are part of the graph.
    case bytes
    /// Pixels from 0 to 1; standardisation is part of the graph.
    case unit
    /// Pixels as they enter the first layer: the graph has the layers alone.
    case network
}

/// What an exported graph gives.
package enum ONNXOutput: String, CaseIterable, Sendable {
    /// What the last layer gives: logits, or an auto-encoder's reconstruction.
    case outputs
    /// What the outputs say about each class, by the loss that they were trained with; of an auto-encoder about each pixel.
    case probabilities
    /// What an auto-encoder's narrowest layer gives.
    case latent
}

/// A trained network as an ONNX model, for any batch size.
package struct ONNXExport {
    /// The first with layer normalisation.
    package static let opset = 17
    /// Of the files' structure: what opset 17 came with.
    package static let irVersion = 8
    private static let batch = "batch"
    /// The most that one message can hold, less room for all that is no weight.
    private static let parameterLimit = (1 << 31 - 1 << 20) / 4

    package let trained: TrainedNetwork
    package let input: ONNXInput
    package let output: ONNXOutput

    /// - Parameter input: Nil for `bytes`, or of a table `unit`, which is its values as they are.
    package init(_ trained: TrainedNetwork, input: ONNXInput? = nil, output: ONNXOutput = .outputs) throws {
        let isTable = trained.network.target == .columns
        if isTable && input == .bytes {
            throw Failure(
                .usage,
                "--input bytes: \(trained.path) takes a table's values, which are no bytes; use unit (as in the table) or network"
            )
        }
        if isTable && output != .outputs {
            throw Failure(.usage, "--output \(output.rawValue): \(trained.path) predicts numbers; it has outputs alone")
        }
        if output == .latent && trained.network.target == .label {
            throw Failure(
                .usage, "--output latent: \(trained.path) is no auto-encoder; it has outputs and probabilities")
        }
        guard trained.network.layout.parameterCount <= Self.parameterLimit else {
            throw Failure(
                .usage, "\(trained.path): more than 2 GiB of weights, which one ONNX file cannot hold; use safetensors")
        }
        self.trained = trained
        self.input = input ?? (isTable ? .unit : .bytes)
        self.output = output
    }

    /// The file's bytes: the same for the same checkpoint.
    package func encoded() throws -> [UInt8] {
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        return try model.serializedBytes(options: options)
    }

    private var isTable: Bool { trained.network.target == .columns }

    package var inputName: String { isTable ? "features" : input == .bytes ? "images" : "pixels" }

    package var outputName: String {
        switch output {
        case .outputs:
            switch trained.network.target {
            case .label: "logits"
            case .input: "reconstruction"
            case .columns: "predictions"
            }
        case .probabilities, .latent: output.rawValue
        }
    }

    var model: ONNXModelProto {
        let network = trained.network
        var layers = ONNXLayers(trained)
        let (result, extents) = body(&layers)
        var graph = ONNXGraphProto()
        graph.name = "lockstep"
        graph.docString = ModelText.text(of: network.description)
        graph.input = [
            ONNXValueInfoProto(
                inputName, input == .bytes ? .uint8 : .float, network.inputShape.extents, batch: Self.batch)
        ]
        if layers.graph.computes(result) {
            layers.graph.rename(result, to: outputName)
        } else {
            _ = layers.graph.add("Identity", [result], name: outputName)
        }
        graph.output = [ONNXValueInfoProto(outputName, .float, extents, batch: Self.batch)]
        graph.node = layers.graph.nodes
        graph.initializer = layers.graph.initializers
        var model = ONNXModelProto()
        model.irVersion = Int64(Self.irVersion)
        var operators = ONNXOperatorSetIdProto()
        operators.version = Int64(Self.opset)
        model.opsetImport = [operators]
        model.producerName = "lockstep"
        model.producerVersion = programVersion
        model.graph = graph
        model.metadataProps = [
            ("model", ModelText.text(of: network.description)), ("parametersSHA256", trained.parametersSHA256),
            ("input", input.rawValue), ("output", outputName),
            ("layout", isTable ? "[batch, columns]" : "[batch, height, width, channels] at input and output"),
        ].map { key, value in
            var entry = ONNXStringStringEntryProto()
            (entry.key, entry.value) = (key, value)
            return entry
        }
        return model
    }

    /// Adds all nodes; returns the last value, in Lockstep's order, and the extents of a sample of it.
    private func body(_ layers: inout ONNXLayers) -> (name: String, extents: [Int]) {
        let network = trained.network
        let steps = DescribedOperation.all(network.description)
        precondition(
            steps.count == network.operations.count,
            "ONNXExport: \(steps.count) steps for \(network.operations.count) operations")
        let last = output == .latent ? network.latentValue : steps.count
        var values = [firstValue(&layers)]
        for (operation, step) in zip(network.operations, steps).prefix(last) {
            let inputs = operation.inputs.map { values[$0] }
            switch step {
            case .layer(let layer): values.append(layers.add(layer, inputs[0], operation))
            case .blockBegin: values.append(inputs[0])
            case .blockSum: values.append(layers.sum(inputs, operation))
            }
        }
        var value = values[last]
        let isPixels = output != .latent && network.target == .input
        if output == .probabilities && !isPixels { value = layers.probabilities(value, trained.lossKind) }
        var name = layers.graph.inMemoryOrder(value, name: "output")
        var extents = value.shape.extents
        // A reconstruction has the extents of what it reconstructs.
        if isPixels && extents != network.inputShape.extents {
            extents = network.inputShape.extents
            name = layers.graph.reshape(name, to: extents, name: "output/image")
        }
        if output == .probabilities && isPixels {
            let shape = network.inputShape
            name = layers.probabilities(ONNXValue(name: name, shape: shape), trained.lossKind, pixels: shape).name
        }
        if input != .network, let standardization = trained.targetStandardization {
            let shape = Shape(extents)
            let scale = layers.constant(standardization.scales, shape, name: "output/scale")
            let mean = layers.constant(standardization.means, shape, name: "output/mean")
            name = layers.graph.add("Div", [name, scale], name: "output/scaled")
            name = layers.graph.add("Add", [name, mean], name: "output/moved")
        }
        return (name, extents)
    }

    /// The graph's input as the first layer takes it.
    private func firstValue(_ layers: inout ONNXLayers) -> ONNXValue {
        let shape = trained.network.inputShape
        var name = inputName
        if input == .bytes {
            let float = layers.graph.add(
                "Cast", [name], name: "input/float", [.integer("to", ONNXTensorProto.DataType.float.rawValue)])
            let greatest = layers.graph.add(floats: [Float(255)], shape: [], name: "input/greatest")
            name = layers.graph.add("Div", [float, greatest], name: "input/unit")
        }
        if input != .network, let standardization = trained.standardization {
            let mean = layers.constant(standardization.means, shape, name: "input/mean")
            let scale = layers.constant(standardization.scales, shape, name: "input/scale")
            let centred = layers.graph.add("Sub", [name, mean], name: "input/centred")
            name = layers.graph.add("Mul", [centred, scale], name: "input/standardized")
        }
        return layers.graph.value(name, hasExtents: shape.extents, of: shape, name: "input")
    }
}

extension Network {
    /// The number of the value that is an auto-encoder's code: what the narrowest layer gives, behind its activation.
    var latentValue: Int {
        let features = operations.map { $0.outputShape.elementCount }
        guard let first = features.firstIndex(of: features.min() ?? 0) else { return 0 }
        return features[first...].firstIndex { $0 != features[first] } ?? features.count
    }
}
