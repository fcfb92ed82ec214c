import ArgumentParser
import Communication
import Errors
import Foundation
import Kernels
import Models
import Tensors
import Training
import Understanding

struct CheckGradientsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-gradients",
        abstract: "Compare the backward pass of every layer and loss, or of a model, with differences.",
        discussion: """
            The slow twins run in Double, where central differences are exact to some ten digits; then one training pass
            of the kernels must have the twins' bits in Float. Without --model: all layers, activations and losses.
            docs/UNDERSTANDING.md says what the numbers mean. The exit code is 70 where a check fails.
            """)

    @Option(help: ArgumentHelp("Layers, such as \"conv 4 3x3, relu, dense 10\".", valueName: "TEXT"))
    var model: String?

    @Option(help: ArgumentHelp("Shape of a sample for --model; default 28x28.", valueName: "HxW[xC]"))
    var input: String?

    @Option(help: "Loss behind --model: \(LossDescription.names.joined(separator: ", ")).")
    var loss: String?

    @Option(help: "Label smoothing of cross-entropy.")
    var labelSmoothing: Double?

    @Option(help: ArgumentHelp("Class weights of cross-entropy.", valueName: "W,W,…"))
    var classWeights: String?

    @Option(help: ArgumentHelp("Elements of each tensor of --model that are compared; default 50.", valueName: "N"))
    var elements: Int?

    @Option(help: "Of parameters, samples and what they are compared at; default 1.")
    var seed: UInt64 = 1

    @Flag(help: "Print one JSON document.")
    var json = false

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        let check = GradientCheck(kernels: try KernelSelection.select(environment: environment), seed: seed)
        // Every rank of a launcher could tell it: one does.
        guard Launcher.detect(environment: environment).rank == 0 else { return }
        let report = try model.map { try table(check, of: $0) } ?? everything(check)
        Output.line(try json ? report.json(pretty: true) : report.text)
        let failed = report.rows.filter { !$0.passed }
        guard let first = failed.first else { return }
        throw Failure(
            .internal,
            "check-gradients: \(failed.count) of \(Text.plural(report.rows.count, "check")) failed; "
                + "the first is \(first.what): \(first.failure ?? "")")
    }

    private func everything(_ check: GradientCheck) throws -> GradientReport {
        let ignored = [
            ("input", input != nil), ("loss", loss != nil), ("label-smoothing", labelSmoothing != nil),
            ("class-weights", classWeights != nil), ("elements", elements != nil),
        ]
        if let name = ignored.first(where: \.1)?.0 {
            throw Failure(.usage, "--\(name) has no meaning without --model: every layer and loss is checked")
        }
        return try check.everything()
    }

    private func table(_ check: GradientCheck, of model: String) throws -> GradientReport {
        var options = TrainingOptions()
        options.loss = loss
        options.labelSmoothing = labelSmoothing
        options.classWeights = classWeights
        let limit = elements ?? 50
        guard limit >= 1 else { throw Failure(.usage, "--elements \(limit): a whole number from 1 is needed") }
        return try check.model(
            ModelText.parse(model), inputShape: Shape(argument: input ?? "28x28", option: "input"),
            loss: options.resolvedLoss(), limit: limit)
    }
}

extension GradientReport {
    /// Two lines for each row, the second with numbers, then what they add up to. 80 columns hold what has usual names.
    var text: String {
        let places = rows.map { $0.worst.map { "\($0.tensor)\($0.index)" } ?? "" }
        let placeWidth = max(13, places.map(\.count).max() ?? 0)
        func line(_ words: [String]) -> String {
            let columns = [
                Text.right(words[0], 9), Text.right(words[1], 6), Text.right(words[2], 8),
                Text.padded(words[3], placeWidth), Text.right(words[4], 14), Text.right(words[5], 14), words[6],
            ]
            return columns.joined(separator: " ")
        }
        func number(_ value: Double?) -> String { value.map { Text.significant($0, 8) } ?? "not finite" }
        var lines = [line(["elements", "kinks", "error", "worst element", "backward pass", "difference", "result"])]
        for (row, place) in zip(rows, places) {
            let count = row.checked + row.skipped == row.elements ? "" : " of \(grouped(row.elements))"
            lines.append(row.what)
            lines.append(
                line([
                    grouped(row.checked), grouped(row.skipped), Text.significant(row.greatestRelativeError, 2), place,
                    number(row.worst?.analytic), number(row.worst?.numeric), (row.passed ? "ok" : "FAILED") + count,
                ]))
            if let failure = row.failure { lines.append("  FAILED: \(failure)") }
        }
        let kernels = rows.allSatisfy { $0.kernelDifference == nil } ? "have" : "do NOT have"
        lines.append("")
        lines.append(
            "\(passed ? "ok" : "FAILED"): greatest relative error "
                + "\(Text.significant(rows.map(\.greatestRelativeError).max() ?? 0, 2)), tolerance "
                + "\(Text.significant(tolerance, 2)), step \(Text.significant(step, 2)), seed \(seed)")
        lines.append("the \(instructionSet) kernels \(kernels) the bits of the slow twins")
        return lines.joined(separator: "\n")
    }
}

extension Text {
    /// The shortest of plain and scientific notation with so many digits.
    static func significant(_ value: Double, _ digits: Int) -> String {
        String(format: "%.\(digits)g", locale: nil, value)
    }
}
