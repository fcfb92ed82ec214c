import Errors
import Foundation
import Sweeps
import Training

/// Shows a sweep: a line that is redrawn on a terminal, one line for each trial in any case; nothing without a terminal
/// description (`--quiet`).
final class SweepDisplay: SweepObserver {
    private let terminal: Terminal?
    private var plan: SweepPlan?
    private var trial: SweepPlan.Trial?
    private var lastDrawn = 0.0
    private var isBarVisible = false
    private var finishedCount = 0
    /// Of this start.
    private var trialSeconds: [Double] = []
    private var hasAnnounced = false

    init(_ terminal: Terminal?) { self.terminal = terminal }

    func started(_ plan: SweepPlan, path: String, finishedCount: Int) {
        self.plan = plan
        self.finishedCount = finishedCount
        guard let terminal else { return }
        let name = plan.definition.name.map { terminal.bold($0) + ": " } ?? ""
        Output.line("\(name)\(plan.trialCount.map { Text.plural($0, "trial") } ?? "trials"), in \(path)")
        if let description = plan.definition.description { Output.line(description) }
        if !plan.definition.ignoredKeys.isEmpty {
            Output.line("note: without meaning here: \(plan.definition.ignoredKeys.joined(separator: ", "))")
        }
        for note in plan.definition.notes { Output.line("note: \(note)") }
        if finishedCount > 0 { Output.line("\(Text.plural(finishedCount, "trial")) ran before") }
    }

    func startedTrial(_ trial: SweepPlan.Trial) {
        self.trial = trial
        draw("starting", fraction: 0)
    }

    func startedTraining(_ start: TrainingStart) {
        guard terminal != nil, !hasAnnounced else { return }
        hasAnnounced = true
        clearBar()
        let workers =
            switch start.launcher {
            case "mpi": Text.plural(start.workers, "rank")
            case "threads": Text.plural(start.workers, "thread")
            default: "1 worker"
            }
        Output.line("\(workers), \(start.instructionSet)")
    }

    func stepped(_ progress: TrainingProgress) {
        let now = Double(PhaseClock.now()) * 1e-9
        guard terminal?.width != nil, now - lastDrawn >= 0.1 else { return }
        lastDrawn = now
        let steps = Double((progress.epoch - 1) * progress.stepsPerEpoch + progress.step)
        let fraction = steps / (steps + Double(progress.remainingSteps))
        let left = Double(progress.remainingSteps) * progress.secondsPerStep + remainingSeconds()
        draw(
            "epoch \(progress.epoch)/\(progress.epochs) loss \(Text.fixed(progress.loss, 4)) \(Text.clock(left)) left",
            fraction: fraction)
    }

    func warned(_ warning: String) {
        guard let trial, terminal != nil else { return }
        clearBar()
        Output.line("warning: trial \(trial.number): \(warning)")
    }

    func finishedTrial(_ record: TrialRecord) {
        finishedCount += 1
        if let seconds = record.seconds { trialSeconds.append(seconds) }
        guard let plan, let trial, terminal != nil else { return }
        clearBar()
        let count = count(plan)
        var line = "trial \(Text.right("\(trial.number)", count.count))/\(count)"
        for (option, value) in trial.parameters where plan.varying.contains(option) && !value.isNull {
            line += "  \(option) \(value.text)"
        }
        if record.state == .failed {
            line += "  failed: \(record.reason ?? "")"
        } else {
            if let accuracy = record.measures["testAccuracy"] { line += "  test \(Text.percent(accuracy))" }
            if let loss = record.measures["testLoss"] { line += "  loss \(Text.fixed(loss, 4))" }
        }
        line += "  \(Text.fixed(record.seconds ?? 0, 1)) s"
        let rest = remainingSeconds() + (plan.trialCount ?? 0 > finishedCount ? trialSeconds.last ?? 0 : 0)
        if rest > 0 { line += ", about \(Text.clock(rest)) left" }
        Output.line(line)
    }

    /// Of the trials behind the one at hand, as long as those so far.
    private func remainingSeconds() -> Double {
        guard let plan, !trialSeconds.isEmpty else { return 0 }
        let mean = trialSeconds.reduce(0, +) / Double(trialSeconds.count)
        return mean * Double(max((plan.trialCount ?? 0) - finishedCount - 1, 0))
    }

    /// Of all trials, where it is known.
    private func count(_ plan: SweepPlan) -> String { plan.trialCount.map(String.init) ?? "…" }

    private func draw(_ words: String, fraction: Double) {
        guard let width = terminal?.width.map({ min($0, 80) }), let plan, let trial else { return }
        let head = "trial \(trial.number)/\(count(plan)) "
        // One column stays free: a full last column would wrap in some terminals.
        let room = min(width - 2 - head.count - words.count, 30)
        let done = Int(Double(max(room - 2, 0)) * min(max(fraction, 0), 1))
        let bar =
            room >= 5
            ? "[" + String(repeating: "=", count: done) + String(repeating: " ", count: room - 2 - done) + "] " : ""
        Output.text("\r\u{1B}[K" + String((head + bar + words).prefix(max(width - 1, 0))))
        isBarVisible = true
    }

    private func clearBar() {
        guard isBarVisible else { return }
        Output.text("\r\u{1B}[K")
        isBarVisible = false
    }
}
