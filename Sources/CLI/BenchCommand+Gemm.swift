import ArgumentParser
import Communication
import Foundation
import Kernels

extension BenchCommand {
    struct Gemm: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Matrix products on one core, against the FMA peak that is measured first.",
            discussion: """
                The products of the steps of bench step --suite networks, for the batch and for half of it ("/ 2", as \
                each of two workers has it), and large ones. Where OpenBLAS is installed (Debian: \
                libopenblas0-pthread) it computes the same with one thread, in turn.
                """)

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
                    if !json { Output.line(Self.heading(benchmark, kernels.instructionSet.rawValue)) }
                    let results = benchmark.run()
                    Output.line(try json ? results.json(pretty: true) : Self.table(results))
                }
            }
        }

        static func heading(_ benchmark: MatrixBenchmark, _ instructionSet: String) -> String {
            let peak = "\(instructionSet): FMA peak \(Text.fixed(benchmark.peak * 1e-9, 1)) GFLOP/s"
            guard let library = benchmark.openBLAS else {
                return peak + "\nOpenBLAS is not installed (libopenblas.so.0): nothing to compare with"
            }
            return peak + "\nbeside it OpenBLAS \(library.version), one thread, its kernels for \(library.coreName)"
        }

        static func table(_ results: [MatrixBenchmark.Result]) -> String {
            let isCompared = results.contains { $0.openBLASFractionOfPeak != nil }
            let header =
                Text.padded("", 17) + Text.padded("form", 18) + "     m      n      k   GFLOP/s   of peak"
                + (isCompared ? "  OpenBLAS" : "")
            let rows = results.map { result in
                Text.padded(result.name, 17) + Text.padded(result.transpose, 18) + Text.right("\(result.m)", 6)
                    + Text.right("\(result.n)", 7) + Text.right("\(result.k)", 7)
                    + Text.right(Text.fixed(result.gflops, 1), 10) + Text.right(percent(result.fractionOfPeak), 10)
                    + (result.openBLASFractionOfPeak.map { Text.right(percent($0), 10) } ?? "")
            }
            return ([header] + rows).joined(separator: "\n")
        }

        private static func percent(_ fraction: Double) -> String { Text.fixed(fraction * 100, 1) + " %" }
    }
}
