import Errors
import Training
import Yams

extension SweepDefinition {
    private static let ignored = [
        "program", "command", "project", "entity", "job", "image_uri", "controller", "apiVersion", "kind",
    ]
    private static let known =
        [
            "name", "description", "method", "metric", "run_cap", "early_terminate", "parameters", "conditions",
            "points",
            "seeds", "seed", "lag",
        ] + ignored

    /// - Parameter path: The file's name, for messages.
    /// - Throws: `Failure(.data)` with path, line and column.
    package init(yaml: String, path: String) throws {
        let file = SweepYAML(path: path)
        let root = try file.root(yaml)
        guard let root, case .mapping(let mapping) = root else {
            throw Failure(.data, "\(path): a sweep needs \"method: grid\" and \"parameters\"; see docs/SWEEPS.md")
        }
        let entries = try file.entries(root, "a mapping is needed")
        for (name, key, value) in entries { try read(name, key, value, file) }
        guard mapping["method"] != nil else { throw Failure(.data, "\(path): \"method: grid\" is missing") }
        guard let node = mapping["parameters"], try !file.entries(node, Self.needsMapping).isEmpty else {
            throw Failure(.data, "\(path): \"parameters\" is missing or empty")
        }
        var reader = ParameterReader(file: file, isGrid: method == .grid)
        parameters = try reader.parameters(node, group: "")
        if let node = mapping["points"] {
            guard case .sequence(let list) = node else {
                throw file.failure(node, "\"points\" needs a list of mappings, such as \"- {dropout: 0.2}\"")
            }
            points = try list.map { try reader.point($0) }
        }
        if let node = mapping["conditions"] { try readConditions(node, &reader) }
        notes += reader.notes
        try complete(file)
        for list in [parameters] + points { try refuseRepeated(list) }
        if let node = mapping["metric"] { metric = try readMetric(node, file) }
        if let node = mapping["early_terminate"] { earlyTermination = try readEarlyTermination(node, file) }
        guard seeds == 1 || !parameters.contains(where: { $0.option == "seed" }) else {
            throw file.failure(mapping["seeds"], "\"seeds\" and a parameter seed exclude each other; omit one")
        }
        guard method == .grid || parameters.contains(where: { !$0.isConstant }) else {
            throw file.failure(node, "no parameter varies: method \(method.rawValue) has nothing to choose")
        }
        try checkValues()
    }

    private static let needsMapping = "\"parameters\" needs a mapping of options to values"

    private mutating func read(_ name: String, _ key: Node, _ value: Node, _ file: SweepYAML) throws {
        switch name {
        case "name": self.name = value.scalar?.string
        case "description": description = value.scalar?.string
        case "method": method = try Self.method(value, file)
        case "run_cap": runCap = try file.wholeNumber(value, name, from: 1)
        case "seeds":
            seeds = try file.wholeNumber(value, name, from: 1)
            guard seeds <= 1_000 else { throw file.failure(value, "\"seeds\": \(seeds) are more than 1,000") }
        case "lag": lag = try file.wholeNumber(value, name, from: 0)
        case "seed": seed = UInt64(try file.wholeNumber(value, name, from: 0))
        case "metric", "parameters", "points", "conditions", "early_terminate": break
        case "metrics", "scheduler":
            throw file.failure(key, "\"\(name)\" is not supported: one metric is searched, by the methods built in")
        case _ where Self.ignored.contains(name): ignoredKeys.append(name)
        default:
            let near = Spelling.nearest(to: name, in: Self.known).map { "; did you mean \"\($0)\"?" } ?? ""
            throw file.failure(key, "unknown key \"\(name.prefix(60))\"\(near)")
        }
    }

    private static func method(_ value: Node, _ file: SweepYAML) throws -> Method {
        let written = value.scalar?.string ?? ""
        if let method = Method(rawValue: SweepNames.plain(written)) { return method }
        let names = Method.allCases.map(\.rawValue)
        let near = Spelling.nearest(to: written, in: names).map { "; did you mean \($0)?" } ?? ""
        throw file.failure(value, "\"method\" needs \(names.joined(separator: ", "))\(near)")
    }

    private mutating func readMetric(_ value: Node, _ file: SweepYAML) throws -> Metric {
        let known = ["name", "goal", "target", "impute", "impute_while_running"]
        let entries = try file.entries(value, "\"metric\" needs a name, such as {name: testAccuracy, goal: maximize}")
        if let entry = entries.first(where: { !known.contains($0.name) }) {
            throw file.failure(
                entry.key, "unknown key \"\(entry.name)\" of metric (known: \(known.joined(separator: ", ")))")
        }
        func node(_ name: String) -> Node? { entries.first { $0.name == name }?.value }
        guard let written = node("name")?.scalar?.string else {
            throw file.failure(value, "\"metric\" needs a name, such as {name: testAccuracy, goal: maximize}")
        }
        let split = hasValidation ? "validation" : "test"
        guard let name = Metric.field(written, split: split) else {
            let near = Spelling.nearest(to: written, in: Metric.names).map { "; did you mean \($0)?" } ?? ""
            throw file.failure(
                node("name"),
                "metric \"\(written)\" is unknown; it may be \(Metric.names.joined(separator: ", "))\(near)")
        }
        if SweepNames.plain(name) != SweepNames.plain(written) { notes.append("metric \(written) is \(name)") }
        for name in ["impute", "impute_while_running"] where node(name) != nil {
            notes.append("metric's \(name) has no effect: trials that failed count as the worst")
        }
        var metric = Metric(name: name, isMaximized: Metric.isMaximizedByDefault(name))
        if let goal = node("goal") {
            switch goal.scalar?.string {
            case "maximize": metric.isMaximized = true
            case "minimize": metric.isMaximized = false
            default:
                throw file.failure(goal, "metric goal \"\(goal.scalar?.string ?? "")\": maximize or minimize is needed")
            }
        }
        metric.target = try node("target").map { try file.number($0, "target") }
        return metric
    }

    /// Whether the file gives every trial a validation split.
    private var hasValidation: Bool {
        guard let split = parameters.first(where: { $0.option == "validation-split" }) else { return false }
        return split.values.allSatisfy { ($0.number ?? 0) > 0 }
    }

    private func readEarlyTermination(_ value: Node, _ file: SweepYAML) throws -> Hyperband {
        let form = "such as {type: hyperband, min_iter: 3} or {type: hyperband, max_iter: 27, s: 2}"
        let known = ["type", "min_iter", "max_iter", "s", "eta", "strict"]
        let entries = try file.entries(value, "\"early_terminate\" needs a mapping, \(form)")
        if let entry = entries.first(where: { !known.contains($0.name) }) {
            let near = Spelling.nearest(to: entry.name, in: known).map { "; did you mean \"\($0)\"?" } ?? ""
            throw file.failure(entry.key, "unknown key \"\(entry.name)\" of early_terminate\(near)")
        }
        func node(_ name: String) -> Node? { entries.first { $0.name == name }?.value }
        guard node("type")?.scalar?.string == "hyperband" else {
            throw file.failure(node("type") ?? value, "\"early_terminate\" needs type: hyperband, \(form)")
        }
        let eta = try node("eta").map { try file.number($0, "eta") } ?? 3
        guard eta > 1 else { throw file.failure(node("eta"), "\"eta\": \(eta): a number above 1 is needed") }
        var isStrict = true
        if let strict = node("strict") {
            guard let flag = strict.bool else { throw file.failure(strict, "\"strict\" needs true or false") }
            isStrict = flag
        }
        // As wandb does it: with both ways given max_iter counts, with its s.
        if let maximum = node("max_iter") {
            guard let count = node("s") else {
                if let minimum = node("min_iter") {
                    return Hyperband(
                        minimum: try file.wholeNumber(minimum, "min_iter", from: 1), eta: eta, isStrict: isStrict)
                }
                throw file.failure(maximum, "\"max_iter\" needs \"s\" beside it, the number of brackets, \(form)")
            }
            let last = try file.wholeNumber(maximum, "max_iter", from: 1)
            guard
                let hyperband = Hyperband(
                    maximum: last, count: try file.wholeNumber(count, "s", from: 1), eta: eta, isStrict: isStrict)
            else { throw file.failure(maximum, "\"max_iter\": \(last) epochs leave no bracket for eta \(eta)") }
            return hyperband
        }
        guard let minimum = node("min_iter") else {
            throw file.failure(value, "\"early_terminate\" needs min_iter, or max_iter and s, \(form)")
        }
        return Hyperband(minimum: try file.wholeNumber(minimum, "min_iter", from: 1), eta: eta, isStrict: isStrict)
    }

    /// `conditions: {momentum: {optimizer: [sgd, nesterov]}}`.
    private mutating func readConditions(_ node: Node, _ reader: inout ParameterReader) throws {
        let file = reader.file
        let form = "such as {momentum: {optimizer: [sgd, nesterov]}}"
        for (name, key, value) in try file.entries(node, "\"conditions\" needs a mapping of parameters, \(form)") {
            let option = SweepNames.option(name)
            guard let index = parameters.firstIndex(where: { $0.option == option }) else {
                throw file.failure(key, "\"\(name.prefix(60))\" is no parameter of this sweep, so it has no conditions")
            }
            for (parent, parentKey, wanted) in try file.entries(
                value, "a condition is a parameter and its values, \(form)")
            {
                let parentOption = SweepNames.option(parent)
                guard parentOption != option, let other = parameters.first(where: { $0.option == parentOption }) else {
                    throw file.failure(
                        parentKey, "\"\(parent.prefix(60))\" is no other parameter of this sweep, \(form)")
                }
                let nodes: [Node] = if case .sequence(let list) = wanted { Array(list) } else { [wanted] }
                let values = try nodes.map { try reader.value($0, option: other.option) }
                for (value, node) in zip(values, nodes) where !other.values.isEmpty && !other.values.contains(value) {
                    throw file.failure(node, "\"\(parent)\" never is \(value.text), so \"\(name)\" would never exist")
                }
                parameters[index].conditions.append(
                    Condition(option: other.option, values: values, place: file.place(parentKey)))
            }
        }
    }

    private func refuseRepeated(_ parameters: [Parameter]) throws {
        for (index, parameter) in parameters.enumerated() {
            guard let other = parameters[..<index].first(where: { $0.option == parameter.option }) else { continue }
            guard other.path != parameter.path || other.conditions.isEmpty else { continue }
            throw Failure(
                .data,
                "\(parameter.place): \"\(other.path)\" and \"\(parameter.path)\" are the same option, "
                    + "\(parameter.option)"
            )
        }
    }
}

extension SweepDefinition {
    /// The domain of one parameter, whatever its name: `x: {min: 0, max: 1.0}`.
    package static func domain(yaml: String, name: String) throws -> SearchSpace.Domain {
        let file = SweepYAML(path: "parameter")
        guard case .mapping(let mapping)? = try file.root(yaml), case .mapping(let fields)? = mapping[name] else {
            throw Failure(.data, "a mapping of \(name) is needed")
        }
        let reader = DistributionReader(file: file, name: name, key: mapping[name]!, mapping: fields)
        let kind = try reader.kind()
        guard let nodes = try reader.valueNodes(kind) else { return .range(try reader.distribution(kind)) }
        let values = nodes.map { SweepValue($0.scalar?.string ?? "") }
        return .choices(ParameterReader.distinct(values, try reader.probabilities(kind, count: values.count)))
    }
}
