import ArgumentParser
import Communication
import Errors
import Foundation
import Kernels
import Sweeps
import Training

struct SweepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep", abstract: "Search many configurations of a file, one after the other, and compare them.",
        subcommands: [Run.self, List.self, Best.self, Status.self], defaultSubcommand: Run.self)

    struct Run: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run the trials of a file; the same command again goes on where it was interrupted.",
            discussion: """
                FILE is a sweep file of Weights & Biases, in YAML or JSON, with method grid, random, bayes or tpe;
                docs/SWEEPS.md describes it. Parameters are options of train; those on the command line hold for all
                trials. Each trial's folder is a run as train writes it.
                """)

        @Argument(help: ArgumentHelp("Parameters and their values as YAML.", valueName: "FILE"))
        var file: String

        @OptionGroup var training: TrainingArguments

        @Option(parsing: .unconditional, help: "Threads, when not under mpirun; default: the cores.")
        var workers: Int?

        @Option(help: ArgumentHelp("The sweep's folder; default runs/NAME-N.", valueName: "DIR"))
        var out: String?

        @Flag(help: "Print the trials and what they will cost, and train nothing.")
        var dryRun = false

        @Flag(help: "Run failed trials again.")
        var retryFailed = false

        @Flag(name: [.short, .long], help: "Print errors only.")
        var quiet = false

        func run() throws {
            let text = try read()
            let plan = try SweepPlan(SweepDefinition(yaml: text, path: file), overrides: training.options)
            let environment = ProcessInfo.processInfo.environment
            let kernels = try KernelSelection.select(environment: environment)
            if out == "" {
                throw Failure(.usage, "--out is empty: name the sweep's folder, or leave it out for runs/NAME-N")
            }
            let name = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
            if dryRun { return try SweepPreview(plan, kernels: kernels, workers: workers).show() }
            let path = out ?? RunDirectory.unusedPath(base: "runs", name: name)
            let display = quiet ? nil : Terminal(environment: environment)
            let control = RunControl()
            let sweep = SweepRun(
                plan, text: text, path: path, retriesFailed: retryFailed, kernels: kernels, control: control
            ) { SweepDisplay(display) }
            SignalWatch.start(control, isAlone: !Launcher.detect(environment: environment).isLaunched)
            _ = try onWorkers(workers) { communicator in
                let records = try sweep.run(communicator)
                try communicator.onRoot {
                    if let display { Output.line(SweepTable(plan, records).text(width: display.width ?? 80)) }
                    guard let failed = records.first(where: { $0.state == .failed }),
                        !records.contains(where: { $0.state == .finished })
                    else { return }
                    throw Failure(.data, "all \(records.count) trials failed; the first: \(failed.reason ?? "")")
                }
            }
        }

        private func read() throws -> String {
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
