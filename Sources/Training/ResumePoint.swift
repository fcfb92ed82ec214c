import Checkpoints
import Errors
import Foundation
import Models

/// How a run begins.
package enum ResumeRequest: Hashable, Sendable {
    /// Anew.
    case never
    /// After the newest checkpoint of the run's own folder that can be read; anew where there is none.
    case auto
    /// After a checkpoint, or after the newest of another run's folder.
    case from(String)
}

/// A checkpoint from which a run goes on. Only worker 0 has one.
struct ResumePoint {
    let path: String
    let checkpoint: Checkpoint
    let state: RunState
    /// Of newer checkpoints that cannot be read.
    var warnings: [String] = []

    /// - Throws: `Failure(.data)` for a file that is damaged, or holds no run.
    init(_ path: String) throws {
        self.path = path
        checkpoint = try Checkpoint(contentsOf: path)
        guard checkpoint.metadata[MetadataKey.configuration] != nil, let state = checkpoint.metadata[MetadataKey.state]
        else { throw Failure(.data, "\(path): holds weights, but no run to go on with") }
        self.state = try RunState(json: state, path: path)
    }

    /// The newest checkpoint that can be read, with a warning for each that cannot; nil where there is none at all.
    ///
    /// - Throws: `Failure(.data)` where none can be read, since starting anew would replace them.
    static func newest(in store: CheckpointStore) throws -> ResumePoint? {
        var failures: [String] = []
        for path in store.pathsByAge {
            do {
                var point = try ResumePoint(path)
                point.warnings = failures.map { "\($0); going on from the checkpoint before it, \(path)" }
                return point
            } catch let failure as Failure where [.data, .inputOutput, .inputNotFound].contains(failure.kind) {
                failures.append(failure.message)
            }
        }
        guard let first = failures.first else { return nil }
        throw Failure(.data, "no checkpoint in \(store.folder) can be read (\(first)); --overwrite starts anew")
    }

    /// The record that the run had written, where the checkpoint lies in a run's folder.
    var metricsPath: String {
        let checkpoints = URL(fileURLWithPath: path).deletingLastPathComponent()
        return checkpoints.deletingLastPathComponent().appendingPathComponent("metrics.jsonl").path
    }

    /// Compares what must not change, and returns what did change of the rest, such as `epochs 5 → 10`.
    ///
    /// - Throws: `Failure(.data)` that names both values.
    func check(
        _ configuration: TrainingConfiguration, dataSHA256: @autoclosure () throws -> String, allowsOtherNumerics: Bool
    ) throws -> [String] {
        let metadata = checkpoint.metadata
        let version = metadata[MetadataKey.numericsVersion] ?? "none"
        guard version == "\(numericsVersion)" || allowsOtherNumerics else {
            throw Failure(
                .data,
                "\(path): was written with numerics version \(version), this program has \(numericsVersion): the bits would "
                    + "change on the way; --other-numerics goes on all the same")
        }
        let changes = try Self.changes(
            from: metadata[MetadataKey.configuration] ?? "", to: configuration.resultYAML, path: path)
        let (known, actual) = (metadata[MetadataKey.dataSHA256] ?? "none", try dataSHA256())
        guard known == actual else {
            throw Failure(
                .data,
                "\(configuration.dataset): has the SHA-256 \(actual), \(path) was trained on data with \(known); "
                    + "give the same data (--dataset, --data-dir)")
        }
        return changes
    }

    private static func changes(from old: String, to new: String, path: String) throws -> [String] {
        func settings(_ yaml: String) -> [(key: String, value: String)] {
            yaml.split(separator: "\n").map { line in
                let words = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
                return (words[0], words.count > 1 ? words[1] : "")
            }
        }
        let (old, new) = (settings(old), settings(new))
        var changes: [String] = []
        for key in (old + new).map(\.key).distinct {
            let before = old.first { $0.key == key }?.value ?? "not set"
            let after = new.first { $0.key == key }?.value ?? "not set"
            guard before != after else { continue }
            guard TrainingConfiguration.keysThatMayChange.contains(key) else {
                throw Failure(
                    .data,
                    "\(key) is \(after), and \(path) was trained with \(before): a run that goes on keeps it; "
                        + "leave it out, or start another run")
            }
            changes.append("\(key) \(before) → \(after)")
        }
        return changes
    }

    /// Fills a trainer's buffer.
    func load(_ kind: CheckpointedBuffer, into values: UnsafeMutablePointer<Float>, of network: Network) throws {
        switch kind {
        case .parameters: try network.layout.load(checkpoint, into: values, path: path)
        case .statistics: try network.stateLayout.load(checkpoint, into: values, path: path)
        case .averages:
            try network.layout.load(checkpoint, prefix: Checkpoint.averagePrefix, into: values, path: path)
        case .averagedStatistics:
            let layout = network.stateLayout
            try layout.load(checkpoint, prefix: checkpoint.averagePrefix(of: layout), into: values, path: path)
        case .optimizer(let name):
            try network.layout.load(checkpoint, prefix: Checkpoint.optimizerPrefix(name), into: values, path: path)
        }
    }
}

extension TrainingConfiguration {
    /// What a resumed run may have otherwise than before. The rest decides what the steps so far were.
    static let keysThatMayChange = ["epochs", "steps", "learning-rate", "patience", "min-delta"]

    /// What decides nothing: where data lie, what is recorded and when.
    private static let keysWithoutResult = [
        "dataset", "data-dir", "initial-weights", "balance", "hash-every", "histogram-every", "checkpoint-every",
        "keep-checkpoints",
    ]

    /// The part of the configuration that determines the result, a line for each key.
    var resultYAML: String {
        yamlLines.filter { line in !Self.keysWithoutResult.contains { line.hasPrefix("\($0):") } }
            .map { "\($0)\n" }.joined()
    }
}
