import ArgumentParser
import Communication
import Errors
import Foundation
import Models
import Tensors
import Understanding

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Show one training step of a small network with every number: forward, loss, backward, update.",
        discussion: """
            Without options it is the 2-2-2 sigmoid network of the textbooks, whose published values are printed beside.
            Another network needs --model, --input and --target:
              lockstep explain --model "dense 3, tanh, dense 2" --input 0.5,-1 --target 1
            """)

    @Option(help: ArgumentHelp("Layers, such as \"dense 2, sigmoid, dense 2\".", valueName: "TEXT"))
    var model: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The sample: numbers, row by row, channels last.", valueName: "X,X,…"))
    var input: String?

    @Option(help: ArgumentHelp("Shape of the sample; default: as many features as numbers.", valueName: "HxW[xC]"))
    var shape: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("A number for each output, or a class counted from 0.", valueName: "T,T,…|CLASS"))
    var target: String?

    @Option(
        help: ArgumentHelp(
            "\(ExplainedLoss.names.joined(separator: ", ")); default: the first for numbers, cross-entropy for a class.",
            valueName: "NAME"))
    var loss: String?

    @Option(help: "Default 0.5.")
    var learningRate: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Parameters in PyTorch's order, layer by layer, weights before biases: numbers, or a file of them.",
            valueName: "LIST|FILE"))
    var weights: String?

    @Option(help: "Of initial weights where none are given, and of dropout; default 1.")
    var seed: UInt64 = 1

    @Option(help: "text (default) or markdown.")
    var format: ExplanationFormat = .text

    @Flag(help: "Print one JSON document: a list of blocks, among them equations with their values.")
    var json = false

    func run() throws {
        let step = try model.map(step) ?? exampleStep()
        // Every rank of a launcher could tell it: one does.
        guard Launcher.detect(environment: ProcessInfo.processInfo.environment).rank == 0 else { return }
        var explanation = Explanation(step)
        if isPublished { explanation.comparePublished(step) }
        if json { return try Output.json(explanation) }
        Output.line(format == .text ? explanation.text : explanation.markdown)
    }

    /// Whether nothing of the example was changed.
    private var isPublished: Bool {
        [model, input, shape, target, loss, weights].allSatisfy { $0 == nil } && learningRate == nil
    }

    private func step(_ model: String) throws -> ExplainedStep {
        guard let input, let target else {
            throw Failure(.usage, "--model needs a sample: give it with --input and --target")
        }
        return try ExplainedStep(
            ModelText.parse(model), inputShape: sampleShape(count: numbers(input, "input").count),
            input: numbers(input, "input"), target: resolvedTarget(target), loss: resolvedLoss(),
            learningRate: resolvedLearningRate(), parameters: resolvedWeights(), seed: seed)
    }

    /// The textbook's network, with what the options change of it.
    private func exampleStep() throws -> ExplainedStep {
        if shape != nil { throw Failure(.usage, "--shape has no meaning without --model") }
        return try ExplainedStep(
            PublishedExample.model, inputShape: [2],
            input: input.map { try numbers($0, "input") } ?? PublishedExample.input,
            target: target.map(resolvedTarget) ?? .values(PublishedExample.targets), loss: resolvedLoss(),
            learningRate: resolvedLearningRate(), parameters: resolvedWeights() ?? PublishedExample.parameters,
            seed: seed)
    }

    private func sampleShape(count: Int) throws -> Shape {
        guard let shape else { return [count] }
        let resolved = try Shape(argument: shape, option: "shape")
        guard resolved.elementCount == count else {
            throw Failure(
                .usage, "--shape \(shape) has \(grouped(resolved.elementCount)) elements, but --input has \(count)")
        }
        return resolved
    }

    private func resolvedLearningRate() throws -> Double {
        let rate = learningRate ?? PublishedExample.learningRate
        guard rate.isFinite && rate >= 0 else {
            throw Failure(.usage, "--learning-rate \(rate): a number from 0 is needed")
        }
        return rate
    }

    private func resolvedLoss() throws -> ExplainedLoss? {
        try loss.map { name in
            guard let loss = ExplainedLoss(name: name) else {
                let near = Spelling.nearest(to: name, in: ExplainedLoss.names).map { "; did you mean \($0)?" } ?? ""
                let known = ExplainedLoss.names.joined(separator: ", ")
                throw Failure(.usage, "--loss \(name) is unknown; it may be \(known)\(near)")
            }
            return loss
        }
    }

    /// One whole number is a class.
    private func resolvedTarget(_ text: String) throws -> ExplainedStep.Target {
        if let label = Int(text) { return .label(label) }
        return .values(try numbers(text, "target"))
    }

    private func resolvedWeights() throws -> [Double]? {
        try weights.map { text in
            if let list = try? numbers(text, "weights") { return list }
            guard FileManager.default.fileExists(atPath: text) else {
                throw Failure(
                    .inputNotFound, "--weights \(text): neither numbers with commas between them nor a file")
            }
            guard let data = FileManager.default.contents(atPath: text) else {
                throw Failure(.inputOutput, "--weights \(text): the file cannot be read")
            }
            let words = String(decoding: data, as: UTF8.self).split { $0.isWhitespace || $0 == "," }
            return try words.map { word in
                guard let number = Double(word), number.isFinite else {
                    throw Failure(.data, "\(text): \"\(word)\" is not a number")
                }
                return number
            }
        }
    }

    private func numbers(_ text: String, _ option: String) throws -> [Double] {
        try text.split(separator: ",", omittingEmptySubsequences: false).map { word in
            guard let number = Double(word.trimmingCharacters(in: .whitespaces)), number.isFinite else {
                throw Failure(
                    .usage, "--\(option) \(text): \"\(word)\" is not a number; numbers with commas are needed")
            }
            return number
        }
    }
}

enum ExplanationFormat: String, ExpressibleByArgument, CaseIterable { case text, markdown }
