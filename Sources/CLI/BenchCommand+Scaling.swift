import ArgumentParser
import Communication
import Errors
import Foundation
import Kernels
import Reports
import Training

extension BenchCommand {
    struct Scaling: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "How training scales: a model from measurements, beside a measured step, up to 4,096 workers.",
            discussion: """
                Measured are one worker's step with the batch and parts of it, the reduction in a host's memory, and messages \
                between hosts; from these follows the step on any number of workers (docs/DISTRIBUTED.md has the formulas). \
                Start it with mpirun on two hosts or more to measure the way between them.
                """)

        @OptionGroup var training: TrainingArguments

        @Option(
            help: ArgumentHelp(
                "Instead of --model: one of \(BenchmarkNetwork.all.map(\.name).joined(separator: ", ")).",
                valueName: "NAME"))
        var suite: String?

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp("Workers of a host in the predictions; default: as now.", valueName: "N"))
        var perHost: Int?

        @Option(
            parsing: .unconditional,
            help: ArgumentHelp("Predictions up to so many workers, to 65536; default 4096.", valueName: "N"))
        var upTo = 4_096

        @Option(
            help: ArgumentHelp(
                "Predict for hosts whose link carries so many megabytes a second each way, instead of what is measured.",
                valueName: "MB/S"))
        var linkRate: Double?

        @Option(
            help: ArgumentHelp(
                "With --link-rate: microseconds until a short message is there; default: as measured, else 30. A further "
                    + "message takes 5 where that cannot be measured.", valueName: "µS"))
        var linkLatency: Double?

        @Option(parsing: .unconditional, help: "Threads, when not under mpirun; default: the cores.")
        var workers: Int?

        @Option(help: ArgumentHelp("Write a page with the curves.", valueName: "FILE.html"))
        var plot: String?

        @Flag(help: "Print one JSON document.")
        var json = false

        func run() throws {
            guard (1...65_536).contains(upTo), perHost.map({ (1...4_096).contains($0) }) ?? true else {
                throw Failure(.usage, "--up-to is 1 to 65536, --per-host 1 to 4096")
            }
            guard linkRate.map({ $0 > 0 && $0.isFinite }) ?? true else {
                throw Failure(.usage, "--link-rate \(linkRate ?? 0): a number above 0 is needed")
            }
            guard linkLatency.map({ $0 >= 0 && $0.isFinite }) ?? true, linkLatency == nil || linkRate != nil else {
                throw Failure(.usage, "--link-latency is 0 or more, and goes with --link-rate")
            }
            let options = try Step.checkedOptions(training.options, suite: suite)
            let dataset = options.sharedDataset
            let kernels = try KernelSelection.select(environment: ProcessInfo.processInfo.environment)
            let steps: StepBenchmark
            if let suite {
                let networks = try BenchmarkNetwork.suite(suite)
                guard let network = networks.first, networks.count == 1 else {
                    throw Failure(.usage, "--suite \(suite): one network is needed")
                }
                steps = StepBenchmark(
                    try network.configured(options), name: network.name, dataset: dataset, kernels: kernels)
            } else {
                var options = options
                options.epochs = options.epochs ?? 1
                steps = StepBenchmark(try options.resolved(dataset: dataset), dataset: dataset, kernels: kernels)
            }
            let benchmark = ScalingBenchmark(steps, seconds: 0.5, meansHosts: linkRate != nil)
            let (perHost, upTo, plot, json) = (perHost, upTo, plot, json)
            let (linkRate, linkLatency) = (linkRate, linkLatency)
            _ = try onWorkers(workers) { communicator in
                let result = try benchmark.run(communicator)
                try communicator.onRoot {
                    var model = result.model
                    if let linkRate {
                        let isMeasured = result.hosts.count > 1
                        model.link.perByte = 1 / linkRate
                        model.link.latency = linkLatency ?? (isMeasured ? model.link.latency : 30)
                        if !isMeasured { model.perMessage = 5 }
                    }
                    let most = result.hosts.max()!
                    guard most > 1 || perHost ?? 1 == 1 else {
                        throw Failure(
                            .usage,
                            "--per-host \(perHost!): hosts' memory is measured where one has two workers or more")
                    }
                    let table = ScalingTable(result: result, model: model, perHost: perHost ?? most, upTo: upTo)
                    if json { try Output.json(table) } else { Output.line(Self.text(table)) }
                    if let plot { try ScalingPage(table).write(to: plot) }
                }
            }
        }

        static func text(_ table: ScalingTable) -> String {
            let (result, model) = (table.result, table.model)
            func whole(_ value: Double) -> String { Text.fixed(value, 0) }
            var lines = [
                result.network,
                "batch \(grouped(result.batchSize)), \(Text.plural(model.grainCount, "grain")) of \(model.grainSize); "
                    + "\(grouped(model.parameters)) parameters; \(result.instructionSet)",
                "one worker: \(whole(result.aloneMicroseconds)) µs a step; beside the others "
                    + "\(whole(model.compute.last!.microseconds)) + \(whole(model.update)) µs, "
                    + "± \(Text.fixed(model.spread * 100, 1)) %",
            ]
            if result.hosts.contains(where: { $0 > 1 }) {
                lines.append("a host's memory: \(AllReduce.costText(model.memory)) of parameters")
            }
            if result.hosts.count > 1 {
                lines.append("between hosts: \(AllReduce.costText(model.link));")
                lines.append("  \(Text.fixed(model.perMessage, 1)) µs for each further message")
                if result.predicted.overlapped > 0 {
                    lines.append("  \(whole(result.predicted.overlapped)) µs of it during the backward pass")
                }
            } else {
                lines.append(
                    table.model.link.perByte > 0
                        ? "one host: the link is as given" : "one host: predictions end where it does")
            }
            let difference = result.predicted.microseconds / result.measuredMicroseconds - 1
            lines.append(
                "\(Text.plural(result.predicted.workers, "worker")) on \(Text.plural(result.hosts.count, "host")): "
                    + "\(whole(result.measuredMicroseconds)) µs a step measured, "
                    + "\(whole(result.predicted.microseconds)) predicted (\(difference < 0 ? "" : "+")"
                    + "\(Text.fixed(difference * 100, 1)) %)")
            for (title, rows) in [
                ("the same batch on more workers", table.sameBatch),
                ("as many grains for each worker", table.growingBatch),
            ] {
                lines.append("")
                lines.append(title)
                lines.append(
                    Text.right("workers", 8) + Text.right("hosts", 6) + Text.right("batch", 9)
                        + Text.right("µs", 9) + Text.right("compute", 9) + Text.right("move", 8)
                        + Text.right("wait", 7) + Text.right("samples/s", 12) + Text.right("eff.", 6)
                        + Text.right("MPI", 6))
                for row in rows {
                    let step = row.prediction
                    lines.append(
                        Text.right("\(step.workers)", 8) + Text.right("\(step.hosts)", 6)
                            + Text.right("\(step.samples)", 9) + Text.right(whole(step.microseconds), 9)
                            + Text.right(whole(step.compute + step.update), 9)
                            + Text.right(whole(step.memory + step.link), 8)
                            + Text.right(whole(step.stragglers), 7)
                            + Text.right(Self.rate(step.samplesPerSecond), 12)
                            + Text.right(Text.fixed(row.efficiency, 2), 6)
                            + Text.right(Text.fixed(row.plainEfficiency, 2), 6))
                }
            }
            return lines.joined(separator: "\n")
        }

        /// From a thousand million on in millions, so that its column holds it: `22,442 M`.
        private static func rate(_ samplesPerSecond: Double) -> String {
            samplesPerSecond < 1e9
                ? grouped(Int(samplesPerSecond)) : grouped(Int(samplesPerSecond * 1e-6)) + " M"
        }
    }
}
