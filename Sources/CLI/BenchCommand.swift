import ArgumentParser
import Communication
import Errors
import Foundation
import Kernels
import Training

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure kernels and training steps.", subcommands: [Gemm.self, Step.self])

    struct Gemm: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Matrix products on one core, against the FMA peak that is measured first.")

        @Flag(help: "Print one JSON document.")
        var json = false

        func run() throws {
            let kernels = try KernelSelection.select(environment: ProcessInfo.processInfo.environment)
            let json = json
            let isLaunched = Launcher.detect(environment: ProcessInfo.processInfo.environment).isLaunched
            // Under mpirun the other ranks wait: what is measured is one core.
            _ = try onWorkers(isLaunched ? nil : 1) { communicator in
                try communicator.agree {
                    guard communicator.rank == 0 else { return }
                    let benchmark = MatrixBenchmark(kernels)
                    if !json {
                        Output.line(
                            "\(kernels.instructionSet.rawValue): FMA peak \(Text.fixed(benchmark.peak * 1e-9, 1)) GFLOP/s"
                        )
                    }
                    let results = benchmark.run()
                    Output.line(try json ? results.json(pretty: true) : Self.table(results))
                }
            }
        }

        static func table(_ results: [MatrixBenchmark.Result]) -> String {
            let header = "   form      m      n      k   GFLOP/s   of peak"
            let rows = results.map { result in
                Text.right(result.transpose, 7) + Text.right("\(result.m)", 7) + Text.right("\(result.n)", 7)
                    + Text.right("\(result.k)", 7) + Text.right(Text.fixed(result.gflops, 1), 10)
                    + Text.right(Text.fixed(result.fractionOfPeak * 100, 1) + " %", 10)
            }
            return ([header] + rows).joined(separator: "\n")
        }
    }

    struct Step: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Training steps on data in memory: samples per second, share of peak, time by phase.",
            discussion: "--epochs says how many are measured after one that warms up; default 7, the median counts.")

        @OptionGroup var training: TrainingArguments

        @Option(parsing: .unconditional, help: "Threads, when not under mpirun; default: the cores.")
        var workers: Int?

        @Flag(help: "Print one JSON document.")
        var json = false

        func run() throws {
            var options = training.options
            let ignored = [
                "steps": options.steps != nil, "validation-split": options.validationSplit != nil,
                "hash-every": options.hashEvery != nil, "metric": options.metric != nil,
                "patience": options.patience != nil,
            ]
            if let name = ignored.keys.sorted().first(where: { ignored[$0] == true }) {
                throw Failure(.usage, "--\(name) has no meaning for bench step: it trains whole epochs on all samples")
            }
            options.epochs = options.epochs ?? 7
            let configuration = try options.resolved()
            let kernels = try KernelSelection.select(environment: ProcessInfo.processInfo.environment)
            let benchmark = StepBenchmark(configuration, kernels: kernels)
            let json = json
            _ = try onWorkers(workers) { communicator in
                let result = try benchmark.run(communicator)
                guard communicator.rank == 0 else { return }
                Output.line(try json ? [result].json(pretty: true) : Self.text(result))
            }
        }

        static func text(_ result: StepBenchmark.Result) -> String {
            let total = result.phases.reduce(0) { $0 + $1.microseconds }
            var lines = [
                "\(result.network), \(result.optimizer), batch \(result.batchSize), \(result.instructionSet)",
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
