import ArgumentParser
import Communication
import DataLoading
import Errors
import Foundation
import Kernels
import Training

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Score a checkpoint on a data set: loss, accuracy, confusion matrix.")

    @Argument(
        help: ArgumentHelp("A checkpoint, or a run's folder, whose last checkpoint is taken.", valueName: "CHECKPOINT"))
    var checkpoint: String

    @Option(
        help: ArgumentHelp("A data set of the catalogue, or a folder; default: the run's own.", valueName: "NAME|DIR"))
    var dataset: String?

    @Option(
        help: ArgumentHelp(
            "Where to look for data sets, before LOCKSTEP_DATA and the system's folders.", valueName: "DIR"))
    var dataDir: String?

    @Option(help: "train or test (default).")
    var split: EvaluatedSplit = .test

    @Option(parsing: .unconditional, help: "Threads, when not under mpirun; default: the cores.")
    var workers: Int?

    @Flag(help: "Print one JSON document.")
    var json = false

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        let kernels = try KernelSelection.select(environment: environment)
        let location = try CheckpointLocation(checkpoint)
        guard let dataset = dataset ?? location.runOptions?.dataset else {
            throw Failure(.usage, "\(location.path) does not lie in a run's folder: name the data with --dataset")
        }
        let shared = SharedDataset(
            name: dataset, dataDirectory: dataDir ?? (self.dataset == nil ? location.runOptions?.dataDirectory : nil))
        let task = CheckpointEvaluation(
            path: location.path, dataset: shared, split: split,
            loss: try location.runOptions?.resolvedLoss(), kernels: kernels)
        let json = json
        let terminal = Terminal(environment: environment)
        _ = try onWorkers(workers) { communicator in
            let report = try task.run(communicator)
            guard communicator.rank == 0 else { return }
            Output.line(try json ? report.json(pretty: true) : text(of: report, terminal))
        }
    }
}

extension EvaluatedSplit: ExpressibleByArgument {}

private func text(of report: EvaluationReport, _ terminal: Terminal) -> String {
    let average = report.isAverage ? " (moving average of the weights)" : ""
    let head = "\(terminal.bold(report.dataset)) \(report.split): \(grouped(report.sampleCount)) samples, loss "
    guard let accuracy = report.accuracy, let matrix = report.confusionMatrix else {
        return head + terminal.bold(Text.fixed(report.loss, 6)) + average
    }
    let names = report.classNames.isEmpty ? matrix.indices.map(String.init) : report.classNames
    let nameWidth = max(5, names.map(\.count).max() ?? 0)
    let columnWidth = max(4, "\(matrix.flatMap { $0 }.max() ?? 0)".count)
    var lines = [
        head + "\(Text.fixed(report.loss, 4)), accuracy \(terminal.bold(Text.percent(accuracy)))" + average,
        "",
        Text.padded("class", nameWidth) + "  recall  predicted as "
            + "0…\(names.count - 1)",
    ]
    for (index, row) in matrix.enumerated() {
        let total = row.reduce(0, +)
        let recall = total == 0 ? "–" : Text.fixed(Double(row[index]) / Double(total) * 100, 1) + " %"
        let counts = row.map { Text.right("\($0)", columnWidth) }.joined(separator: " ")
        lines.append("\(Text.padded(names[index], nameWidth)) \(Text.right(recall, 7))  \(counts)")
    }
    return lines.joined(separator: "\n")
}
