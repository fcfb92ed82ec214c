import ArgumentParser
import Communication
import Errors
import Foundation
import Kernels
import Training

extension BenchCommand {
    struct AllReduce: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "allreduce",
            abstract: "What summing gradients over all workers costs: by the tree, and by MPI_Allreduce.",
            discussion: """
                Each worker writes its gradients anew; then is measured until all have the updated parameters. The tree gives the \
                same bits for any number of workers, MPI_Allreduce does not. Medians; lines are fitted to them. Start it with \
                mpirun on the ranks and hosts in question.
                """)

        @Option(
            help: ArgumentHelp(
                "Numbers of parameters, with commas; default 1024,16384,109386,524288,1860618.", valueName: "N,N,…"))
        var parameters: String?

        @Option(
            parsing: .unconditional, help: ArgumentHelp("Grains of a batch, 1 to 4096; default 8.", valueName: "N"))
        var grains = 8

        @Option(
            parsing: .unconditional, help: ArgumentHelp("Measurements of each, 1 to 10000; default 51.", valueName: "N")
        )
        var repetitions = 51

        @Option(parsing: .unconditional, help: "Threads, when not under mpirun; default: the cores.")
        var workers: Int?

        @Flag(help: "Print one JSON document.")
        var json = false

        struct Report: Encodable {
            let workers: Int
            /// Workers of each.
            let hosts: [Int]
            let grains: Int
            let results: [ReductionBenchmark.Result]
            /// Microseconds, by bytes of parameters.
            let tree: CostLine
            let plain: CostLine?
        }

        func run() throws {
            guard (1...4_096).contains(grains) else {
                throw Failure(.usage, "--grains \(grains): a number from 1 to 4096 is needed")
            }
            guard (1...10_000).contains(repetitions) else {
                throw Failure(.usage, "--repetitions \(repetitions): a number from 1 to 10000 is needed")
            }
            let counts = try parameters.map(Self.counts) ?? [1_024, 16_384, 109_386, 524_288, 1_860_618]
            let kernels = try KernelSelection.select(environment: ProcessInfo.processInfo.environment)
            let benchmark = ReductionBenchmark(grainCount: grains, repetitions: repetitions, kernels: kernels)
            let (json, grains) = (json, grains)
            _ = try onWorkers(workers) { communicator in
                var results: [ReductionBenchmark.Result] = []
                for count in counts { results.append(try benchmark.run(parameters: count, communicator)) }
                guard communicator.rank == 0 else { return }
                func line(_ time: (ReductionBenchmark.Result) -> Double?) -> CostLine? {
                    let points = results.compactMap { result in
                        time(result).map { (bytes: Double(result.parameters) * 4, microseconds: $0) }
                    }
                    return points.isEmpty ? nil : CostLine(fitting: points)
                }
                let report = Report(
                    workers: communicator.size, hosts: communicator.hostMembers.map(\.count), grains: grains,
                    results: results, tree: line { $0.treeMicroseconds }!, plain: line { $0.plainMicroseconds })
                if json { try Output.json(report) } else { Output.line(Self.text(report)) }
            }
        }

        private static func counts(_ text: String) throws -> [Int] {
            try text.split(separator: ",", omittingEmptySubsequences: false).map { word in
                guard let count = Int(word), (1...(1 << 28)).contains(count) else {
                    throw Failure(.usage, "--parameters \(text): numbers from 1 to \(1 << 28) with commas are needed")
                }
                return count
            }
        }

        private static func text(_ report: Report) -> String {
            var lines = [
                "\(Text.plural(report.workers, "worker")) on \(Text.plural(report.hosts.count, "host")), "
                    + Text.plural(report.grains, "grain"),
                Text.right("parameters", 12) + Text.right("MB", 9) + Text.right("tree, µs", 12)
                    + Text.right("MPI, µs", 12) + Text.right("MPI / tree", 12) + Text.right("sent by a host, MB", 21),
            ]
            for result in report.results {
                let plain = result.plainMicroseconds
                lines.append(
                    Text.right(grouped(result.parameters), 12)
                        + Text.right(Text.fixed(Double(result.parameters) * 4e-6, 3), 9)
                        + Text.right(Text.fixed(result.treeMicroseconds, 1), 12)
                        + Text.right(plain.map { Text.fixed($0, 1) } ?? "", 12)
                        + Text.right(plain.map { Text.fixed($0 / result.treeMicroseconds, 2) } ?? "", 12)
                        + Text.right(Text.fixed(Double(result.hostPayloadBytes) * 1e-6, 3), 21))
            }
            lines.append("tree: \(costText(report.tree)) of parameters")
            if let plain = report.plain { lines.append("MPI: \(costText(plain)) of parameters") }
            return lines.joined(separator: "\n")
        }

        static func costText(_ line: CostLine) -> String {
            "\(Text.fixed(line.latency, 1)) µs + \(Text.fixed(line.perByte * 1e6, 1)) µs for each MB"
        }
    }
}
