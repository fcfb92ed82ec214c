import Foundation
import Testing

/// A temporary folder with a small data set in `data`, where the program runs.
struct Workbench {
    let folder: TemporaryFolder

    /// A short training of the small data set.
    static let training = [
        "train", "--dataset", "./data", "--model", SmallDataset.model, "--epochs", "2", "--seed", "7",
    ]

    init(_ dataset: SmallDataset = SmallDataset()) throws {
        folder = try TemporaryFolder()
        try dataset.write(in: folder)
    }

    func run(
        _ arguments: [String], ranks: Int? = nil, isQuiet: Bool = true, environment: [String: String] = [:],
        binary: String = Program.path, withinSeconds limit: Double = 60
    ) throws -> ChildProcess.Result {
        try Program.run(
            arguments, ranks: ranks, isQuiet: isQuiet, environment: environment, binary: binary, folder: folder,
            withinSeconds: limit)
    }

    func start(
        _ arguments: [String], ranks: Int? = nil, isQuiet: Bool = true, environment: [String: String] = [:]
    ) throws -> ChildProcess {
        try Program.start(arguments, ranks: ranks, isQuiet: isQuiet, environment: environment, folder: folder)
    }

    /// Trains into `out` and returns what the run is; throws where the program failed.
    func train(
        _ arguments: [String] = [], as way: Way = Way(workers: 1), out: String = "run"
    ) throws -> RunRecord {
        let words = Self.training + ["--quiet", "--out", out] + arguments
        return try record(words, as: way, out: out)
    }

    /// Runs a `train` command that writes to `out`.
    func record(_ command: [String], as way: Way, out: String) throws -> RunRecord {
        let result = try run(
            command + (way.workers.map { ["--workers", "\($0)"] } ?? []), ranks: way.ranks,
            environment: way.environment, binary: way.binary)
        guard result.exitCode == 0, !result.timedOut else { throw TestError("\(way): \(result)") }
        return try RunRecord(out, in: folder)
    }
}

/// How workers are made, which must not matter to a run.
struct Way: Sendable, CustomTestStringConvertible {
    var workers: Int?
    var ranks: Int?
    var environment: [String: String] = [:]
    var binary = Program.path

    var testDescription: String {
        let settings = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let count = ranks.map { "\($0) ranks" } ?? workers.map { "\($0) threads" } ?? "as many threads as cores"
        return (settings + [count] + (binary == Program.path ? [] : ["without MPI"])).joined(separator: " ")
    }
}

/// Everything of a run's folder that its configuration and data decide.
struct RunRecord: Equatable {
    let summary: Summary
    /// Lines of `metrics.jsonl` without what a clock has measured.
    let metrics: [String]
    let checkpoint: Data
    let configuration: Data

    struct Summary: Decodable, Equatable {
        let parametersSHA256: String
        let trainLoss: Double
        let trainAccuracy: Double?
        let validationLoss: Double?
        let validationAccuracy: Double?
        let testLoss: Double
        let testAccuracy: Double?
        let metric: String?
        let bestMetric: Double?
        let bestEpoch: Int?
        let bestTestLoss: Double?
        let bestTestAccuracy: Double?
        let bestCheckpoint: String?
        let stoppedEarly: Bool
        let bottleneck: Int?
        let pcaTestLoss: Double?
        let warnings: [String]
        let epochs: Int
        let steps: Int
        let checkpoint: String
        let numericsVersion: Int
    }

    init(_ name: String, in folder: TemporaryFolder) throws {
        summary = try JSONDecoder().decode(Summary.self, from: folder.read("\(name)/summary.json"))
        // The text is compared: equal to the last digit.
        metrics = try folder.text("\(name)/metrics.jsonl").split(separator: "\n").map { line in
            line.dropFirst().dropLast().split(separator: ",")
                .filter { !$0.hasPrefix("\"samplesPerSecond\":") && !$0.hasPrefix("\"wallSeconds\":") }
                .joined(separator: ",")
        }
        checkpoint = try folder.read(summary.checkpoint)
        configuration = try folder.read("\(name)/config.yaml")
    }
}
