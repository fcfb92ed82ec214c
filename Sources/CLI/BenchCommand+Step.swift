import ArgumentParser
import Communication
import Errors
import Foundation
import KernelContract
import Kernels
import Training

extension BenchCommand {
    struct Step: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Training steps on data in memory: samples per second, share of peak, time by phase.",
            discussion: """
                --epochs says how many are measured after one that warms up; default 7, the median counts. A phase's share \
                of the roofline is what the machine would need for its arithmetic at the FMA peak, or for copying as many \
                bytes as the phase must read and write, against what all workers need; zeros that are skipped count too.
                """)

        @OptionGroup var training: TrainingArguments

        @Option(
            help: ArgumentHelp(
                "Instead of --model: networks, for all of \(BenchmarkNetwork.all.map(\.name).joined(separator: ", ")), or "
                    + "some of them with commas.", valueName: "NAME"))
        var suite: String?

        @Option(parsing: .unconditional, help: "Threads, when not under mpirun; default: the cores.")
        var workers: Int?

        @Option(
            help: ArgumentHelp(
                "Write the last steps, one row per worker, for chrome://tracing or ui.perfetto.dev.", valueName: "FILE")
        )
        var trace: String?

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp("Steps that --trace writes, 1 to 10000; default 50.", valueName: "N"))
        var traceSteps: Int?

        @Flag(help: "Print one JSON document.")
        var json = false

        func run() throws {
            let (options, kernels) = (try Self.checkedOptions(training.options, suite: suite), try kernels())
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
            let (json, path, stepLimit) = (json, trace, try checkedTraceSteps())
            _ = try onWorkers(workers) { communicator in
                var trace = path.map { _ in StepTrace(stepLimit: stepLimit) }
                try communicator.onRoot { if let path { try trace?.prepare(path) } }
                var results: [StepBenchmark.Result] = []
                for benchmark in benchmarks {
                    let result = try benchmark.run(communicator, trace: &trace)
                    guard communicator.rank == 0 else { continue }
                    results.append(result)
                    if !json { Output.line((results.count > 1 ? "\n" : "") + Self.text(result)) }
                }
                if json && communicator.rank == 0 { Output.line(try results.json(pretty: true)) }
                try communicator.onRoot { if let path { try trace?.write(to: path) } }
            }
        }

        private func checkedTraceSteps() throws -> Int {
            guard let steps = traceSteps else { return 50 }
            guard trace != nil else { throw Failure(.usage, "--trace-steps needs --trace FILE") }
            guard (1...10_000).contains(steps) else {
                throw Failure(.usage, "--trace-steps \(steps): a number from 1 to 10000 is needed")
            }
            return steps
        }

        private func kernels() throws -> any KernelSet {
            try KernelSelection.select(environment: ProcessInfo.processInfo.environment)
        }

        /// What is given without what has no meaning here.
        static func checkedOptions(_ options: TrainingOptions, suite: String?) throws -> TrainingOptions {
            let ignored = [
                "steps": options.steps != nil, "validation-split": options.validationSplit != nil,
                "fold": options.fold != nil, "stratified": options.isStratified != nil,
                "samples": options.samples != nil, "subset": options.subset != nil,
                "hash-every": options.hashEvery != nil,
                "histogram-every": options.histogramEvery != nil, "metric": options.metric != nil,
                "patience": options.patience != nil,
            ]
            if let name = ignored.keys.sorted().first(where: { ignored[$0] == true }) {
                throw Failure(.usage, "--\(name) has no meaning for a benchmark, which trains on all samples")
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
            let isAlone = result.workers == 1
            var lines = [
                (result.name.map { "\($0): " } ?? "")
                    + "\(result.network), \(result.optimizer), batch \(result.batchSize), \(result.instructionSet)",
                "\(Text.plural(result.workers, "worker")): \(grouped(Int(result.samplesPerSecond))) samples/s "
                    + "(\(grouped(Int(result.slowest))) to \(grouped(Int(result.fastest)))), "
                    + "\(Text.fixed(result.fractionOfPeak * 100, 1)) % of peak",
                "steps: median \(Text.fixed(result.steps.median, 1)) µs, 5th percentile "
                    + "\(Text.fixed(result.steps.fifthPercentile, 1)), 95th "
                    + Text.fixed(result.steps.ninetyFifthPercentile, 1),
                Text.padded("a step" + (isAlone ? "" : " of worker 0"), 20) + Text.right("µs", 9)
                    + Text.right("share", 8)
                    + Text.right("roofline", 11) + (isAlone ? "" : Text.right("all workers, µs", 22)),
            ]
            func line(_ name: String, _ microseconds: Double, _ share: Double, _ rest: String) -> String {
                Text.padded("  " + name, 20) + Text.right(Text.fixed(microseconds, 1), 9)
                    + Text.right(Text.fixed(share * 100, 1) + " %", 8) + rest
            }
            for phase in result.phases {
                let roofline = phase.shareOfRoofline.map { Text.fixed($0 * 100, 0) + " %" } ?? ""
                let range =
                    "\(Text.fixed(phase.leastMicroseconds, 1)) to \(Text.fixed(phase.greatestMicroseconds, 1))"
                lines.append(
                    line(
                        phase.name, phase.microseconds, phase.shareOfStep,
                        isAlone
                            ? (roofline == "" ? "" : Text.right(roofline, 11))
                            : Text.right(roofline, 11) + Text.right(range, 22)))
            }
            lines.append(line("sum", result.phases.reduce(0) { $0 + $1.microseconds }, 1, ""))
            return lines.joined(separator: "\n")
        }
    }
}
