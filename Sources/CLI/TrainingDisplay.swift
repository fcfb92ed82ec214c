import Errors
import Foundation
import Training

/// Shows a run: a bar that is redrawn on a terminal, one line for each epoch in any case.
final class TrainingDisplay: TrainingObserver {
    private let terminal: Terminal
    private var lastDrawn = 0.0
    private var isBarVisible = false
    /// Of the whole run, a value for each time that the bar was drawn.
    private var losses = Sparkline()
    /// The epoch's loss and its steps when the bar was drawn last.
    private var drawn: (epoch: Int, step: Int, lossSum: Double) = (0, 0, 0)

    init(_ terminal: Terminal) { self.terminal = terminal }

    func started(_ start: TrainingStart) {
        let validation = start.validationCount > 0 ? ", \(grouped(start.validationCount)) validation" : ""
        let hosts = start.hosts.count > 1 ? " on \(start.hosts.count) hosts" : ""
        let workers =
            switch start.launcher {
            case "mpi": Text.plural(start.workers, "rank") + hosts
            case "threads": Text.plural(start.workers, "thread")
            default: "1 worker"
            }
        let accumulation = start.accumulation > 1 ? " × \(start.accumulation)" : ""
        Output.line(
            """
            \(terminal.bold(start.dataset)): \(grouped(start.trainCount)) train\(validation), \
            \(grouped(start.testCount)) test
            \(start.model): \(grouped(start.parameterCount)) parameters
            \(workers), \(start.instructionSet), batch \(start.batchSize)\(accumulation), grain \(start.grainSize); run in \(start.path)
            """)
        if start.idleWorkers > 0 {
            Output.line(
                """
                note: a batch has \(Text.plural(start.grainCount, "grain")), so \(start.idleWorkers) of \
                \(start.workers) workers are idle; use fewer, a larger --batch-size or a smaller --grain
                """)
        }
        if let scaling = start.scaling {
            Output.line(
                """
                learning rate \(scaling.learningRate) · \(scaling.batchSize) / \(scaling.baseBatchSize) = \
                \(scaling.scaledLearningRate) by --scale-learning-rate
                """)
        }
        if let resumed = start.resumed {
            let changes = resumed.changes.isEmpty ? "" : "; \(resumed.changes.joined(separator: ", "))"
            Output.line(
                "goes on after step \(grouped(resumed.step)), epoch \(resumed.epoch), from \(resumed.path)\(changes)")
        }
        if let why = start.whyNotShared { Output.line("note: gradients travel in messages: \(why)") }
        if !start.isReproducible {
            Output.line("note: --reduction mpi: results depend on the number of ranks (the numerics contract is off)")
        }
    }

    func stepped(_ progress: TrainingProgress) {
        guard let width = terminal.width else { return }
        let now = Double(PhaseClock.now()) * 1e-9
        guard now - lastDrawn >= 0.1 else { return }
        lastDrawn = now
        let epoch = "epoch \(progress.epoch)/\(progress.epochs) "
        let numbers =
            " \(progress.step)/\(progress.stepsPerEpoch) loss \(Text.fixed(progress.loss, 4)) "
            + "\(grouped(Int(progress.samplesPerSecond)))/s "
            + "\(Text.clock(Double(progress.remainingSteps) * progress.secondsPerStep)) left"
        addLoss(progress)
        // One column stays free: a full last column would wrap in some terminals.
        let room = min(width - 1 - epoch.count - numbers.count, 56)
        // The curve comes where there is room for a bar beside it.
        let curve = room >= 16 ? " " + losses.text(width: min(room - 9, 24)) : ""
        let bar = room >= 5 ? self.bar(progress, width: min(room - curve.count, 32)) : ""
        let line = String((epoch + bar + curve + numbers).prefix(max(width - 1, 0)))
        Output.text("\r\u{1B}[K" + line)
        isBarVisible = true
    }

    /// The mean loss of the steps since the bar was drawn.
    private func addLoss(_ progress: TrainingProgress) {
        let lossSum = progress.loss * Double(progress.step)
        let isSame = drawn.epoch == progress.epoch && drawn.step < progress.step
        let (step, before) = isSame ? (drawn.step, drawn.lossSum) : (0, 0)
        losses.append((lossSum - before) / Double(max(progress.step - step, 1)))
        drawn = (progress.epoch, progress.step, lossSum)
    }

    func finishedEpoch(_ epoch: Int, of epochs: Int, points: [MetricsPoint]) {
        clearBar()
        var line = "epoch \(Text.right("\(epoch)", "\(epochs)".count))/\(epochs)"
        for point in points {
            guard let loss = point.loss else { continue }
            line += "  \(point.split.rawValue) \(score(loss, point.accuracy))"
            if let scores = point.scores { line += " (\(scores.text))" }
            if let rate = point.samplesPerSecond { line += terminal.dim(" \(grouped(Int(rate)))/s") }
        }
        Output.line(line)
    }

    func balanced(_ balance: BalanceRecord) {
        clearBar()
        Output.line(balance.text)
    }

    func warned(_ warning: String) {
        clearBar()
        Output.line("warning: \(warning)")
    }

    func finished(_ summary: TrainingSummary, path: String) {
        for line in table(summary) { Output.line(line) }
        let early = summary.stoppedEarly ? ", stopped early," : ""
        Output.line(
            "after \(Text.plural(summary.epochs, "epoch"))\(early) in \(Text.fixed(summary.wallSeconds, 1)) s")
        for line in comparisons(summary) { Output.line(line) }
        if summary.trainSamplesPerSecond > 0 {
            Output.line(
                """
                fastest epoch \(grouped(Int(summary.trainSamplesPerSecond))) samples/s, \
                \(Text.fixed(summary.fractionOfPeak * 100, 0)) % of peak
                """)
        }
        Output.line(
            """
            sha256 \(summary.parametersSHA256)
            results in \(path): summary.json, metrics.jsonl, \(summary.checkpoint.dropFirst(path.count + 1))
            """)
    }

    /// Loss and accuracy, or what predictions miss, of each split; what counts, the test set, is last.
    private func table(_ summary: TrainingSummary) -> [String] {
        let rows: [(name: String, loss: Double?, accuracy: Double?, scores: RegressionScores?)] = [
            ("train", summary.trainLoss, summary.trainAccuracy, nil),
            ("validation", summary.validationLoss, summary.validationAccuracy, summary.validationScores),
            ("test", summary.testLoss, summary.testAccuracy, summary.testScores),
        ]
        let hasAccuracy = summary.testAccuracy != nil
        let columns = summary.testScores == nil ? [] : ["mse", "rmse", "mae", "R²"]
        let head =
            Text.padded("", 10) + Text.right("loss", 10) + (hasAccuracy ? Text.right("accuracy", 12) : "")
            + columns.map { Text.right($0, 12) }.joined()
        return [terminal.dim(head)]
            + rows.compactMap { name, loss, accuracy, scores in
                guard let loss else { return nil }
                let numbers = scores.map { [$0.mse, $0.rmse, $0.mae].map { Text.digits($0, 5) } } ?? []
                let line =
                    Text.padded(name, 10) + Text.right(Text.fixed(loss, hasAccuracy ? 4 : 6), 10)
                    + (accuracy.map { Text.right(Text.percent($0), 12) } ?? "")
                    + (numbers + (scores?.r2.map { [Text.fixed($0, 4)] } ?? [])).map { Text.right($0, 12) }.joined()
                return name == "test" ? terminal.bold(line) : line
            }
    }

    /// The best epoch's weights, and principal components.
    private func comparisons(_ summary: TrainingSummary) -> [String] {
        var lines: [String] = []
        if let metric = summary.metric, let epoch = summary.bestEpoch, let value = summary.bestMetric,
            let loss = summary.bestTestLoss
        {
            let isLoss = metric.hasSuffix("loss")
            lines.append(
                "best \(metric) \(isLoss ? Text.fixed(value, 4) : Text.percent(value)) in epoch \(epoch); with its weights: "
                    + "test \(score(loss, summary.bestTestAccuracy))"
                    + (summary.bestTestScores.map { ", \($0.text)" } ?? "") + " (checkpoints/best.safetensors)")
        }
        if let loss = summary.pcaTestLoss, let bottleneck = summary.bottleneck {
            lines.append(
                "the narrowest layer has \(Text.plural(bottleneck, "output")); as many principal components have test loss "
                    + Text.fixed(loss, 6))
        }
        return lines
    }

    private func score(_ loss: Double, _ accuracy: Double?) -> String {
        guard let accuracy else { return Text.fixed(loss, 6) }
        return "\(Text.fixed(loss, 4)) \(Text.percent(accuracy))"
    }

    private func bar(_ progress: TrainingProgress, width: Int) -> String {
        let inner = width - 2
        let done = inner * progress.step / max(progress.stepsPerEpoch, 1)
        return "[" + String(repeating: "=", count: done) + String(repeating: " ", count: inner - done) + "]"
    }

    private func clearBar() {
        guard isBarVisible else { return }
        Output.text("\r\u{1B}[K")
        isBarVisible = false
    }
}
