import ArgumentParser
import Errors
import Foundation
import Sweeps
import Training

extension SweepCommand {
    struct Best: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the best trial of a sweep's folder, or the best ones.")

        @Argument(help: ArgumentHelp("The folder that `sweep run` wrote.", valueName: "DIR"))
        var folder: String

        @Option(help: ArgumentHelp("Show the best N as a table.", valueName: "N"))
        var top: Int?

        @Flag(help: "Print one JSON document.")
        var json = false

        func run() throws {
            if let top, top < 1 { throw Failure(.usage, "--top \(top): at least 1 is needed") }
            let contents = try SweepDirectory.read(folder)
            let plan = contents.plan
            var query = TrialQuery()
            query.states = [.finished]
            query.order = .value
            query.limit = top ?? 1
            let best = try query.records(of: contents.records, plan)
            guard let first = best.first, first.value != nil else {
                throw Failure(.data, "\(folder): no trial has finished yet, so there is no best one")
            }
            if top != nil {
                let terminal = Terminal(environment: ProcessInfo.processInfo.environment)
                if json { return Output.line(try Trials(trials: best).json(pretty: true)) }
                Output.line(SweepTable(plan, best, summarizesSeeds: false).text(width: terminal.width))
                return
            }
            if json { return Output.line(try first.json(pretty: true)) }
            let metric = plan.definition.metric.name
            Output.line(
                "trial \(first.number) of \(contents.records.count): \(metric) \(first.value.map { "\($0)" } ?? "")")
            for (option, value) in first.trial.parameters where plan.varying.contains(option) {
                Output.line("  \(option): \(value.text)")
            }
            Output.line("run in \(folder)/\(first.folder), sha256 \(first.parametersSHA256 ?? "")")
        }
    }
}
