import Errors
import Training
import Yams

/// Reads `parameters` and `points`.
struct ParameterReader {
    typealias Parameter = SweepDefinition.Parameter

    let file: SweepYAML
    let isGrid: Bool
    /// What names were taken for.
    private(set) var notes: [String] = []

    init(file: SweepYAML, isGrid: Bool) {
        self.file = file
        self.isGrid = isGrid
    }

    /// The parameters of a mapping, groups within it flattened. wandb goes through the keys of each level in the order
    /// of
    /// their characters, whatever the order in the file (`HyperParameterSet.from_config` of its package `sweeps`).
    mutating func parameters(_ node: Node, group: String) throws -> [Parameter] {
        var parameters: [Parameter] = []
        let entries = try file.entries(node, "\"parameters\" needs a mapping of options to values")
        for (name, key, value) in entries.sorted(by: { $0.name.precedes($1.name) }) {
            parameters += try parameter(name, key, value, group: group)
        }
        return parameters
    }

    /// A set of overrides: an option's value, or as in `parameters` its `value` or `values`.
    mutating func point(_ node: Node) throws -> [Parameter] {
        let form = "a point needs a mapping of options to values, such as {dropout: 0.2}"
        let entries = try file.entries(node, form)
        guard !entries.isEmpty else { throw file.failure(node, form) }
        var parameters: [Parameter] = []
        for (name, key, value) in entries.sorted(by: { $0.name.precedes($1.name) }) {
            if case .mapping = value {
                parameters += try parameter(name, key, value, group: "")
            } else {
                guard let option = try option(name, key, varies: true) else { continue }
                parameters.append(
                    Parameter(
                        path: name, option: option, domain: .choices(Choices([try self.value(value, option: option)])),
                        place: file.place(value)))
            }
        }
        return parameters
    }

    /// One key of `parameters`: a parameter, or a group of them; none where it is unknown and does not vary.
    private mutating func parameter(_ name: String, _ key: Node, _ node: Node, group: String) throws -> [Parameter] {
        let full = group + name
        guard case .mapping(let mapping) = node else {
            throw file.failure(key, "\"\(full)\" needs \"value\" or \"values\", as in \(name): {values: [1, 2]}")
        }
        let keys: [String] = mapping.keys.compactMap { $0.scalar?.string }
        if keys == ["parameters"], let inner = mapping["parameters"] {
            return try parameters(inner, group: full + ".")
        }
        let fields = DistributionReader(file: file, name: full, key: key, mapping: mapping)
        let kind = try fields.kind()
        let nodes = try fields.valueNodes(kind)
        guard let option = try option(full, key, varies: nodes.map { $0.count > 1 } ?? true) else { return [] }
        if let nodes {
            let probabilities = try fields.probabilities(kind, count: nodes.count)
            let values = try nodes.map { try value($0, option: option) }
            if isGrid && probabilities != nil {
                throw file.failure(
                    key, "\"\(full)\": probabilities have no place in a grid, which tries every value; omit them")
            }
            let choices = Self.distinct(values, probabilities)
            return [Parameter(path: full, option: option, domain: .choices(choices), place: file.place(key))]
        }
        let distribution = try fields.distribution(kind)
        if let note = try fields.note(kind) { notes.append(note) }
        let place = file.place(mapping["min"] ?? mapping["distribution"] ?? key)
        let isWholeOption = TrainingOptions.typeName(of: option).hasPrefix("a whole number")
        guard !isWholeOption || distribution.isWhole else {
            throw file.failure(
                key,
                "\"\(full)\" needs whole numbers: write whole \"min\" and \"max\", or distribution: q_uniform and a "
                    + "\"q\""
            )
        }
        guard isGrid else { return [Parameter(path: full, option: option, domain: .range(distribution), place: place)] }
        let values = try fields.gridValues(kind, distribution).map { SweepValue(number: $0).at(place) }
        return [Parameter(path: full, option: option, domain: .choices(Choices(values)), place: place)]
    }

    /// The option of a name. Nil, and noted, where there is none for what does not vary.
    private mutating func option(_ full: String, _ key: Node, varies: Bool) throws -> String? {
        if let option = SweepNames.option(full) {
            let last = full.split(separator: ".").last.map(String.init) ?? full
            if SweepNames.plain(last) != SweepNames.plain(option) { note("\(full) is \(option)") }
            return option
        }
        let last = full.split(separator: ".").last.map(String.init) ?? full
        let near = Spelling.nearest(to: last, in: SweepNames.all)
        guard varies else {
            note("\(full) is unknown and left out" + (near.map { " (is it \($0)?)" } ?? ""))
            return nil
        }
        throw file.failure(
            key, "unknown option \"\(full.prefix(60))\"\(near.map { "; did you mean \"\($0)\"?" } ?? "")")
    }

    mutating func value(_ node: Node, option: String) throws -> SweepValue {
        let known = option == SweepNames.betaName ? "momentum" : option
        let value = try file.placed(node) { try SweepValue(node, option: known, place: file.place(node)) }
        let meant = SweepNames.value(value.text, of: option)
        guard meant != value.text, !value.isNull else { return value }
        if SweepNames.plain(meant) != SweepNames.plain(value.text) { note("\(option) \(value.text) is \(meant)") }
        return SweepValue(meant, place: file.place(node))
    }

    private mutating func note(_ text: String) {
        if !notes.contains(text) { notes.append(text) }
    }

    /// Values once each, with the probabilities of all their occurrences.
    static func distinct(_ values: [SweepValue], _ probabilities: [Double]?) -> Choices {
        var places: [SweepValue: Int] = [:]
        var distinct: [SweepValue] = []
        var sums: [Double] = []
        for (index, value) in values.enumerated() {
            let share = probabilities?[index] ?? 1 / Double(values.count)
            if let place = places[value] {
                sums[place] += share
            } else {
                places[value] = distinct.count
                distinct.append(value)
                sums.append(share)
            }
        }
        let isEven = probabilities == nil && distinct.count == values.count
        return Choices(distinct, probabilities: isEven ? nil : sums)
    }
}

extension SweepValue {
    func at(_ place: String) -> SweepValue { SweepValue(text, place: place) }
}

extension String {
    /// In the order of code points.
    func precedes(_ other: String) -> Bool { unicodeScalars.lexicographicallyPrecedes(other.unicodeScalars) }
}
