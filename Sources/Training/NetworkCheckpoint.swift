import Checkpoints
import DataLoading
import Errors
import Models
import Tensors

/// Raised by a change that alters the bits of a run.
package let numericsVersion = 2

extension Network {
    /// Parameters and running statistics as a checkpoint's tensors.
    func tensors(_ parameters: UnsafePointer<Float>, state: UnsafePointer<Float>) -> [Checkpoint.Tensor] {
        layout.tensors(parameters) + stateLayout.tensors(state)
    }

    /// The one number that proves a run: docs/NUMERICS.md.
    package func parametersSHA256(_ parameters: UnsafePointer<Float>, state: UnsafePointer<Float>) -> String {
        Checkpoint.parametersSHA256(of: tensors(parameters, state: state))
    }

    /// The same tensor by tensor, which says where two runs part.
    func tensorHashes(_ parameters: UnsafePointer<Float>, state: UnsafePointer<Float>) -> [TensorHash] {
        tensors(parameters, state: state).map { tensor in
            var hasher = ParametersHasher()
            hasher.update(bytes: tensor.bytes)
            return TensorHash(name: tensor.name, sha256: hasher.finish())
        }
    }

    /// What is needed to use the weights.
    var metadata: Metadata {
        var metadata: Metadata = [
            MetadataKey.format: Checkpoint.formatName,
            MetadataKey.formatVersion: "\(Checkpoint.formatVersion)",
            MetadataKey.numericsVersion: "\(numericsVersion)", MetadataKey.model: ModelText.text(of: description),
            MetadataKey.inputShape: inputShape.extents.map(String.init).joined(separator: "x"),
        ]
        switch target {
        case .label: metadata[MetadataKey.classCount] = "\(outputCount)"
        case .input, .columns: metadata[MetadataKey.target] = target.rawValue
        }
        return metadata
    }

    /// The network that a checkpoint describes.
    ///
    /// - Throws: `Failure(.data)` where the file is not one of Lockstep's or does not hold what it says.
    package init(_ checkpoint: Checkpoint, path: String) throws {
        func value(_ key: String) throws -> String {
            guard let value = checkpoint.metadata[key] else {
                throw Failure(.data, "\(path): the metadata lacks \"\(key)\"; is it a checkpoint of lockstep?")
            }
            return value
        }
        // The reader has compared the format's version.
        guard try value(MetadataKey.format) == Checkpoint.formatName else {
            throw Failure(
                .data,
                "\(path): format \(try value(MetadataKey.format).quotedForMessage); is it a checkpoint of lockstep?")
        }
        let shape = try value(MetadataKey.inputShape)
        let extents = shape.split(separator: "x", maxSplits: 4).map { Int($0) ?? 0 }
        guard !extents.isEmpty, extents.allSatisfy({ (1...1 << 20).contains($0) }), extents.count <= 4,
            extents.reduce(1.0, { $0 * Double($1) }) < 0x1p36
        else { throw Failure(.data, "\(path): the input shape \(shape.quotedForMessage) is not valid") }
        let outputs: NetworkOutputs
        switch checkpoint.metadata[MetadataKey.target] {
        case LossTarget.input.rawValue: outputs = .inputs
        case LossTarget.columns.rawValue:
            let columns = try checkpoint.columns(path: path)
            guard extents == [columns.features.count] else {
                throw Failure(
                    .data,
                    "\(path): the input shape \(shape.quotedForMessage) is not that of \(columns.features.count) columns"
                )
            }
            outputs = .columns(columns.targets.count)
        default:
            guard let count = Int(try value(MetadataKey.classCount)) else {
                throw Failure(.data, "\(path): the class count is no number")
            }
            outputs = .classes(count)
        }
        do {
            try self.init(
                ModelText.parse(value(MetadataKey.model)), inputShape: Shape(extents), outputs: outputs)
        } catch let failure as Failure {
            throw Failure(.data, "\(path): \(failure.message.onOneLine(atMost: 500))")
        }
        try checkTensors(of: checkpoint, path: path)
        guard try value(MetadataKey.parametersSHA256) == checkpoint.parametersSHA256 else {
            throw Failure(.data, "\(path): the parameters do not have the SHA-256 that the metadata states: damaged")
        }
    }

}

extension Network {
    /// Copies what a checkpoint is evaluated by into flat buffers of parameters and running statistics: the moving averages
    /// where the run kept them.
    ///
    /// - Throws: `Failure(.data)` for a tensor that is missing or has another shape.
    package func loadEvaluated(
        _ checkpoint: Checkpoint, parameters: UnsafeMutablePointer<Float>, state: UnsafeMutablePointer<Float>,
        path: String
    ) throws {
        try layout.load(checkpoint, prefix: checkpoint.averagePrefix(of: layout), into: parameters, path: path)
        try stateLayout.load(checkpoint, prefix: checkpoint.averagePrefix(of: stateLayout), into: state, path: path)
    }
}

extension ParameterLayout {
    /// A flat buffer as a checkpoint's tensors: PyTorch's names and layout.
    func tensors(_ values: UnsafePointer<Float>, prefix: String = "") -> [Checkpoint.Tensor] {
        entries.map { Checkpoint.Tensor(prefix + $0.name, $0.storage.shape, $0.stored(values + $0.range.lowerBound)) }
    }

    /// Copies a checkpoint's tensors, under a prefix such as that of the average, into the flat buffer, which holds
    /// `floatCount` floats.
    ///
    /// - Throws: `Failure(.data)` for a tensor that is missing or has another shape.
    package func load(
        _ checkpoint: Checkpoint, prefix: String = "", into parameters: UnsafeMutablePointer<Float>, path: String
    ) throws {
        for entry in entries {
            let name = prefix + entry.name
            let values: [Float] = try checkpoint.tensor(name, entry.storage.shape, path: path).values()
            let target = parameters + entry.range.lowerBound
            entry.forEachStored { target[$1] = values[$0] }
        }
    }
}

extension Checkpoint {
    /// Of the table that a network was trained on.
    ///
    /// - Throws: `Failure(.data)` where the metadata do not say them.
    package func columns(path: String) throws -> TableColumns {
        guard let columns = metadata[MetadataKey.columns].flatMap({ TableColumns(json: $0) }) else {
            throw Failure(.data, "\(path): the metadata lack the names of the table's columns, or they are damaged")
        }
        return columns
    }

    /// Before the names of the moving average's tensors.
    package static let averagePrefix = statePrefix + "average/"

    static let optimizerStatePrefix = statePrefix + "optimizer/"

    /// Before the names of a buffer of the optimizer's state, such as `state/optimizer/exp_avg/0.weight`.
    static func optimizerPrefix(_ name: String) -> String { "\(optimizerStatePrefix)\(name)/" }

    /// Whether the run kept a moving average, which then is what is evaluated.
    package var hasAverages: Bool { tensors.contains { $0.name.utf8.starts(with: Self.averagePrefix.utf8) } }

    /// Before the names of the tensors by which the run is evaluated: nothing where it kept no average of them. (Older files
    /// have averages of parameters alone.)
    package func averagePrefix(of layout: ParameterLayout) -> String {
        layout.entries.contains { self[Self.averagePrefix + $0.name] != nil } ? Self.averagePrefix : ""
    }
}
