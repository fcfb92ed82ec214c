import ArgumentParser
import Communication
import Errors
import Foundation
import Kernels
import Reports
import Sweeps
import Training

struct SweepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep", abstract: "Search many configurations of a file side by side, and compare them.",
        subcommands: [Run.self, List.self, Best.self, Status.self], defaultSubcommand: Run.self)

    struct Run: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run the trials of a file; the same command again goes on where it was interrupted.",
            discussion: """
                FILE is a sweep file of Weights & Biases, in YAML or JSON, with method grid, random, bayes or tpe;
                docs/SWEEPS.md describes it. Parameters are options of train; those on the command line hold for all
                trials. Each worker trains a trial of its own, or --ranks-per-trial of them share one; the results are
                the same. Each trial's folder is a run as train writes it.
                """)

        @Argument(help: ArgumentHelp("Parameters and their values as YAML.", valueName: "FILE"))
        var file: String?

        @Option(help: ArgumentHelp("Instead of FILE: go on with the sweep in this folder.", valueName: "DIR"))
        var resume: String?

        @OptionGroup var training: TrainingArguments

        @Option(parsing: .unconditional, help: "Threads, when not under mpirun; default: the cores.")
        var workers: Int?

        @Option(
            name: [.customLong("ranks-per-trial"), .customLong("workers-per-trial")],
            help: ArgumentHelp("Ranks or threads that share a trial; default 1.", valueName: "N"))
        var ranksPerTrial = 1

        @Option(
            help: ArgumentHelp(
                "Of so many of the best trials the weights stay on the disk, or of all (default); the others can be "
                    + "trained again with train --from.", valueName: "N|all"))
        var keepWeights = "all"

        @Option(help: ArgumentHelp("The sweep's folder; default runs/NAME-N.", valueName: "DIR"))
        var out: String?

        @Flag(help: "Print the trials and what they will cost, and train nothing.")
        var dryRun = false

        @Flag(help: "Run failed trials again.")
        var retryFailed = false

        @Flag(name: [.short, .long], help: "Print errors only.")
        var quiet = false

        @Flag(help: "Print one JSON document at the end: the trials, as sweep list --json does.")
        var json = false

        func run() throws {
            let environment = ProcessInfo.processInfo.environment
            let kernels = try KernelSelection.select(environment: environment)
            guard ranksPerTrial >= 1 else {
                throw Failure(.usage, "--ranks-per-trial \(ranksPerTrial): at least one worker trains a trial")
            }
            let kept = Int(keepWeights)
            guard keepWeights == "all" || kept ?? -1 >= 0 else {
                throw Failure(.usage, "--keep-weights \(keepWeights): a number of trials, or all")
            }
            if out == "" {
                throw Failure(.usage, "--out is empty: name the sweep's folder, or leave it out for runs/NAME-N")
            }
            let (plan, text, path) = try self.plan()
            guard !json || (!quiet && !dryRun) else {
                throw Failure(.usage, "--json prints the trials: neither --quiet nor --dry-run goes with it")
            }
            if dryRun {
                return try SweepPreview(plan, kernels: kernels, workers: workers, workersPerTrial: ranksPerTrial).show()
            }
            let display = quiet || json ? nil : Terminal(environment: environment)
            let control = RunControl()
            let sweep = SweepRun(
                plan, text: text, path: path, retriesFailed: retryFailed, workersPerTrial: ranksPerTrial,
                keptWeights: kept, kernels: kernels, control: control
            ) { SweepDisplay(display) }
            SignalWatch.start(
                control, isAlone: !Launcher.detect(environment: environment).isLaunched,
                loss: "trials under way go on from their last checkpoints, or begin again")
            _ = try onWorkers(workers) { communicator in
                let records = try sweep.run(communicator)
                try communicator.onRoot {
                    if json { Output.text(try Trials(trials: records).json(pretty: true) + "\n") }
                    if let display { Output.line(SweepTable(plan, records).text(width: display.width ?? 80)) }
                    Self.recordForTensorBoard(path)
                    guard let failed = records.first(where: { $0.state == .failed }),
                        !records.contains(where: { $0.state == .finished })
                    else { return }
                    throw Failure(.data, "all \(records.count) trials failed; the first: \(failed.reason ?? "")")
                }
            }
        }

        /// What cannot be written is no reason to end a sweep that is over.
        private static func recordForTensorBoard(_ path: String) {
            do {
                let folder = "\(path)/\(TensorBoardLog.folderName)"
                try SweepEvents(SweepDirectory.read(path), path: path).write(to: folder)
            } catch {
                Output.error(
                    "lockstep: warning: \(Failure(wrapping: error).message); TensorBoard does without the sweep")
            }
        }

        /// What is to be run, the file's text, and the sweep's folder.
        private func plan() throws -> (SweepPlan, text: String, path: String) {
            guard let resume else {
                guard let file else {
                    throw Failure(.usage, "a sweep's FILE is missing; or --resume DIR goes on with one")
                }
                let text = try Self.read(file)
                let plan = try SweepPlan(SweepDefinition(yaml: text, path: file), overrides: training.options)
                let name = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
                return (plan, text, out ?? RunDirectory.unusedPath(base: "runs", name: name))
            }
            guard file == nil, out == nil, training.options.given.isEmpty else {
                throw Failure(
                    .usage, "--resume \(resume) goes on as the sweep began: no FILE, no --out and no options of train")
            }
            let contents = try SweepDirectory.read(resume)
            return (contents.plan, contents.text, resume)
        }

        private static func read(_ file: String) throws -> String {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder) else {
                throw Failure(.inputNotFound, "\(file): no such file; `sweep` takes a YAML or JSON file of parameters")
            }
            guard !isFolder.boolValue else {
                throw Failure(.data, "\(file) is a folder; `sweep` takes a YAML file (`sweep list DIR` shows a folder)")
            }
            guard let bytes = FileManager.default.contents(atPath: file) else {
                throw Failure(.inputOutput, "\(file): cannot be read")
            }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw Failure(.data, "\(file): is not UTF-8 text")
            }
            return text
        }
    }
}
