import Errors
import Foundation
import Models
import Yams

/// One option as a file spells it.
struct ConfigurationKey: Sendable {
    let name: String
    /// Parses a scalar's text; false when it is not of the option's type.
    let parse: @Sendable (inout TrainingOptions, String) -> Bool
    /// Takes the value of another set of options where this one has none.
    let inherit: @Sendable (inout TrainingOptions, TrainingOptions) -> Void
    let typeName: String
    /// The text that `parse` takes; nil where nothing was said.
    let text: @Sendable (TrainingOptions) -> String?

    init<Value: LosslessStringConvertible & SendableMetatype>(
        _ name: String, _ path: WritableKeyPath<TrainingOptions, Value?> & Sendable, _ typeName: String
    ) {
        self.name = name
        self.typeName = typeName
        parse = { options, text in
            guard let value = Value(text) else { return false }
            options[keyPath: path] = value
            return true
        }
        text = { $0[keyPath: path].map { $0.description } }
        inherit = { options, other in
            guard options[keyPath: path] == nil else { return }
            options[keyPath: path] = other[keyPath: path]
            options.places[name] = other.places[name]
        }
    }
}

extension TrainingOptions {
    static let keys: [ConfigurationKey] = [
        ConfigurationKey("dataset", \.dataset, "text"),
        ConfigurationKey("data-dir", \.dataDirectory, "text"),
        ConfigurationKey("classes", \.classes, "text"),
        ConfigurationKey("samples", \.samples, "a whole number"),
        ConfigurationKey("subset", \.subset, "a number"),
        ConfigurationKey("fold", \.fold, "text"),
        ConfigurationKey("stratified", \.isStratified, "true or false"),
        ConfigurationKey("augment", \.augmentation, "text"),
        ConfigurationKey("standardize", \.standardization, "text"),
        ConfigurationKey("shuffle", \.shuffle, "text"),
        ConfigurationKey("model", \.model, "text or a list of layers"),
        ConfigurationKey("family", \.family.family, "text"),
        ConfigurationKey("hidden-layers", \.family.hiddenLayers, "a whole number"),
        ConfigurationKey("hidden-size", \.family.hiddenSize, "text"),
        ConfigurationKey("activation", \.family.activation, "text"),
        ConfigurationKey("normalization", \.family.normalization, "text"),
        ConfigurationKey("dropout", \.family.dropout, "a number"),
        ConfigurationKey("convolutions", \.family.convolutions, "text"),
        ConfigurationKey("kernel-size", \.family.kernelSize, "text"),
        ConfigurationKey("pool", \.family.pool, "a whole number"),
        ConfigurationKey("bottleneck", \.family.bottleneck, "a whole number"),
        ConfigurationKey("output-activation", \.family.outputActivation, "text"),
        ConfigurationKey("init", \.initializer, "text"),
        ConfigurationKey("layers", \.layers, "text"),
        ConfigurationKey("initial-weights", \.initialWeights, "text"),
        ConfigurationKey("initial-layers", \.initialLayers, "text"),
        ConfigurationKey("loss", \.loss, "text"),
        ConfigurationKey("target", \.target, "text"),
        ConfigurationKey("ignore-columns", \.ignoredColumns, "text"),
        ConfigurationKey("test-split", \.testSplit, "a number"),
        ConfigurationKey("standardize-target", \.standardizesTarget, "true or false"),
        ConfigurationKey("label-smoothing", \.labelSmoothing, "a number"),
        ConfigurationKey("class-weights", \.classWeights, "text"),
        ConfigurationKey("optimizer", \.optimizer, "text"),
        ConfigurationKey("learning-rate", \.learningRate, "a number"),
        ConfigurationKey("momentum", \.momentum, "a number"),
        ConfigurationKey("beta1", \.beta1, "a number"),
        ConfigurationKey("beta2", \.beta2, "a number"),
        ConfigurationKey("alpha", \.alpha, "a number"),
        ConfigurationKey("epsilon", \.epsilon, "a number"),
        ConfigurationKey("weight-decay", \.weightDecay, "a number"),
        ConfigurationKey("clip-value", \.clipValue, "a number"),
        ConfigurationKey("clip-norm", \.clipNorm, "a number"),
        ConfigurationKey("schedule", \.schedule, "text"),
        ConfigurationKey("warmup", \.warmUp, "text"),
        ConfigurationKey("scale-learning-rate", \.scaleLearningRate, "a whole number"),
        ConfigurationKey("average", \.average, "a number"),
        ConfigurationKey("batch-size", \.batchSize, "a whole number or \"all\""),
        ConfigurationKey("accumulate", \.accumulate, "a whole number"),
        ConfigurationKey("grain", \.grain, "a whole number"),
        ConfigurationKey("epochs", \.epochs, "a whole number"),
        ConfigurationKey("steps", \.steps, "a whole number"),
        ConfigurationKey("seed", \.seed, "a whole number from 0"),
        ConfigurationKey("split-seed", \.splitSeed, "a whole number from 0"),
        ConfigurationKey("validation-split", \.validationSplit, "a number"),
        ConfigurationKey("metric", \.metric, "text"),
        ConfigurationKey("patience", \.patience, "a whole number"),
        ConfigurationKey("min-delta", \.minDelta, "a number"),
        ConfigurationKey("reduction", \.reduction, "text"),
        ConfigurationKey("balance", \.isBalanced, "true or false"),
        ConfigurationKey("hash-every", \.hashEvery, "a whole number"),
        ConfigurationKey("histogram-every", \.histogramEvery, "a whole number"),
        ConfigurationKey("checkpoint-every", \.checkpointEvery, "text"),
        ConfigurationKey("keep-checkpoints", \.keepCheckpoints, "a whole number"),
    ]

    /// Reads a YAML mapping of option names to values.
    ///
    /// - Throws: `Failure(.inputNotFound)` without the file, `Failure(.data)` with path and line for what is wrong in it.
    package init(contentsOf path: String) throws {
        self.init()
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw Failure(.inputNotFound, "\(path): no such file; `train` takes a YAML file of options")
        }
        guard !isFolder.boolValue else {
            throw Failure(.data, "\(path) is a folder; `train` takes a YAML file of options")
        }
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw Failure(.inputOutput, "\(path): cannot be read")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(.data, "\(path): is not UTF-8 text")
        }
        try self.init(yaml: text, path: path)
    }

    /// The options that a run's folder keeps; nil where it holds no run.
    package init?(ofRun folder: String) throws {
        let path = "\(folder)/config.yaml"
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        try self.init(contentsOf: path)
    }

    /// Reads a YAML mapping of option names to values that stands in `path`.
    package init(yaml text: String, path: String) throws {
        self.init()
        let root: Node?
        do { root = try BoundedYAML(path: path, subject: "a configuration").root(text) } catch let error as YamlError {
            let problem = error.problem.onOneLine(atMost: Self.messageByteLimit)
            throw Failure(.data, "\(path)\(error.place): not valid YAML: \(problem)")
        }
        guard let root else { return }
        guard case .mapping(let mapping) = root else {
            throw Failure(.data, "\(path): a mapping of options to values is needed, such as \"batch-size: 64\"")
        }
        for (keyNode, valueNode) in mapping { try set(keyNode, valueNode, path: path) }
    }

    private mutating func set(_ keyNode: Node, _ valueNode: Node, path: String) throws {
        let line = keyNode.mark.map { ":\($0.line)" } ?? ""
        let written = keyNode.scalar?.string ?? ""
        do {
            let name = try Self.optionName(written)
            guard let text = try Self.text(of: valueNode, option: name), set(name, text, at: path + line) else {
                throw Failure(.data, "\"\(written)\" needs \(Self.typeName(of: name))")
            }
        } catch let failure as Failure {
            throw Failure(.data, "\(path)\(line): \(failure.message.onOneLine(atMost: Self.messageByteLimit))")
        }
    }
}

extension TrainingConfiguration {
    /// The configuration as YAML that `TrainingOptions(contentsOf:)` reads back to the same run.
    package var yaml: String { yamlLines.map { "\($0)\n" }.joined() }

    /// A line for each key.
    var yamlLines: [String] {
        func quoted(_ text: String) -> String {
            // What YAML does not take as it is, or an editor would not show, by its number.
            let escaped = text.unicodeScalars.map { scalar -> String in
                switch scalar {
                case "\"": return "\\\""
                case "\\": return "\\\\"
                case "\n": return "\\n"
                case "\t": return "\\t"
                default: break
                }
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
                    let digits = String(scalar.value, radix: 16)
                    return "\\U" + String(repeating: "0", count: 8 - digits.utf8.count) + digits
                default: return String(scalar)
                }
            }
            return "\"\(escaped.joined())\""
        }
        var lines = ["dataset: \(quoted(dataset))"]
        if let dataDirectory { lines.append("data-dir: \(quoted(dataDirectory))") }
        lines += data.yamlLines(quoted: quoted)
        lines.append("model: \(quoted(ModelText.text(of: model)))")
        if !layers.rules.isEmpty { lines.append("layers: \(quoted(layers.text))") }
        if let initialWeights {
            lines += [
                "initial-weights: \(quoted(initialWeights.path))", "initial-layers: \(quoted(initialWeights.layers))",
            ]
        }
        lines += loss.yamlLines(columns: data.table.map { quoted($0.targets.joined(separator: ",")) })
        lines += updateYAML
        lines.append("batch-size: \(batchSize)")
        if accumulation > 1 { lines.append("accumulate: \(accumulation)") }
        lines += ["grain: \(grainSize)", "epochs: \(epochs)"]
        if let steps { lines.append("steps: \(steps)") }
        lines += ["seed: \(seed)", "split-seed: \(splitSeed)", "validation-split: \(validationSplit)"]
        lines += selectionYAML
        lines.append("reduction: \(reduction.rawValue)")
        if isBalanced { lines.append("balance: true") }
        if let hashEvery { lines.append("hash-every: \(hashEvery)") }
        if let histogramEvery { lines.append("histogram-every: \(histogramEvery)") }
        lines += ["checkpoint-every: \(checkpoints.intervalText)", "keep-checkpoints: \(checkpoints.keptCount)"]
        return lines
    }
}

extension YamlError {
    /// `:LINE` where the parser knows it.
    package var place: String {
        switch self {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): ":\(mark.line)"
        default: ""
        }
    }

    /// Without the source text, which may be long.
    package var problem: String {
        switch self {
        case .scanner(_, let problem, _, _), .parser(_, let problem, _, _), .composer(_, let problem, _, _): problem
        case .reader(let problem, _, _, _): problem
        default: "\(self)".split(separator: "\n").first.map(String.init) ?? "unknown error"
        }
    }
}
