import Checkpoints
import Errors
import Models
import Tensors

/// `--initial-weights` and `--initial-layers`.
package struct InitialWeightsDescription: Hashable, Sendable {
    /// A safetensors file.
    package let path: String
    /// Of layers or tensors, as in `--layers`, with commas between them; `*` for all.
    package let layers: String

    package init(path: String, layers: String = "*") {
        self.path = path
        self.layers = layers
    }
}

/// Tensors of a file in which a network begins, in place of weights that are drawn.
package struct InitialWeights: Sendable {
    private struct Part: Sendable {
        let entry: ParameterLayout.Entry
        /// In stored order.
        let values: [Float]
    }

    /// Of the whole file: what a run's result depends on.
    package let sha256: String
    /// About tensors of the file that the network has no place for; nil where there are none.
    package let note: String?
    private let parameters: [Part]
    private let statistics: [Part]

    /// Reads a file of ours, or one with PyTorch's names and layout such as `safetensors.torch.save_file` writes.
    ///
    /// Running statistics are taken where the file has them.
    /// - Throws: `Failure(.data)` for a pattern that meets nothing, and a tensor that is missing, or of another shape.
    package init(_ description: InitialWeightsDescription, network: Network) throws {
        let path = description.path
        let (checkpoint, sha256) = try Checkpoint.reading(path)
        self.sha256 = sha256
        let chosen = try Self.chosen(description, network)
        parameters = try chosen.parameters.map { Part(entry: $0, values: try Self.values(checkpoint, $0, path)) }
        statistics = try chosen.statistics.filter { checkpoint[$0.name] != nil }.map {
            Part(entry: $0, values: try Self.values(checkpoint, $0, path))
        }
        let places = network.layout.entries + network.stateLayout.entries
        let known = Set(places.map { Array($0.name.utf8) })
        let extra = checkpoint.tensors.map(\.name).filter { name in
            !known.contains(Array(name.utf8)) && !name.utf8.starts(with: Checkpoint.statePrefix.utf8)
                && !name.hasSuffix(Checkpoint.batchCountSuffix)
        }
        note =
            extra.isEmpty
            ? nil : "\(path): the model has no place for \(Self.listed(extra)), which the run does without"
    }

    /// Fills in what the file gives; the rest stays as it is.
    package func load(parameters target: UnsafeMutablePointer<Float>) { Self.load(parameters, into: target) }
    package func load(statistics target: UnsafeMutablePointer<Float>) { Self.load(statistics, into: target) }

    private static func load(_ parts: [Part], into target: UnsafeMutablePointer<Float>) {
        for part in parts {
            let tensor = target + part.entry.range.lowerBound
            part.entry.forEachStored { tensor[$1] = part.values[$0] }
        }
    }

    private static func chosen(
        _ description: InitialWeightsDescription, _ network: Network
    ) throws -> (parameters: [ParameterLayout.Entry], statistics: [ParameterLayout.Entry]) {
        var isChosen = [Bool](repeating: false, count: network.layout.entries.count)
        var isChosenState = [Bool](repeating: false, count: network.stateLayout.entries.count)
        for pattern in description.layers.split(separator: ",", omittingEmptySubsequences: false) {
            let pattern = String(pattern).trimmingSpaces
            let met = network.layout.entries.map { network.isMet($0, by: pattern) }
            let metState = network.stateLayout.entries.map { network.isMet($0, by: pattern) }
            guard (met + metState).contains(true) else {
                let known = (network.layout.entries + network.stateLayout.entries).map(\.name).joined(separator: ", ")
                throw Failure(.data, "initial-layers: \"\(pattern)\" meets no tensor of the model (\(known))")
            }
            for index in met.indices where met[index] { isChosen[index] = true }
            for index in metState.indices where metState[index] { isChosenState[index] = true }
        }
        return (
            zip(network.layout.entries, isChosen).filter(\.1).map(\.0),
            zip(network.stateLayout.entries, isChosenState).filter(\.1).map(\.0)
        )
    }

    private static func values(
        _ checkpoint: Checkpoint, _ entry: ParameterLayout.Entry, _ path: String
    ) throws -> [Float] {
        let (name, shape) = (entry.name, entry.storage.shape)
        guard let tensor = checkpoint[name] else {
            let names = checkpoint.tensors.map(\.name).filter { !$0.utf8.starts(with: Checkpoint.statePrefix.utf8) }
            throw Failure(
                .data,
                "\(path): has no tensor \"\(name)\" of shape \(shape), only \(listed(names)); --initial-layers takes some "
                    + "layers and leaves the others as they are drawn")
        }
        guard let values = tensor.floats else {
            throw Failure(
                .data,
                "\(path): \"\(name)\" holds \(tensor.elementType.rawValue), where floating-point numbers are needed")
        }
        try tensor.check(shape, path: path)
        return values
    }

    /// Names of a file: at most eight.
    private static func listed(_ names: [String]) -> String {
        guard !names.isEmpty else { return "nothing" }
        let rest = names.count - 8
        return names.prefix(8).map(\.quotedForMessage).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    }
}

extension Checkpoint.Tensor {
    /// As float32: float16 and bfloat16 are exact, float64 is rounded; nil for other types.
    fileprivate var floats: [Float]? {
        func halves(_ value: (UInt16) -> Float) -> [Float] {
            stride(from: 0, to: bytes.count, by: 2).map { value(UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8) }
        }
        switch elementType {
        case .float32: return values()
        case .float64: return values(as: Double.self).map { Float($0) }
        case .float16: return halves { Float(Float16(bitPattern: $0)) }
        case .bfloat16: return halves { Float(bitPattern: UInt32($0) << 16) }
        default: return nil
        }
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
