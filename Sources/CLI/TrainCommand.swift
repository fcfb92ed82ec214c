import ArgumentParser
import Communication
import Errors
import Foundation
import Kernels
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

    @OptionGroup var training: TrainingArguments

    @Option(parsing: .unconditional, help: "Threads, when not under mpirun; default: the cores.")
    var workers: Int?

    @Option(help: ArgumentHelp("The run's folder; default runs/NAME-N.", valueName: "DIR"))
    var out: String?

    @Flag(help: "Replace a run that the folder holds.")
    var overwrite = false

    @Flag(name: [.short, .long], help: "Print errors only.")
    var quiet = false

    func run() throws {
        let fromFile = try file.map { try TrainingOptions(contentsOf: $0) } ?? TrainingOptions()
        let options = training.options.overriding(fromFile)
        let dataset = options.sharedDataset
        let configuration = try options.resolved(dataset: dataset)
        let environment = ProcessInfo.processInfo.environment
        let kernels = try KernelSelection.select(environment: environment)
        let name = configuration.dataset.split(separator: "/").last.map(String.init) ?? "run"
        if out == "" { throw Failure(.usage, "--out is empty: name the run's folder, or leave it out for runs/NAME-N") }
        let path = out ?? RunDirectory.unusedPath(base: "runs", name: name)
        let display = quiet ? nil : Terminal(environment: environment)
        let run = TrainingRun(
            configuration, dataset: dataset, kernels: kernels, path: path, overwrites: overwrite
        ) {
            if let display { TrainingDisplay(display) } else { SilentObserver() }
        }
        _ = try onWorkers(workers) { communicator in try run.run(communicator) }
    }
}

/// `--quiet`.
private struct SilentObserver: TrainingObserver {
    func started(_ start: TrainingStart) {}
    func stepped(_ progress: TrainingProgress) {}
    func finishedEpoch(_ epoch: Int, of epochs: Int, points: [MetricsPoint]) {}
    func warned(_ warning: String) {}
    func finished(_ summary: TrainingSummary, path: String) {}
}
