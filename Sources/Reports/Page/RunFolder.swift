import Checkpoints
import Errors
import Foundation
import Models
import Training

/// What a run's folder still says, however damaged it is.
package struct RunFolder: Sendable {
    /// One line of `metrics.jsonl`. Norms are there where a program wrote them.
    package struct Point: Decodable, Equatable, Sendable {
        let step: Int
        let epoch: Int
        let split: String
        let loss: Double?
        let accuracy: Double?
        let scores: RegressionScores?
        let learningRate: Double?
        let samplesPerSecond: Double?
        let gradientNorm: Double?
        let weightNorm: Double?
        let wallSeconds: Double?
    }

    /// `summary.json`, whatever version wrote it.
    package struct Summary: Codable, Sendable {
        let parametersSHA256: String?
        let trainSamplesPerSecond: Double?
        let trainLoss: Double?
        let trainAccuracy: Double?
        let validationLoss: Double?
        let validationAccuracy: Double?
        let testLoss: Double?
        let testAccuracy: Double?
        let metric: String?
        let bestMetric: Double?
        let bestEpoch: Int?
        let bestTestLoss: Double?
        let bestTestAccuracy: Double?
        let validationScores: RegressionScores?
        let testScores: RegressionScores?
        let bestTestScores: RegressionScores?
        let stoppedEarly: Bool?
        let bottleneck: Int?
        let pcaTestLoss: Double?
        let warnings: [String]?
        let epochs: Int?
        let steps: Int?
        let workers: Int?
        let hosts: [String]?
        let launcher: String?
        let instructionSet: String?
        let fractionOfPeak: Double?
        let wallSeconds: Double?
        let resumedFrom: String?
        let dataset: String?
        let numericsVersion: Int?
    }

    package let path: String
    /// The folder's own.
    package let name: String
    package let configurationText: String?
    package let options: TrainingOptions?
    package let points: [Point]
    package let summary: Summary?
    /// What is missing or cannot be read, and what the page lacks for it.
    package private(set) var problems: [String]
    /// The best first, then the newest.
    package let checkpoints: [String]
    /// Whether a process is at work on it.
    package let isRunning: Bool

    package static func isRun(_ path: String) -> Bool {
        let files = FileManager.default
        return ["config.yaml", "metrics.jsonl", "summary.json", "checkpoints"].contains {
            files.fileExists(atPath: "\(path)/\($0)")
        }
    }

    /// Of a folder that holds something of a run.
    ///
    /// - Parameter history: Of its `metrics.jsonl`, where that has been read; nil to read it.
    package init(_ path: String, history: MetricsHistory? = nil) {
        var problems: [String] = []
        self.path = path
        name = Self.name(of: path)
        isRunning = RunDirectory.isInUse(path)
        let files = FileManager.default

        let configuration = files.contents(atPath: "\(path)/config.yaml")
        configurationText = configuration.map { String(decoding: $0, as: UTF8.self) }
        checkpoints = Self.checkpoints(path)
        if checkpoints.isEmpty && !isRunning {
            problems.append("checkpoints/ holds no checkpoint: the page lacks all that needs the weights.")
        }
        var options: TrainingOptions?
        do { options = try TrainingOptions(ofRun: path) } catch { problems.append(Failure(wrapping: error).message) }
        if configuration == nil { problems.append("config.yaml is missing.") }
        if options == nil {
            // A checkpoint knows how it was made.
            options = checkpoints.lazy.compactMap { Self.options(ofCheckpoint: $0) }.first
            problems.append(
                options == nil
                    ? "So the page lacks the configuration and the command that repeats the run."
                    : "The configuration on the page is that of a checkpoint.")
        }
        self.options = options

        let history = history ?? MetricsHistory("\(path)/metrics.jsonl")
        points = history.points
        if history.isMissing {
            problems.append("metrics.jsonl is missing: the page lacks curves.")
        } else {
            // The last line of a run that is at work may be half written.
            if history.damagedCount > (isRunning ? 1 : 0) {
                problems.append("\(PageText.plural(history.damagedCount, "line")) of metrics.jsonl cannot be read.")
            }
            if history.isEmpty && !isRunning {
                problems.append("metrics.jsonl tells of no epoch: the page lacks curves.")
            }
        }

        var summary: Summary?
        if let bytes = files.contents(atPath: "\(path)/summary.json") {
            summary = try? Self.decoder.decode(Summary.self, from: bytes)
            if summary == nil {
                problems.append("summary.json cannot be read: the page lacks machine and final results.")
            }
        } else if !isRunning {
            problems.append("summary.json is missing: the run was stopped before its end, or the file was removed.")
        }
        self.summary = summary
        self.problems = problems
    }

    package mutating func add(problem: String) { problems.append(problem) }

    /// The points of a split, one for each epoch: the last.
    func epochs(_ split: String) -> [Point] {
        var result: [Point] = []
        for point in points where point.split == split {
            if result.last?.epoch == point.epoch { result.removeLast() }
            result.append(point)
        }
        return result
    }

    private static func name(of path: String) -> String {
        let last = URL(fileURLWithPath: path).standardizedFileURL.lastPathComponent
        return last.isEmpty ? path : last
    }

    private static func checkpoints(_ path: String) -> [String] {
        let store = CheckpointStore(folder: "\(path)/checkpoints")
        let best = FileManager.default.fileExists(atPath: store.bestPath) ? [store.bestPath] : []
        return best + store.steps().reversed().map { store.path(step: $0) }
    }

    private static func options(ofCheckpoint path: String) -> TrainingOptions? {
        guard let yaml = try? SafetensorsReader(path).header.metadata[MetadataKey.configuration] else { return nil }
        return try? TrainingOptions(yaml: yaml, path: path)
    }

    /// Of lines of metrics, and of summaries.
    static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        return decoder
    }
}

extension RunFolder {
    /// With which `lockstep` trains the same weights again.
    var command: String? {
        guard let options else { return nil }
        var words: [String] = []
        for (option, text) in options.given {
            switch (option, text) {
            case ("stratified", "true"), ("standardize-target", "true"): words.append("--\(option)")
            case ("stratified", _), ("standardize-target", _): words.append("--no-\(option)")
            default: words.append("--\(option) \(PageText.shellWord(text))")
            }
        }
        let workers = summary?.workers ?? 1
        switch summary?.launcher {
        case "mpi": return "mpirun -n \(workers) lockstep train " + words.joined(separator: " ")
        case nil: return "lockstep train " + words.joined(separator: " ")
        default: return "lockstep train " + words.joined(separator: " ") + " --workers \(workers)"
        }
    }

    /// The loss that the run trains; nil where the configuration cannot be read.
    var loss: LossDescription? { options.flatMap { try? $0.resolvedLoss() } }
}
