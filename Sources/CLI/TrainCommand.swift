import ArgumentParser
import Communication
import Errors
import Foundation
import Kernels
import Reports
import Sweeps
import Training

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Train a network and record the run in a folder.",
        discussion: """
            CONFIG.yaml holds the same options without the dashes, such as "batch-size: 64"; an option on the command
            line overrides it. The folder of a run gets config.yaml, metrics.jsonl, checkpoints/ and summary.json.
            """)

    @Argument(help: ArgumentHelp("Options as YAML.", valueName: "CONFIG.yaml"))
    var file: String?

    @Option(
        help: ArgumentHelp(
            "Instead of CONFIG.yaml: the options of a sweep's trial, by its number, best or best-2; trains it again to the "
                + "same bits.", valueName: "SWEEP/TRIAL"))
    var from: String?

    @OptionGroup var training: TrainingArguments

    @OptionGroup var checkpoints: CheckpointArguments

    @Option(parsing: .unconditional, help: "Threads, when not under mpirun; default: the cores.")
    var workers: Int?

    @Flag(
        inversion: .prefixedNo,
        help: ArgumentHelp(
            "Measure in the first steps how fast each worker is, and give slow ones fewer grains; the bits are the same "
                + "(docs/DISTRIBUTED.md)."))
    var balance: Bool?

    @Option(help: ArgumentHelp("The run's folder; default runs/NAME-N.", valueName: "DIR"))
    var out: String?

    @Option(
        help: ArgumentHelp(
            "auto: go on after the newest checkpoint in --out, or begin where there is none. PATH: after this checkpoint, or "
                + "the newest of this run.", valueName: "auto|PATH"))
    var resume: String?

    @Flag(help: "Replace a run that the folder holds.")
    var overwrite = false

    @Flag(inversion: .prefixedNo, help: "Record the run for TensorBoard in the folder's tensorboard/.")
    var tensorboard = true

    @Flag(help: "Print nothing but summary.json's contents, at the end.")
    var json = false

    @Flag(name: [.short, .long], help: "Print errors only.")
    var quiet = false

    func run() throws {
        if out == "" { throw Failure(.usage, "--out is empty: name the run's folder, or leave it out for runs/NAME-N") }
        if resume != nil && overwrite {
            throw Failure(.usage, "--resume goes on with a run and --overwrite removes it: leave one of them out")
        }
        var given = training.options
        given.isBalanced = balance
        checkpoints.apply(to: &given)
        let (path, request) = try resumePlace()
        if from != nil && (file != nil || resume != nil) {
            throw Failure(.usage, "--from has all options of a trial: leave CONFIG.yaml and --resume out")
        }
        let saved =
            try from.map { try TrialReference($0).options } ?? file.map { try TrainingOptions(contentsOf: $0) }
            ?? savedOptions(path, request)
        let options = given.overriding(saved ?? TrainingOptions())
        let name = options.datasetName.split(separator: "/").last.map(String.init) ?? "run"
        try Training(
            options: options, path: path ?? RunDirectory.unusedPath(base: "runs", name: name), overwrites: overwrite,
            resume: request, checkpoints: checkpoints, recordsForTensorBoard: tensorboard, workers: workers,
            shows: try .chosen(json: json, quiet: quiet)
        ).run()
    }

    /// The run's folder, where it is said, and how the run begins.
    private func resumePlace() throws -> (path: String?, ResumeRequest) {
        switch resume {
        case nil: return (out, .never)
        case "auto":
            guard out != nil else {
                throw Failure(.usage, "--resume auto needs --out, the folder of the run to go on with")
            }
            return (out, .auto)
        case let source?:
            // The folder of a run goes on in place.
            let isRun = RunDirectory.holdsRun(source)
            return isRun && (out ?? source) == source ? (source, .auto) : (out, .from(source))
        }
    }

    /// Without a file, a run that goes on has the options that it had.
    private func savedOptions(_ path: String?, _ request: ResumeRequest) throws -> TrainingOptions? {
        switch request {
        case .never: nil
        case .auto: try path.flatMap { try TrainingOptions(ofRun: $0) }
        case .from(let source): try TrainingOptions(ofCheckpoint: source)
        }
    }
}

/// A run of `train` or `resume`, from options to the end.
struct Training {
    let options: TrainingOptions
    let path: String
    let overwrites: Bool
    let resume: ResumeRequest
    let checkpoints: CheckpointArguments
    let recordsForTensorBoard: Bool
    let workers: Int?
    let shows: Shown

    /// What of a run is shown.
    enum Shown {
        case progress, summaryAsJSON, errors

        static func chosen(json: Bool, quiet: Bool) throws -> Shown {
            guard !(json && quiet) else {
                throw Failure(.usage, "--json prints and --quiet does not: leave one of them out")
            }
            return json ? .summaryAsJSON : quiet ? .errors : .progress
        }
    }

    func run() throws {
        let dataset = options.sharedDataset
        let configuration = try options.resolved(dataset: dataset)
        let environment = ProcessInfo.processInfo.environment
        let (shows, terminal) = (shows, Terminal(environment: environment))
        let control = RunControl()
        let records = recordsForTensorBoard
        let run = TrainingRun(
            configuration, dataset: dataset, kernels: try KernelSelection.select(environment: environment), path: path,
            overwrites: overwrites, resume: resume, allowsOtherNumerics: checkpoints.otherNumerics,
            stopAfter: try checkpoints.stopInterval(), control: control
        ) {
            let observer: any TrainingObserver =
                switch shows {
                case .progress: TrainingDisplay(terminal)
                case .summaryAsJSON, .errors: SilentObserver(printsSummary: shows == .summaryAsJSON)
                }
            return records ? TensorBoardRecorder(observer) : observer
        }
        SignalWatch.start(control, isAlone: !Launcher.detect(environment: environment).isLaunched)
        _ = try onWorkers(workers) { communicator in try run.run(communicator) }
    }
}

/// `--quiet` and `--json`.
private struct SilentObserver: TrainingObserver {
    let printsSummary: Bool

    func started(_ start: TrainingStart) {}
    func stepped(_ progress: TrainingProgress) {}
    func finishedEpoch(_ epoch: Int, of epochs: Int, points: [MetricsPoint]) {}
    func warned(_ warning: String) {}

    func finished(_ summary: TrainingSummary, path: String) {
        // It was written as JSON just now.
        guard printsSummary, let text = try? summary.json(pretty: true) else { return }
        Output.line(text)
    }
}
