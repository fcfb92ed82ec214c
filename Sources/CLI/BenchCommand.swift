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
}
