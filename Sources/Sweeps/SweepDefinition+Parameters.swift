import Errors
import Training
import Yams

extension SweepDefinition {
    /// The parameters of a mapping, groups within it flattened. wandb goes through the keys of each level in the order of
    /// their characters, whatever the order in the file (`HyperParameterSet.from_config` of its package `sweeps`).
    static func parameters(_ node: Node, group: String, path: String) throws -> [Parameter] {
        guard case .mapping(let mapping) = node else {
            throw Failure(.data, "\"parameters\" needs a mapping of options to values")
        }
        let entries = mapping.map { (key: $0.key, name: $0.key.scalar?.string ?? "", node: $0.value) }
        return try entries.sorted { $0.name.precedes($1.name) }.flatMap { entry in
            try placed(entry.key, path) { try parameters(entry.name, entry.node, group: group, path: path) }
        }
    }

    /// A set of overrides: an option's value, or as in `parameters` its `value` or `values`.
    static func point(_ node: Node, path: String) throws -> [Parameter] {
        try placed(node, path) {
            guard case .mapping(let mapping) = node, !mapping.isEmpty else {
                throw Failure(.data, "a point needs a mapping of options to values, such as {dropout: 0.2}")
            }
            let entries = mapping.map { (key: $0.key, name: $0.key.scalar?.string ?? "", node: $0.value) }
            return try entries.sorted { $0.name.precedes($1.name) }.flatMap { entry in
                try placed(entry.key, path) {
                    if case .mapping = entry.node {
                        return try parameters(entry.name, entry.node, group: "", path: path)
                    }
                    return [try parameter(entry.name, [entry.node], path: path)]
                }
            }
        }
    }

    /// One key of `parameters`: a parameter, or a group of them.
    private static func parameters(_ name: String, _ node: Node, group: String, path: String) throws -> [Parameter] {
        let full = group + name
        guard case .mapping(let mapping) = node else {
            throw Failure(.data, "\"\(full)\" needs \"value\" or \"values\", as in \(name): {values: [1, 2]}")
        }
        let keys = Set(mapping.keys.compactMap { $0.scalar?.string })
        if keys == ["parameters"], let inner = mapping["parameters"] {
            return try parameters(inner, group: full + ".", path: path)
        }
        let known: Set = ["value", "values", "distribution", "min", "max", "q"]
        if let unknown = keys.subtracting(known).min() {
            throw Failure(
                .data, "\"\(full)\": \"\(unknown)\" is not supported in a grid (value, values, or whole min and max)")
        }
        let distribution = mapping["distribution"]?.scalar?.string
        switch distribution ?? Self.impliedDistribution(keys) {
        case "constant":
            guard keys.isSubset(of: ["value", "distribution"]), let value = mapping["value"] else { break }
            return [try parameter(full, [value], path: path)]
        case "categorical":
            guard keys.isSubset(of: ["values", "distribution"]), case .sequence(let list) = mapping["values"],
                !list.isEmpty
            else { break }
            return [try parameter(full, Array(list), path: path)]
        case "int_uniform", "q_uniform":
            guard keys.isDisjoint(with: ["value", "values"]) else { break }
            let place = mapping["min"]?.mark.map { "\(path):\($0.line)" } ?? path
            let texts = try range(mapping, full, isWhole: distribution != "q_uniform")
            return [try parameter(full, texts.map { SweepValue($0, place: place) })]
        default: throw Failure(.data, "\"\(full)\": distribution \(distribution ?? "") has no place in a grid")
        }
        throw Failure(
            .data, "\"\(full)\" needs \"value\", or \"values\" with a list that is not empty, or \"min\" and \"max\"")
    }

    private static func impliedDistribution(_ keys: Set<String>) -> String {
        keys.contains("value") ? "constant" : keys.contains("min") ? "int_uniform" : "categorical"
    }

    /// wandb's grid of a range: all whole numbers from min to max; for q_uniform numpy's `arange`, without max.
    private static func range(_ mapping: Node.Mapping, _ name: String, isWhole: Bool) throws -> [String] {
        func number(_ key: String) -> String? { mapping[key]?.scalar?.string }
        let limit = 100_000
        let whole = (number("min").flatMap { Int($0) }, number("max").flatMap { Int($0) }, Int(number("q") ?? "1"))
        if case (let low?, let high?, let step?) = whole, step >= 1, low <= high, (high - low) / step < limit {
            return isWhole
                ? (low...high).map { "\($0)" } : stride(from: low, to: high, by: step).map { "\($0)" }
        }
        let real = (
            number("min").flatMap { Double($0) }, number("max").flatMap { Double($0) }, Double(number("q") ?? "1")
        )
        guard !isWhole, case (let low?, let high?, let step?) = real, step > 0, low < high, (high - low) / step < 1e5
        else {
            throw Failure(.data, "\"\(name)\": whole \"min\" and \"max\" are needed in a grid, or a list of \"values\"")
        }
        // As numpy counts: the second element minus the first is the step.
        let delta = (low + step) - low
        return (0..<Int(((high - low) / step).rounded(.up))).map { "\(low + Double($0) * delta)" }
    }

    private static func parameter(_ full: String, _ nodes: [Node], path: String) throws -> Parameter {
        let option = try option(full)
        return try parameter(
            full,
            nodes.map { node in
                try SweepValue(node, option: option, place: node.mark.map { "\(path):\($0.line)" } ?? path)
            })
    }

    private static func parameter(_ full: String, _ values: [SweepValue]) throws -> Parameter {
        let option = try option(full)
        var distinct: [SweepValue] = []
        for value in values where !distinct.contains(value) {
            var options = TrainingOptions()
            guard value.isNull || options.set(option, value.text, at: value.place) else {
                let type = TrainingOptions.typeName(of: option)
                throw Failure(.data, "\(value.place): \"\(full)\" needs \(type), not \"\(value.text)\"")
            }
            distinct.append(value)
        }
        return Parameter(path: full, option: option, values: distinct)
    }

    /// Groups only group: the option is what the last name says.
    private static func option(_ full: String) throws -> String {
        try TrainingOptions.optionName(full.split(separator: ".").last.map(String.init) ?? full)
    }

    /// Puts file and line in front of a failure that has none.
    private static func placed<T>(_ node: Node, _ path: String, _ body: () throws -> T) throws -> T {
        do { return try body() } catch let failure as Failure {
            guard !failure.message.hasPrefix("\(path):"), let line = node.mark?.line else { throw failure }
            throw Failure(.data, "\(path):\(line): \(failure.message)")
        }
    }
}

extension String {
    /// In the order of code points.
    func precedes(_ other: String) -> Bool { unicodeScalars.lexicographicallyPrecedes(other.unicodeScalars) }
}
