import ArgumentParser
import Errors
import Foundation
import Sweeps
import Training

extension SweepCommand {
    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Show how far a sweep is: counts, the best trial so far, what runs now, and about how long it takes.")

        @Argument(help: ArgumentHelp("The folder that `sweep run` wrote.", valueName: "DIR"))
        var folder: String

        @Flag(help: "Print one JSON document.")
        var json = false

        @Option(
            help: ArgumentHelp(
                "Write which group trained which trial when, for chrome://tracing or ui.perfetto.dev.",
                valueName: "FILE"))
        var trace: String?

        func run() throws {
            let contents = try SweepDirectory.read(folder)
            let timeline = SweepTimeline(contents.records, contents.sessions)
            if let trace { try timeline.trace.write(to: trace) }
            let status = SweepStatus(contents)
            if json { return Output.line(try status.json(pretty: true)) }
            let lines = head(status) + best(status) + running(status) + time(status) + idle(timeline)
            let width = Terminal(environment: ProcessInfo.processInfo.environment).width
            for line in lines { Output.line(width.map { line.wrapped(to: $0) } ?? line) }
        }

        private func head(_ status: SweepStatus) -> [String] {
            let definition = status.plan.definition
            let count = status.total.map { Text.plural($0, "trial") } ?? "trials until the target is reached"
            var words: [String] = []
            for state in TrialRecord.State.allCases.reversed() {
                let count = status.counts[state] ?? 0
                if count > 0 || state == .finished { words.append("\(grouped(count)) \(state.rawValue)") }
            }
            let name = definition.name.map { "\($0): " } ?? ""
            return ["\(name)\(count), method \(definition.method.rawValue)", words.joined(separator: ", ")]
        }

        private func best(_ status: SweepStatus) -> [String] {
            guard let best = status.best, let value = best.value else { return ["no trial has finished yet"] }
            let metric = status.plan.definition.metric.name
            return ["best: trial \(best.number), \(metric) \(value): \(settings(best, status.plan))"]
        }

        private func running(_ status: SweepStatus) -> [String] {
            status.running.map { record in
                let since =
                    record.begun.map { ", \(Text.clock(Date().timeIntervalSince($0))) since \(clock($0))" } ?? ""
                let again = record.attempts > 1 ? ", attempt \(record.attempts)" : ""
                let group = record.group.map { " in group \($0)" } ?? ""
                return "running: trial \(record.number)\(group)\(since)\(again): \(settings(record, status.plan))"
            }
        }

        private func time(_ status: SweepStatus) -> [String] {
            var lines: [String] = []
            if let session = status.sessions.last {
                let state =
                    if let ended = session.ended {
                        "ended \(SweepStatus.text(ended))"
                    } else if status.isInUse {
                        "running"
                    } else {
                        "was killed after \(SweepStatus.text(session.lastEvent)); the same command goes on"
                    }
                let hosts = session.hosts.isEmpty ? "" : " on \(session.hosts.joined(separator: ", "))"
                lines.append(
                    "\(Text.plural(status.sessions.count, "session")), the last with "
                        + "\(Text.plural(session.workers, "worker")) in \(Text.plural(session.groups, "group"))\(hosts), "
                        + "begun \(SweepStatus.text(session.begun)), \(state)")
            }
            if let rate = status.trialsPerHour {
                let left = status.secondsLeft.flatMap { $0 > 0 ? ", about \(Text.clock($0)) left" : nil } ?? ""
                lines.append("\(Text.fixed(rate, rate < 10 ? 1 : 0)) trials an hour\(left)")
            }
            return lines
        }

        /// Of the last start.
        private func idle(_ timeline: SweepTimeline) -> [String] {
            guard let last = timeline.sessions.last, last.groups.count > 1 else { return [] }
            let shares = last.groups.indices.prefix(16).map { Text.percent(last.idleShare(of: $0)) }
            let more = last.groups.count > 16 ? ", …" : ""
            return [
                "groups were idle for \(shares.joined(separator: ", "))\(more) of the time, waits at the end included"
            ]
        }

        private func settings(_ record: TrialRecord, _ plan: SweepPlan) -> String {
            record.trial.parameters.filter { plan.varying.contains($0.option) && !$0.value.isNull }
                .map { "\($0.option) \($0.value.shortText)" }.joined(separator: "  ")
        }

        /// Hours and minutes of UTC, as the dates of sessions.
        private func clock(_ date: Date) -> String { String(SweepStatus.text(date).dropFirst(11)) }
    }
}

extension String {
    /// In lines of at most `width` columns, broken at spaces; what follows the first is indented.
    fileprivate func wrapped(to width: Int) -> String {
        var lines: [String] = [""]
        for word in split(separator: " ", omittingEmptySubsequences: false) {
            let line = lines[lines.count - 1]
            if line.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if line.count + 1 + word.count < width {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append("  " + word)
            }
        }
        return lines.joined(separator: "\n")
    }
}
