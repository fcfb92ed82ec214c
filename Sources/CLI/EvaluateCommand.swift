import ArgumentParser
import Communication
import DataLoading
import Errors
import Foundation
import KernelContract
import Kernels
import Reports
import Training

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Score a checkpoint on data sets: loss, accuracy, errors, classes, confusion matrix, calibration.",
        discussion: """
            The error's range holds the true rate with 95 % confidence (Wilson). Where a data set says who wrote each digit,
            as qmnist does, errors are told by writer and by series too. --dataset may be given several times. Of a table's
            targets root mean squared error, mean absolute error and R² are told, in their own unit.
            """)

    @Argument(
        help: ArgumentHelp("\(CheckpointLocation.help)", valueName: "CHECKPOINT"))
    var checkpoint: String

    @Option(
        help: ArgumentHelp(
            "A data set of the catalogue, a folder or a table, once or several times; default: the run's own.",
            valueName: "NAME|DIR|FILE"))
    var dataset: [String] = []

    @Option(
        help: ArgumentHelp(
            "Where to look for data sets, before LOCKSTEP_DATA and the system's folders.", valueName: "DIR"))
    var dataDir: String?

    @Option(help: "train, validation (the data set's own, or what the run held out) or test (default).")
    var split: EvaluatedSplit = .test

    @Option(parsing: .unconditional, help: "Threads, when not under mpirun; default: the cores.")
    var workers: Int?

    @Flag(help: "Print one JSON document: an object, or for several data sets a list of them.")
    var json = false

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        let kernels = try KernelSelection.select(environment: environment)
        let location = try CheckpointLocation(argument: checkpoint)
        let tasks = try tasks(location, kernels)
        let json = json
        let terminal = Terminal(environment: environment)
        _ = try onWorkers(workers) { communicator in
            var reports: [ScoredEvaluation] = []
            for task in tasks {
                let report = ScoredEvaluation(try task.run(communicator))
                guard communicator.rank == 0 else { continue }
                reports.append(report)
                if !json { Output.line((reports.count > 1 ? "\n" : "") + text(of: report, terminal)) }
            }
            guard json && communicator.rank == 0 else { return }
            Output.line(try reports.count == 1 ? reports[0].json(pretty: true) : reports.json(pretty: true))
        }
    }

    /// One for each data set.
    private func tasks(_ location: CheckpointLocation, _ kernels: any KernelSet) throws -> [CheckpointEvaluation] {
        let names: [String?] = dataset.isEmpty ? [nil] : dataset
        return try names.map {
            try EvaluationSource(location, dataset: $0, dataDirectory: dataDir, split: split).evaluation(kernels)
        }
    }
}

extension EvaluatedSplit: ExpressibleByArgument {}

private func text(of evaluation: ScoredEvaluation, _ terminal: Terminal) -> String {
    let report = evaluation.report
    let average = report.isAverage ? " (moving average of the weights)" : ""
    let head = "\(terminal.bold(report.dataset)) \(report.split): \(grouped(report.sampleCount)) samples, loss "
    if let scores = report.scores {
        let columns = (report.columns ?? []).map { "\n\($0.name.onOneLine(atMost: 80)): \($0.scores.text)" }.joined()
        return head + "\(Text.fixed(report.loss, 6)), \(terminal.bold(scores.text))\(average)\(columns)"
    }
    guard let accuracy = report.accuracy, let matrix = report.confusionMatrix else {
        return head + terminal.bold(Text.fixed(report.loss, 6)) + average
    }
    let names = report.classNames.isEmpty ? matrix.indices.map(String.init) : report.classNames
    let nameWidth = max(5, names.map(\.count).max() ?? 0)
    let columnWidth = max(4, "\(matrix.flatMap { $0 }.max() ?? 0)".count)
    var lines = [
        head + "\(Text.fixed(report.loss, 4)), accuracy \(terminal.bold(Text.percent(accuracy)))"
            + (report.error.map { ", error \(text(of: $0))" } ?? "") + average,
        "",
        Text.padded("class", nameWidth) + " prec. recall   F1  predicted as 0…\(names.count - 1)",
    ]
    for (index, row) in matrix.enumerated() {
        let score = evaluation.scores?.classes[index]
        let rates = [(score?.precision, 5), (score?.recall, 6), (score?.f1, 4)].map { rate, width in
            Text.right(rate.map { Text.fixed($0.value * 100, 1) } ?? "–", width)
        }
        let counts = row.map { Text.right("\($0)", columnWidth) }.joined(separator: " ")
        lines.append("\(Text.padded(names[index], nameWidth)) \(rates.joined(separator: " "))  \(counts)")
    }
    if let scores = evaluation.scores {
        lines += [
            "",
            "balanced accuracy \(Text.percent(scores.balancedAccuracy)), macro F1 \(Text.percent(scores.macroF1)), "
                + "calibration error \(Text.percent(scores.calibration.expectedError))",
        ]
    }
    if let writers = report.writers { lines += [""] + text(of: writers) }
    if let series = report.series { lines += [""] + table(of: series, "series") }
    return lines.joined(separator: "\n")
}

/// `2.39 % (2.26 to 2.53)`
private func text(of error: ErrorRate) -> String {
    func number(_ rate: Double) -> String { Text.fixed(rate * 100, 2) }
    return "\(number(error.rate)) % (\(number(error.low)) to \(number(error.high)))"
}

private func text(of writers: WriterErrors) -> [String] {
    let quartiles = writers.quartiles.map { Text.fixed($0 * 100, 2) }.joined(separator: ", ")
    return [
        "\(Text.plural(writers.writerCount, "writer")): mean error \(Text.fixed(writers.mean * 100, 2)) %, quartiles "
            + "\(quartiles) %"
    ] + (writers.worst.isEmpty ? [] : table(of: writers.worst, "writer"))
}

private func table(of groups: [GroupError], _ name: String) -> [String] {
    ["\(Text.padded(name, 6))  samples    wrong  error"]
        + groups.map {
            "\(Text.padded("\($0.group)", 6))  \(Text.right(grouped($0.error.sampleCount), 7))  "
                + "\(Text.right(grouped($0.error.wrongCount), 7))  \(text(of: $0.error))"
        }
}
