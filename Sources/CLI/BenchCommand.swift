import ArgumentParser
import Communication
import Errors
import Foundation
import KernelContract
import Kernels
import Training

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure kernels and training steps.", subcommands: [Gemm.self, Step.self])

    struct Step: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Training steps on data in memory: samples per second, share of peak, time by phase.",
            discussion: "--epochs says how many are measured after one that warms up; default 7, the median counts.")

        @OptionGroup var training: TrainingArguments

        @Option(
            help: ArgumentHelp(
                "Instead of --model: networks, for all of \(BenchmarkNetwork.all.map(\.name).joined(separator: ", ")), or "
                    + "some of them with commas.", valueName: "NAME"))
        var suite: String?

        @Option(parsing: .unconditional, help: "Threads, when not under mpirun; default: the cores.")
        var workers: Int?

        @Flag(help: "Print one JSON document.")
        var json = false

        func run() throws {
            let (options, kernels) = (try checkedOptions(), try kernels())
            let dataset = options.sharedDataset
            let benchmarks: [StepBenchmark]
            if let suite {
                benchmarks = try BenchmarkNetwork.suite(suite).map {
                    StepBenchmark(try $0.configured(options), name: $0.name, dataset: dataset, kernels: kernels)
                }
            } else {
                var options = options
                options.epochs = options.epochs ?? 7
                benchmarks = [StepBenchmark(try options.resolved(dataset: dataset), dataset: dataset, kernels: kernels)]
            }
            let json = json
            _ = try onWorkers(workers) { communicator in
                var results: [StepBenchmark.Result] = []
                for benchmark in benchmarks {
                    let result = try benchmark.run(communicator)
                    guard communicator.rank == 0 else { continue }
                    results.append(result)
                    if !json { Output.line((results.count > 1 ? "\n" : "") + Self.text(result)) }
                }
                if json && communicator.rank == 0 { Output.line(try results.json(pretty: true)) }
            }
        }

        private func kernels() throws -> any KernelSet {
            try KernelSelection.select(environment: ProcessInfo.processInfo.environment)
        }

        /// What is given without what has no meaning here.
        private func checkedOptions() throws -> TrainingOptions {
            let options = training.options
            let ignored = [
                "steps": options.steps != nil, "validation-split": options.validationSplit != nil,
                "hash-every": options.hashEvery != nil, "metric": options.metric != nil,
                "patience": options.patience != nil,
            ]
            if let name = ignored.keys.sorted().first(where: { ignored[$0] == true }) {
                throw Failure(.usage, "--\(name) has no meaning for bench step: it trains whole epochs on all samples")
            }
            let decided = [
                ("model", options.model != nil), ("family", options.family.family != nil),
                ("batch-size", options.batchSize != nil), ("optimizer", options.optimizer != nil),
                ("target", options.target != nil),
            ]
            if suite != nil, let name = decided.first(where: \.1)?.0 {
                throw Failure(.usage, "--\(name) and --suite exclude each other: the suite says what is trained")
            }
            return options
        }

        static func text(_ result: StepBenchmark.Result) -> String {
            let total = result.phases.reduce(0) { $0 + $1.microseconds }
            var lines = [
                (result.name.map { "\($0): " } ?? "")
                    + "\(result.network), \(result.optimizer), batch \(result.batchSize), \(result.instructionSet)",
                "\(Text.plural(result.workers, "worker")): \(grouped(Int(result.samplesPerSecond))) samples/s "
                    + "(\(grouped(Int(result.slowest))) to \(grouped(Int(result.fastest)))), "
                    + "\(Text.fixed(result.fractionOfPeak * 100, 1)) % of peak",
                "a step of worker 0, µs:",
            ]
            for phase in result.phases {
                lines.append(
                    "  " + Text.padded(phase.name, 10) + Text.right(Text.fixed(phase.microseconds, 1), 8)
                        + Text.right(Text.fixed(phase.microseconds / total * 100, 0) + " %", 7))
            }
            return (lines + ["  " + Text.padded("sum", 10) + Text.right(Text.fixed(total, 1), 8)]).joined(
                separator: "\n")
        }
    }
}
