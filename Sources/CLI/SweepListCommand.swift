import ArgumentParser
import Errors
import Files
import Foundation
import Sweeps
import Training

extension SweepCommand {
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the trials of a sweep's folder, also while it runs.",
            discussion: """
                Names of --where are parameters, in any spelling that a sweep file may have, measures of the runs'
                summaries, value (of the metric), seconds and number. All conditions must hold.
                """)

        @Argument(help: ArgumentHelp("The folder that `sweep run` wrote.", valueName: "DIR"))
        var folder: String

        @Flag(help: "Print one JSON document.")
        var json = false

        @Flag(help: "Print the table as Markdown.")
        var markdown = false

        @Flag(help: "Print comma-separated values with a header (RFC 4180): every parameter and measure of each trial.")
        var csv = false

        @Option(help: "Only trials in these states: pending, running, finished, stopped, failed; separated by commas.")
        var state: String?

        @Option(
            name: .customLong("where"),
            help: ArgumentHelp(
                "Only trials for which this holds: \"optimizer=adam\", \"lr<=0.01\", \"value>0.9\"; may be repeated.",
                valueName: "CONDITION"))
        var conditions: [String] = []

        @Option(help: "Order: number, value (the best first) or seconds (the quickest first).")
        var sort: TrialQuery.Order = .number

        @Option(help: ArgumentHelp("Only the first N.", valueName: "N"))
        var limit: Int?

        @Option(help: ArgumentHelp("Write to a file instead of standard output.", valueName: "FILE"))
        var out: String?

        func run() throws {
            guard [json, markdown, csv].count(where: { $0 }) <= 1 else {
                throw Failure(.usage, "--json, --markdown and --csv exclude each other")
            }
            let query = try query()
            let contents = try SweepDirectory.read(folder)
            let records = try query.records(of: contents.records, contents.plan)
            let text = try text(contents.plan, records)
            guard let out else { return Output.text(text) }
            try AtomicFile.write([Array(text.utf8)], to: out)
        }

        private func query() throws -> TrialQuery {
            var query = TrialQuery()
            for word in (state ?? "").split(separator: ",").map(String.init) {
                guard let state = TrialRecord.State(rawValue: word.lowercased()) else {
                    let names = TrialRecord.State.allCases.map(\.rawValue)
                    let near = Spelling.nearest(to: word, in: names).map { "; did you mean \($0)?" } ?? ""
                    throw Failure(.usage, "--state \(word): is none of \(names.joined(separator: ", "))\(near)")
                }
                query.states.insert(state)
            }
            if let state, query.states.isEmpty { throw Failure(.usage, "--state \"\(state)\": names no state") }
            query.conditions = try conditions.map { try TrialQuery.Condition($0) }
            query.order = sort
            if let limit, limit < 1 { throw Failure(.usage, "--limit \(limit): at least 1 is needed") }
            query.limit = limit
            return query
        }

        private func text(_ plan: SweepPlan, _ records: [TrialRecord]) throws -> String {
            if json { return try Trials(trials: records).json(pretty: true) + "\n" }
            if csv { return TrialCSV(plan, records).text }
            // Rows in another order than that of the numbers are trials, not configurations.
            let table = SweepTable(plan, records, summarizesSeeds: sort == .number)
            let width = out == nil ? Terminal(environment: ProcessInfo.processInfo.environment).width : nil
            return (markdown ? table.markdown : table.text(width: width)) + "\n"
        }
    }

    struct Trials: Encodable {
        let trials: [TrialRecord]
    }
}

extension TrialQuery.Order: ExpressibleByArgument {}
