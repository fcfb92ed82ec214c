import Foundation
import Sweeps
import Training

/// Shows a sweep: one line for each trial that has ended, and on a terminal below them what runs now, redrawn. Nothing
/// without a terminal description (`--quiet`). Used by one thread at a time.
final class SweepDisplay: SweepObserver {
    private struct Running {
        let trial: SweepPlan.Trial
        let weight: Double
        var progress: TrialProgress?
    }

    private let terminal: Terminal?
    private var start: SweepStart?
    private let begin = ContinuousClock.now
    private var lastDrawn: ContinuousClock.Instant?
    /// By group.
    private var running: [Int: Running] = [:]
    private var best: TrialRecord?
    private var endedCount = 0
    /// Of this start, by how long trials take beside their mean.
    private var ranWeight = 0.0
    private var hasEnded = false
    private var failedCount = 0

    /// Groups that have a line of their own.
    private static let groupLineCount = 8

    init(_ terminal: Terminal?) { self.terminal = terminal }

    var wantsProgress: Bool { terminal?.width != nil }

    func started(_ start: SweepStart) {
        self.start = start
        endedCount = start.finishedCount
        guard let terminal else { return }
        let definition = start.plan.definition
        let name = definition.name.map { terminal.bold($0) + ": " } ?? ""
        Output.line("\(name)\(start.plan.trialCount.map { Text.plural($0, "trial") } ?? "trials"), in \(start.path)")
        if let description = definition.description { Output.line(description) }
        if !definition.ignoredKeys.isEmpty {
            Output.line("note: without meaning here: \(definition.ignoredKeys.joined(separator: ", "))")
        }
        for note in definition.notes { Output.line("note: \(note)") }
        Output.line("\(Self.workers(start)), \(start.instructionSet)")
        let groups = start.groups.groupCount
        if let useful = start.usefulGroupCount, useful < groups {
            let which = definition.method.usesResults ? "method \(definition.method.rawValue)" : "early_terminate"
            Output.line(
                "note: \(which) waits for the results of all trials but the last \(definition.lag), so at most "
                    + "\(useful) of \(groups) groups train at once; a greater lag, or --ranks-per-trial, uses more")
        }
        if start.finishedCount > 0 { Output.line("\(Text.plural(start.finishedCount, "trial")) ran before") }
    }

    private static func workers(_ start: SweepStart) -> String {
        let groups = start.groups
        let noun = start.launcher == "mpi" ? "rank" : "thread"
        let hosts = start.hostCount > 1 ? " on \(start.hostCount) hosts" : ""
        guard groups.workerCount > 1 else { return start.launcher == "mpi" ? "1 rank" : "1 worker" }
        let all = Text.plural(groups.workerCount, noun) + hosts
        if groups.groupCount == 1 { return "\(all), all on one trial" }
        if groups.groupSize == 1 { return "\(all), a trial on each" }
        let last = groups.workers(of: groups.groupCount - 1).count
        return "\(all), a trial on each \(groups.groupSize)" + (last < groups.groupSize ? ", the last on \(last)" : "")
    }

    func startedTrial(_ trial: SweepPlan.Trial, group: Int, weight: Double) {
        running[group] = Running(trial: trial, weight: weight)
        redraw(isUrgent: false)
    }

    func progressed(_ progress: TrialProgress, group: Int) {
        guard running[group]?.trial.number == progress.number else { return }
        running[group]?.progress = progress
        redraw(isUrgent: false)
    }

    func warned(_ warning: String, number: Int) { print("warning: trial \(number): \(warning)") }

    func returned(_ number: Int, reason: String) { print("trial \(number) is run again: \(reason)") }

    func finishedTrial(_ record: TrialRecord, group: Int) {
        ranWeight += running.removeValue(forKey: group)?.weight ?? 1
        endedCount += 1
        guard let start, terminal != nil else { return }
        if record.state == .failed { failedCount += 1 }
        if let newBest = start.plan.best(of: [best, record].compactMap { $0 }) { best = newBest }
        let count = count(start.plan)
        var line = "trial \(Text.right("\(record.number)", count.count))/\(count)"
        if record.state == .failed {
            line += "  failed: \(record.reason ?? "")"
        } else {
            // Who chooses by what was held out does not look at the test set.
            let split = start.plan.definition.metric.name.hasPrefix("validation") ? "validation" : "test"
            if let accuracy = record.measures["\(split)Accuracy"] { line += "  \(split) \(Text.percent(accuracy))" }
            if let loss = record.measures["\(split)Loss"] { line += "  loss \(Text.fixed(loss, 4))" }
            if record.state == .stopped { line += "  stopped after epoch \(record.history.count)" }
        }
        line += "  \(Text.fixed(record.seconds ?? 0, 1)) s"
        let settings = settings(of: record.trial, start.plan)
        print(settings.isEmpty ? line : line + "  " + settings)
    }

    func ended() {
        Output.redraw([])
        hasEnded = true
    }

    /// What varies, as `option value` pairs.
    private func settings(of trial: SweepPlan.Trial, _ plan: SweepPlan) -> String {
        trial.parameters.filter { plan.varying.contains($0.option) && !$0.value.isNull }
            .map { "\($0.option) \($0.value.shortText)" }.joined(separator: "  ")
    }

    /// Of all trials, where it is known.
    private func count(_ plan: SweepPlan) -> String { plan.trialCount.map(String.init) ?? "…" }
}

// MARK: Lines

extension SweepDisplay {
    /// A line that stays, above those that are redrawn.
    private func print(_ line: String) {
        guard terminal != nil else { return }
        Output.line(terminal?.width.map { line.count < $0 ? line : line.prefix($0 - 2) + "…" } ?? line)
        redraw(isUrgent: true)
    }

    private func redraw(isUrgent: Bool) {
        guard let width = terminal?.width.map({ min($0, 100) }), let start, !hasEnded else { return }
        let now = ContinuousClock.now
        if !isUrgent, let lastDrawn, now - lastDrawn < .milliseconds(200) { return }
        lastDrawn = now
        var lines = running.keys.sorted().prefix(Self.groupLineCount).map { line(of: running[$0]!, width: width) }
        if running.count > lines.count { lines.append("  and \(running.count - lines.count) more") }
        lines.append(totals(start.plan))
        Output.redraw(lines.map { String($0.prefix(width - 1)) })
    }

    private func line(of running: Running, width: Int) -> String {
        let head = "  trial \(running.trial.number) "
        guard let progress = running.progress else { return head + "starting" }
        let words =
            "epoch \(progress.epoch)/\(progress.epochs) loss \(Text.fixed(progress.loss, 4)) "
            + "\(Text.clock(progress.secondsLeft)) left"
        let room = min(width - 2 - head.count - words.count, 24)
        guard room >= 5 else { return head + words }
        let done = Int(Double(room - 2) * min(max(progress.fraction, 0), 1))
        return head + "[" + String(repeating: "=", count: done) + String(repeating: " ", count: room - 2 - done) + "] "
            + words
    }

    /// `37 of 100 done, 1 failed, best 88.90 % (trial 7), about 1:32 left`.
    private func totals(_ plan: SweepPlan) -> String {
        var parts = ["\(endedCount) of \(count(plan)) done"]
        if failedCount > 0 { parts.append("\(failedCount) failed") }
        if let best, let value = best.value {
            let isFraction = plan.definition.metric.name.hasSuffix("Accuracy")
            parts.append("best \(isFraction ? Text.percent(value) : Text.fixed(value, 4)) (trial \(best.number))")
        }
        if let total = plan.trialCount, ranWeight > 0, total > endedCount {
            let seconds = (ContinuousClock.now - begin) / .seconds(1)
            let ran = running.values.reduce(ranWeight) { $0 + $1.weight * ($1.progress?.fraction ?? 0) }
            // The weights of all are 1 in the mean.
            let left = max(0, Double(total - (start?.finishedCount ?? 0)) - ran)
            parts.append("about \(Text.clock(seconds / ran * left)) left")
        }
        return "  " + parts.joined(separator: ", ")
    }
}
