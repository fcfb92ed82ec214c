import ArgumentParser
import Errors
import Foundation
import Kernels
import Reports
import Training

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Compare two runs: the same bits? Else where they part, and which is better.",
        discussion: """
            The first step and tensor that differ are known from --hash-every, of which both runs need the same, or from
            checkpoints of the same step. McNemar's test compares the networks on the same test samples, and says how likely
            it is that two equally good ones differ so much; of columns of a table Student's paired t test of squared errors
            does.
            """)

    @Argument(help: ArgumentHelp("\(CheckpointLocation.help)", valueName: "RUN"))
    var first: String

    @Argument(help: ArgumentHelp("The other.", valueName: "RUN"))
    var second: String

    @Flag(help: "Print one JSON document.")
    var json = false

    func run() throws {
        let kernels = try KernelSelection.select(environment: ProcessInfo.processInfo.environment)
        let (names, json) = ([first, second], json)
        let terminal = Terminal(environment: ProcessInfo.processInfo.environment)
        try onRoot {
            let runs = try names.map { try RunFiles(CheckpointLocation(argument: $0)) }
            let comparison = try RunComparison(runs[0], runs[1], kernels: kernels)
            Output.line(try json ? comparison.json(pretty: true) : comparison.text(terminal))
        }
    }
}

extension RunComparison {
    func text(_ terminal: Terminal) -> String {
        var lines = [
            "A \(first)  sha256 \(firstSHA256.prefix(12))…", "B \(second)  sha256 \(secondSHA256.prefix(12))…", "",
        ]
        lines.append(terminal.bold(sameBits ? "same bits" : "different bits"))
        lines += divergence.map { $0.lines(endEqual: sameBits) } ?? (sameBits ? [] : [Self.unknownDivergence])
        if settings.isEmpty {
            lines += ["", "same configuration"]
        } else {
            let width = max(7, settings.map(\.name.count).max() ?? 0)
            lines += ["", "\(Text.padded("setting", width))  A → B"]
            lines += settings.map {
                "\(Text.padded($0.name, width))  \($0.first ?? "not set") → \($0.second ?? "not set")"
            }
        }
        if !metrics.isEmpty {
            lines += ["", Text.padded("metric", 18) + ["A", "B", "B − A"].map { Text.right($0, 12) }.joined()]
            lines += metrics.map(\.line)
        }
        lines += [""] + (paired?.lines ?? pairedErrors?.lines ?? ["no paired test: \(whyNotPaired ?? "")"])
        return lines.joined(separator: "\n")
    }

    private static let unknownDivergence =
        "where they part is not known: train both with the same --hash-every, such as --hash-every 1"
}

extension RunDivergence {
    fileprivate func lines(endEqual: Bool) -> [String] {
        let place = epoch.map { ", epoch \($0)" } ?? ""
        let before =
            lastEqualStep.map { "; equal after step \(grouped($0))" } ?? "; no earlier step is known of both"
        let knower = source == .hashes ? "" : " (from checkpoints; --hash-every knows more)"
        var lines = ["they differ after step \(grouped(step))\(place)\(before)\(knower)"]
        if !tensors.isEmpty {
            let shown = tensors.prefix(6).joined(separator: ", ")
            let rest = tensors.count > 6 ? " and \(tensors.count - 6) more" : ""
            lines.append("first in \(shown)\(rest)")
        }
        return lines + (endEqual ? ["and have the same bits at the end"] : [])
    }
}

extension RunComparison.Metric {
    fileprivate var line: String {
        func number(_ value: Double) -> String {
            name.hasSuffix("Accuracy") ? Text.percent(value) : Text.fixed(value, 6)
        }
        let sign = difference > 0 ? "+" : ""
        return Text.padded(name, 18) + Text.right(number(first), 12) + Text.right(number(second), 12)
            + Text.right(sign + number(difference), 12)
    }
}

extension RunComparison.Paired {
    fileprivate var lines: [String] {
        let same = Text.percent(Double(samePredictionCount) / Double(max(sampleCount, 1)))
        let test = mcNemar.statistic.map { "χ² \(Text.fixed($0, 3)), " } ?? ""
        let verdict =
            mcNemar.p < 0.05
            ? "\(mcNemar.onlyFirst > mcNemar.onlySecond ? "A" : "B") is better, at the 5 % level"
            : "no difference at the 5 % level"
        return [
            "\(dataset) \(split): \(grouped(sampleCount)) samples, \(same) predicted alike",
            "both right \(grouped(bothRight)), only A \(grouped(mcNemar.onlyFirst)), only B "
                + "\(grouped(mcNemar.onlySecond)), both wrong \(grouped(bothWrong))",
            "McNemar (\(mcNemar.method.rawValue)): \(test)p = \(Text.significant(mcNemar.p)): \(verdict)",
        ]
    }
}

extension RunComparison.PairedErrors {
    fileprivate var lines: [String] {
        let statistic = test.t.map { "t \(Text.fixed($0, 3)), " } ?? ""
        let verdict =
            test.p < 0.05
            ? "\(test.meanDifference > 0 ? "A" : "B") is better, at the 5 % level" : "no difference at the 5 % level"
        return [
            "\(dataset) \(split): \(grouped(sampleCount)) rows, squared errors of B − A "
                + "\(Text.significant(test.meanDifference)) in the mean",
            "Student's paired t test: \(statistic)p = \(Text.significant(test.p)): \(verdict)",
        ]
    }
}

extension Text {
    /// Three digits that count, however small: 0.0421, 3.1e-12.
    static func significant(_ value: Double) -> String { String(format: "%.3g", locale: nil, value) }
}
