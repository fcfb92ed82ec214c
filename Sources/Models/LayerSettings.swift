import Errors
import Tensors

/// What one tensor has of its own; nil where it goes with the run.
package struct TensorSettings: Hashable, Sendable {
    package var learningRate: Double?
    package var weightDecay: Double?
    package var initializer: Initializer?
    package var isFrozen = false

    package init() {}
}

/// Settings of single layers or tensors, by pattern: the grammar of `--layers`.
///
///     layers  = rule { ";" rule }
///     rule    = pattern ":" setting { "," setting }
///     setting = "learning-rate" NUMBER | "weight-decay" NUMBER | "init" INITIALIZER | "frozen" | "trained"
///
/// A pattern, in which `*` stands for any text, is compared with the names of a tensor and of its layer: `2.weight` and
/// `2` by place, `dense.weight` and `dense` by kind. Of several rules for a tensor the later one counts, setting by
/// setting.
package struct LayerSettings: Hashable, Sendable {
    package struct Rule: Hashable, Sendable {
        package let pattern: String
        package var learningRate: Double?
        package var weightDecay: Double?
        package var initializer: Initializer?
        package var isFrozen: Bool?

        /// For all tensors.
        package init(initializer: Initializer) {
            pattern = "*"
            self.initializer = initializer
        }
    }

    package var rules: [Rule] = []

    package init() {}

    /// - Throws: `Failure(.usage)` that names what is wrong.
    package init(_ text: String) throws {
        for part in text.split(separator: ";", omittingEmptySubsequences: false) {
            rules.append(try Rule(part, text: text))
        }
    }

    package var text: String { rules.map(\.text).joined(separator: "; ") }

    /// By tensor.
    ///
    /// - Throws: `Failure(.data)` for a pattern that meets nothing, and an initialiser that meets no weight that is drawn.
    func resolve(_ operations: [Operation], _ layout: ParameterLayout) throws -> [TensorSettings] {
        var settings = [TensorSettings](repeating: TensorSettings(), count: layout.entries.count)
        for rule in rules {
            var isUsed = false
            var isInitializerUsed = false
            for (index, entry) in layout.entries.enumerated() {
                guard let operation = operations.first(where: { entry.belongs(to: $0) }) else { continue }
                let tensor = entry.name.dropFirst(operation.name.count)
                guard entry.isMet(by: rule.pattern, of: operation) else { continue }
                isUsed = true
                if let rate = rule.learningRate { settings[index].learningRate = rate }
                if let decay = rule.weightDecay { settings[index].weightDecay = decay }
                if let initializer = rule.initializer, operation.layer?.drawsWeight == true, tensor == ".weight" {
                    settings[index].initializer = initializer
                    isInitializerUsed = true
                }
                if let isFrozen = rule.isFrozen { settings[index].isFrozen = isFrozen }
            }
            guard isUsed else {
                let known = layout.entries.map(\.name).joined(separator: ", ")
                throw Failure(.data, "layers: \"\(rule.pattern)\" meets no tensor of the model (\(known))")
            }
            guard rule.initializer == nil || isInitializerUsed else {
                throw Failure(
                    .data,
                    "layers: \"\(rule.pattern)\" meets no weight that is drawn, so that \"init\" does nothing; biases begin at 0, "
                        + "scales of normalisations at 1")
            }
        }
        return settings
    }
}

extension LayerSettings.Rule {
    fileprivate init(_ part: Substring, text: String) throws {
        func failure(_ what: String) -> Failure { Failure(.usage, "layers \"\(text)\": \(what)") }
        let halves = part.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let words = halves[0].split(whereSeparator: \.isWhitespace)
        guard halves.count == 2, words.count == 1 else {
            throw failure("a rule is written \"PATTERN: SETTING, …\", such as \"0: learning-rate 0.01, frozen\"")
        }
        pattern = String(words[0])
        for setting in halves[1].split(separator: ",", omittingEmptySubsequences: false) {
            let words = setting.split(whereSeparator: \.isWhitespace).map(String.init)
            func number(_ isAllowed: (Double) -> Bool) throws -> Double {
                guard words.count == 2, let value = Double(words[1]), value.isFinite, isAllowed(value) else {
                    throw failure("\"\(words[0])\" needs one number, such as \"\(words[0]) 0.001\"")
                }
                return value
            }
            switch words.first {
            case "learning-rate": learningRate = try number { $0 > 0 }
            case "weight-decay": weightDecay = try number { $0 >= 0 }
            case "init": initializer = try Initializer(words.dropFirst().joined(separator: " "))
            case "frozen" where words.count == 1: isFrozen = true
            case "trained" where words.count == 1: isFrozen = false
            default:
                let known = "learning-rate NUMBER, weight-decay NUMBER, init INITIALIZER, frozen, trained"
                throw failure("\"\(words.joined(separator: " "))\" is no setting; it may be \(known)")
            }
        }
    }

    fileprivate var text: String {
        var settings: [String] = []
        if let learningRate { settings.append("learning-rate \(learningRate)") }
        if let weightDecay { settings.append("weight-decay \(weightDecay)") }
        if let initializer { settings.append("init \(initializer.text)") }
        if let isFrozen { settings.append(isFrozen ? "frozen" : "trained") }
        return "\(pattern): \(settings.joined(separator: ", "))"
    }

}

extension Network {
    /// Whether a pattern of `LayerSettings` meets a tensor of `layout` or `stateLayout`.
    package func isMet(_ entry: ParameterLayout.Entry, by pattern: String) -> Bool {
        operations.first { entry.belongs(to: $0) }.map { entry.isMet(by: pattern, of: $0) } ?? false
    }
}

extension ParameterLayout.Entry {
    fileprivate func isMet(by pattern: String, of operation: Operation) -> Bool {
        let kind = operation.text.prefix { $0 != " " }
        let tensor = name.dropFirst(operation.name.count)
        return [operation.name, name, "\(kind)", "\(kind)\(tensor)"].contains { $0.fits(pattern) }
    }
}

extension String {
    /// Whether the whole text fits the pattern.
    fileprivate func fits(_ pattern: String) -> Bool {
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard parts.count > 1 else { return self == pattern }
        var rest = self[...]
        guard rest.hasPrefix(parts[0]) else { return false }
        rest = rest.dropFirst(parts[0].count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let found = rest.firstRange(of: part) else { return false }
            rest = rest[found.upperBound...]
        }
        return rest.hasSuffix(parts[parts.count - 1])
    }
}

extension Initializer {
    /// - Throws: `Failure(.usage)` that names what is wrong.
    package init(_ text: String) throws {
        let words = text.split(whereSeparator: \.isWhitespace).map { $0.lowercased() }
        let known = InitializerGrammar.all
        guard let grammar = known.first(where: { $0.name == words.first }) else {
            let near = words.first.flatMap { Spelling.nearest(to: $0, in: known.map(\.name)) }
            throw Failure(
                .usage,
                "init \"\(text)\" is unknown; it may be \(known.map(\.form).joined(separator: ", "))"
                    + (near.map { "; did you mean \($0)?" } ?? ""))
        }
        guard let number = grammar.number, words.count == 2 else {
            guard words.count == 1 else { throw Failure(.usage, "init \"\(text)\": is written \"\(grammar.form)\"") }
            self = grammar.make(grammar.number?.standard ?? 0)
            return
        }
        guard let value = Double(words[1]), value > 0, value.isFinite else {
            throw Failure(.usage, "init \"\(text)\": \(number.name) must be a positive number")
        }
        self = grammar.make(value)
    }
}
