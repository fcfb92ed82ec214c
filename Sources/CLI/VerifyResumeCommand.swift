import ArgumentParser
import Communication
import Errors
import Foundation
import Training

struct VerifyResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify-resume", abstract: "Show that stopping and resuming a training changes no bit.",
        discussion: """
            Trains once without a stop, and once in parts: stopped after random steps, each part in a process of its own with
            another number of workers. The two last checkpoints must be equal byte for byte: weights, optimizer state,
            statistics, position. Then two restores that went wrong must be noticed: a flipped bit, and a file that is valid
            but has one number wrong.
            """)

    @Argument(help: ArgumentHelp("Options as YAML, as `train` takes them.", valueName: "CONFIG.yaml"))
    var file: String?

    @OptionGroup var training: TrainingArguments

    @Option(parsing: .unconditional, help: "How often the run is stopped; default 3.")
    var stops = 3

    @Option(parsing: .unconditional, help: "Parts have 1 to N workers; default 4.")
    var workers = 4

    @Option(parsing: .unconditional, help: "Decides where the run is stopped.")
    var stopSeed: UInt64 = 1

    @Flag(help: "Print one JSON document, at the end.")
    var json = false

    @Option(help: ArgumentHelp("Keep both runs in this folder; default: a temporary one.", valueName: "DIR"))
    var out: String?

    func run() throws {
        guard stops >= 1, (1...64).contains(workers) else {
            throw Failure(
                .usage, "--stops \(stops) --workers \(workers): at least one stop and 1 to 64 workers are needed")
        }
        guard !Launcher.detect(environment: ProcessInfo.processInfo.environment).isLaunched else {
            throw Failure(.usage, "verify-resume starts its own processes: start it without a launcher")
        }
        let saved = try file.map { try TrainingOptions(contentsOf: $0) } ?? TrainingOptions()
        let configuration = try training.options.overriding(saved).resolved()
        let folder = out ?? FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try RunDirectory.makeFolder(folder)
        defer { if out == nil { try? FileManager.default.removeItem(atPath: folder) } }
        let options = "\(folder)/options.yaml"
        try Data(configuration.yaml.utf8).write(to: URL(fileURLWithPath: options))
        try ResumeCheck(folder: folder, options: options, stops: stops, workers: workers, seed: stopSeed, isJSON: json)
            .run()
    }
}

/// The runs of `verify-resume` and what must hold of them.
private struct ResumeCheck {
    let folder: String
    let options: String
    let stops: Int
    let workers: Int
    let seed: UInt64
    let isJSON: Bool

    struct Report: Encodable {
        let steps: Int
        let parts: [Part]
        /// Of a run with stops and one without, byte for byte; else the command fails.
        let sameCheckpoint: Bool
        let parametersSHA256: String

        struct Part: Encodable {
            let workers: Int
            let steps: Int
        }
    }

    private func say(_ line: String) { if !isJSON { Output.line(line) } }

    private var whole: String { "\(folder)/whole" }
    private var parts: String { "\(folder)/parts" }
    private var wrong: String { "\(folder)/wrong" }

    func run() throws {
        // Another number than the first part has, where there is one.
        let first =
            ResumeTrial(stepCount: 1, stopCount: 0, workerLimit: workers, seed: seed).parts[0].workers % workers + 1
        try train(whole, workers: first, expecting: 0)
        let (end, steps) = try lastCheckpoint(whole)
        guard steps >= 2 else {
            throw Failure(
                .data, "the run has \(Text.plural(steps, "step")): nothing to stop between; give more --epochs")
        }
        say("without a stop: \(Text.plural(first, "worker")), \(Text.plural(steps, "step"))")

        let trial = ResumeTrial(stepCount: steps, stopCount: stops, workerLimit: workers, seed: seed)
        var done = 0
        for (index, part) in trial.parts.enumerated() {
            let isLast = index == trial.parts.count - 1
            let arguments = ["--resume", "auto"] + (isLast ? [] : ["--stop-after", "\(part.steps)steps"])
            try train(parts, arguments, workers: part.workers, expecting: isLast ? 0 : Failure.Kind.stopped.rawValue)
            say(
                "part \(index + 1): \(Text.plural(part.workers, "worker")), steps \(done + 1) to \(done + part.steps)")
            done += part.steps
            if index == 0 {
                let stopped = try lastCheckpoint(parts).path
                try RunDirectory.makeFolder(wrong)
                try DamagedRestore.flipBit(from: stopped, to: "\(wrong)/bit.safetensors")
                let tensor = try DamagedRestore.write(from: stopped, to: "\(wrong)/number.safetensors")
                try Data(tensor.utf8).write(to: URL(fileURLWithPath: "\(wrong)/tensor"))
            }
        }
        let isEqual = try contents(end) == contents(lastCheckpoint(parts).path)
        say(isEqual ? "the last checkpoints are equal, byte for byte" : "the last checkpoints DIFFER")

        try resumeWrong("bit", expecting: Failure.Kind.data.rawValue)
        say("a flipped bit is refused")
        try resumeWrong("number", expecting: 0)
        let tensor = String(decoding: try contents("\(wrong)/tensor"), as: UTF8.self)
        let isNoticed = try contents(end) != contents(lastCheckpoint("\(wrong)/number").path)
        say(
            isNoticed
                ? "one wrong number in \(tensor) leads to another end: the comparison would see it"
                : "one wrong number in \(tensor) leads to the SAME end: the comparison shows nothing")
        guard isEqual && isNoticed else {
            throw Failure(
                .internal, "resuming does not give the bits of a run without a stop (in \(folder) with --out)")
        }
        let hash = try CheckpointStore(folder: "\(whole)/checkpoints").parametersSHA256(step: steps)
        say("sha256 \(hash), with every stop")
        guard isJSON else { return }
        let parts = trial.parts.map { Report.Part(workers: $0.workers, steps: $0.steps) }
        Output.line(
            try Report(steps: steps, parts: parts, sameCheckpoint: isEqual, parametersSHA256: hash).json(pretty: true))
    }

    private func resumeWrong(_ name: String, expecting code: Int32) throws {
        let folder = "\(wrong)/\(name)"
        try train(folder, ["--resume", "\(folder).safetensors"], workers: 1, expecting: code)
    }

    /// Trains in another process.
    private func train(_ run: String, _ arguments: [String] = [], workers: Int, expecting code: Int32) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments =
            ["train", options, "--out", run, "--quiet", "--workers", "\(workers)"] + arguments
        let messages = Pipe()
        process.standardError = messages
        try process.run()
        let text = messages.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationReason == .exit, process.terminationStatus == code else {
            let line = String(decoding: text, as: UTF8.self).split(separator: "\n").first.map(String.init) ?? ""
            throw Failure(
                Failure.Kind(rawValue: process.terminationStatus) ?? .internal,
                "a part ended with exit code \(process.terminationStatus) instead of \(code): "
                    + (line.hasPrefix("lockstep: ") ? String(line.dropFirst(10)) : line))
        }
    }

    private func lastCheckpoint(_ run: String) throws -> (path: String, step: Int) {
        let store = CheckpointStore(folder: "\(run)/checkpoints")
        guard let step = store.steps().last else { throw Failure(.internal, "\(run): no checkpoint was written") }
        return (store.path(step: step), step)
    }

    private func contents(_ path: String) throws -> Data {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(.inputOutput, "\(path): cannot be read")
        }
        return data
    }
}
