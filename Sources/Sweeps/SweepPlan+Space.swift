import Errors

extension SearchSpace {
    /// The parameters that vary, each behind those that its conditions ask for. What a constant decides is decided
    /// here.
    init(_ parameters: [SweepDefinition.Parameter]) {
        let constants = Dictionary(
            parameters.filter { $0.isConstant && $0.conditions.isEmpty }.map { ($0.option, $0.values[0]) },
            uniquingKeysWith: { first, _ in first })
        var waiting = parameters.filter { parameter in
            (!parameter.isConstant || !parameter.conditions.isEmpty)
                && parameter.conditions.allSatisfy { condition in
                    constants[condition.option].map { condition.values.contains($0) } ?? true
                }
        }
        var dimensions: [Dimension] = []
        while !waiting.isEmpty {
            let ready = waiting.firstIndex { parameter in
                parameter.conditions.allSatisfy { condition in
                    !waiting.contains { $0.option == condition.option && $0.path != parameter.path }
                }
            }
            // A circle of conditions: no point fulfils it.
            guard let ready else { break }
            let parameter = waiting.remove(at: ready)
            let conditions = parameter.conditions.compactMap { condition -> Condition? in
                guard constants[condition.option] == nil else { return nil }
                guard let parent = dimensions.firstIndex(where: { $0.name == condition.option }) else {
                    return Condition(parent: -1, values: [])
                }
                return Condition(parent: parent, values: condition.values)
            }
            // What depends on a parameter that is not there is not there.
            guard !conditions.contains(where: { $0.parent < 0 }) else { continue }
            dimensions.append(Dimension(name: parameter.option, domain: parameter.domain, conditions: conditions))
        }
        self.init(dimensions)
    }
}

extension SweepPlan {
    /// Options and values of a configuration, in the order of the file's paths.
    func parameters(at point: SearchPoint) -> [(option: String, value: SweepValue)] {
        let active = space.active(point)
        return definition.parameters.compactMap { parameter in
            if let index = space.dimensions.firstIndex(where: { $0.name == parameter.option }) {
                guard active[index] else { return nil }
                return (parameter.option, space.value(of: index, at: point).at(parameter.place, keeping: true))
            }
            return isConstant(parameter) ? (parameter.option, parameter.values[0]) : nil
        }
    }

    /// Whether a parameter outside the space has its one value everywhere.
    private func isConstant(_ parameter: SweepDefinition.Parameter) -> Bool {
        parameter.isConstant && parameter.conditions.isEmpty
    }

    /// A given set of values, what it leaves open drawn at random.
    func completed(
        _ given: [(option: String, value: SweepValue)], by request: SuggestionRequest
    ) -> ConfigurationSource.Configuration {
        let values = Dictionary(given.map { ($0.option, $0.value) }, uniquingKeysWith: { $1 })
        let drawn = space.randomPoint(request.random, draw: 0)
        let point = space.point(of: values, rest: drawn)
        // A value that the file's list does not have is no point of the space, but its conditions count all the same.
        let base = parameters(at: point ?? drawn)
        let rest = base.filter { values[$0.option] == nil }
        return ((rest + given).sorted { $0.option.precedes($1.option) }, point)
    }

    /// The point of a configuration; nil where it lies outside the space.
    func point(of parameters: [(option: String, value: SweepValue)]) -> SearchPoint? {
        guard definition.method != .grid else { return nil }
        let values = Dictionary(parameters.map { ($0.option, $0.value) }, uniquingKeysWith: { $1 })
        return space.point(of: values, rest: space.point(at: space.dimensions.map { _ in 0.5 }))
    }
}

extension SweepValue {
    /// With a place, unless it has one.
    func at(_ place: String, keeping: Bool) -> SweepValue { self.place.isEmpty ? at(place) : self }
}

/// The configurations of a grid in wandb's order, then those of its points; one that was there before is left out.
struct GridList {
    typealias Values = [(option: String, value: SweepValue)]

    let configurations: [Values]

    /// - Throws: `Failure(.data)` for more than `limit` of them.
    init(_ definition: SweepDefinition, limit: Int) throws {
        var seen: Set<[String: SweepValue]> = []
        var list: [Values] = []
        let cap = definition.runCap ?? limit + 1
        for set in [definition.parameters] + definition.points.map({ Self.merged(definition.parameters, $0) }) {
            Self.forEach(set) { values in
                if seen.insert(Self.key(values)).inserted { list.append(values) }
                return list.count < cap
            }
        }
        guard list.count <= limit else {
            throw Failure(
                .data, "the grid has more than \(grouped(limit)) points; give run_cap, or use method: random or bayes")
        }
        configurations = list
    }

    /// All combinations of the parameters' values; the last parameter changes fastest.
    static func combinations(_ parameters: [SweepDefinition.Parameter]) -> [Values] {
        var list: [Values] = []
        forEach(parameters) {
            list.append($0)
            return list.count < 100_000
        }
        return list
    }

    /// Goes through all combinations until `visit` returns false.
    private static func forEach(_ parameters: [SweepDefinition.Parameter], _ visit: (Values) -> Bool) {
        var indices = [Int](repeating: 0, count: parameters.count)
        let isConditional = parameters.contains { !$0.conditions.isEmpty }
        while true {
            var values = zip(parameters, indices).map { (option: $0.option, value: $0.values[$1]) }
            if isConditional {
                let isThere = existing(parameters, values)
                values = values.indices.filter { isThere[$0] }.map { values[$0] }
            }
            guard visit(values) else { return }
            var place = parameters.count - 1
            while place >= 0 && indices[place] + 1 == parameters[place].values.count {
                indices[place] = 0
                place -= 1
            }
            guard place >= 0 else { return }
            indices[place] += 1
        }
    }

    /// Which parameters' conditions hold, themselves among those that exist.
    private static func existing(_ parameters: [SweepDefinition.Parameter], _ values: Values) -> [Bool] {
        var isThere = [Bool](repeating: true, count: parameters.count)
        // What depends on what is gone goes too; each round removes some.
        var changes = true
        while changes {
            changes = false
            for (index, parameter) in parameters.enumerated() where isThere[index] {
                let holds = parameter.conditions.allSatisfy { condition in
                    parameters.indices.contains { other in
                        parameters[other].option == condition.option && isThere[other]
                            && condition.values.contains(values[other].value)
                    }
                }
                if !holds {
                    isThere[index] = false
                    changes = true
                }
            }
        }
        return isThere
    }

    /// A point's parameters among the grid's, of which each takes its first value; all seeds stay.
    private static func merged(
        _ grid: [SweepDefinition.Parameter], _ point: [SweepDefinition.Parameter]
    ) -> [SweepDefinition.Parameter] {
        let rest = grid.filter { parameter in !point.contains { $0.option == parameter.option } }.map { parameter in
            guard parameter.option != "seed" else { return parameter }
            return SweepDefinition.Parameter(
                path: parameter.path, option: parameter.option, domain: .choices(Choices([parameter.values[0]])),
                conditions: parameter.conditions, place: parameter.place)
        }
        return (rest + point).sorted { $0.path.precedes($1.path) }
    }

    private static func key(_ values: Values) -> [String: SweepValue] {
        Dictionary(values.filter { !$0.value.isNull }, uniquingKeysWith: { $1 })
    }
}
