import Errors

/// Which trials of a sweep are looked at, and in which order.
package struct TrialQuery: Sendable {
    package enum Order: String, CaseIterable, Sendable {
        case number
        /// The best first.
        case value
        /// The quickest first.
        case seconds
    }

    /// Empty for all.
    package var states: Set<TrialRecord.State> = []
    package var conditions: [Condition] = []
    package var order = Order.number
    package var limit: Int?

    package init() {}

    /// `learning_rate<=0.01`: what a trial has, a comparison, and a value.
    package struct Condition: Hashable, Sendable {
        package enum Comparison: String, CaseIterable, Sendable {
            // The longer ones first, for reading.
            case atMost = "<="
            case atLeast = ">="
            case not = "!="
            case twice = "=="
            case equal = "="
            case below = "<"
            case above = ">"
        }

        package let name: String
        package let comparison: Comparison
        package let value: String

        /// - Throws: `Failure(.usage)` for a text that is no comparison.
        package init(_ text: String) throws {
            let start = text.firstIndex { "<>!=".contains($0) }
            let comparison = start.flatMap { start in
                Comparison.allCases.first { text[start...].hasPrefix($0.rawValue) }
            }
            guard let start, let comparison, start != text.startIndex else {
                throw Failure(
                    .usage,
                    "--where \"\(text)\": is no comparison; write NAME, one of = != < <= > >=, and a value, as in "
                        + "\"optimizer=adam\" or \"value>0.9\" (in quotes)")
            }
            name = text[..<start].trimmed
            value = text[text.index(start, offsetBy: comparison.rawValue.count)...].trimmed
            self.comparison = comparison == .twice ? .equal : comparison
            if ![.equal, .not].contains(self.comparison), Double(value) == nil {
                throw Failure(
                    .usage, "--where \"\(text)\": \(comparison.rawValue) compares numbers, and \"\(value)\" is none")
            }
        }
    }

    /// The trials that are asked for.
    ///
    /// - Throws: `Failure(.usage)` for a name that no trial has.
    package func records(of records: [TrialRecord], _ plan: SweepPlan) throws -> [TrialRecord] {
        let tests = try conditions.map { condition in
            (condition, field: try Field(condition.name, of: records, plan))
        }
        var found = records.filter { record in
            (states.isEmpty || states.contains(record.state))
                && tests.allSatisfy { condition, field in condition.holds(field.value(of: record)) }
        }
        switch order {
        case .number: break
        case .value: found = found.sorted(by: \.value, isFirst: plan.isBetter(_:than:))
        case .seconds: found = found.sorted(by: \.seconds, isFirst: <)
        }
        return limit.map { Array(found.prefix($0)) } ?? found
    }
}

/// What a condition's name means.
private enum Field {
    case number, value, seconds
    /// Any of them, since `beta` may be another one for each optimizer.
    case parameter([String])
    case measure(String)

    init(_ name: String, of records: [TrialRecord], _ plan: SweepPlan) throws {
        let plain = SweepNames.plain(name)
        let options = Set(
            plan.definition.parameters.map(\.option) + records.flatMap { $0.trial.parameters.map(\.option) })
        let measures = Set(records.flatMap(\.measures.keys))
        let means = SweepNames.option(name).map { $0 == SweepNames.betaName ? ["momentum", "alpha"] : [$0] } ?? []
        let split = plan.definition.metric.name.hasPrefix("validation") ? "validation" : "test"
        if let fixed = Self.fixed[plain] {
            self = fixed
        } else if means.contains(where: options.contains) {
            self = .parameter(means)
        } else if let measure = measures.first(where: { SweepNames.plain($0) == plain }) {
            self = .measure(measure)
        } else if let field = SweepDefinition.Metric.field(name, split: split), measures.contains(field) {
            self = .measure(field)
        } else {
            let known = ["number", "value", "seconds"] + options.sorted() + measures.sorted()
            let near = Spelling.nearest(to: name, in: known).map { "; did you mean \($0)?" } ?? ""
            let list = near.isEmpty ? "; trials have \(known.joined(separator: ", "))" : ""
            let what = means.isEmpty ? "no trial has \"\(name)\"" : "no trial of this sweep has \(means[0])"
            throw Failure(.usage, "--where: \(what)\(near)\(list)")
        }
    }

    private static let fixed: [String: Field] = ["number": .number, "value": .value, "seconds": .seconds]

    func value(of record: TrialRecord) -> Found {
        switch self {
        case .number: Found(number: Double(record.number))
        case .value: Found(number: record.value)
        case .seconds: Found(number: record.seconds)
        case .measure(let name): Found(number: record.measures[name])
        case .parameter(let options):
            options.lazy.compactMap { option in record.parameters[option].map { Found($0, of: option) } }.first
                ?? Found()
        }
    }
}

/// What a trial has under a name.
private struct Found {
    var number: Double?
    /// Nil for what is not there.
    var text: String?
    var option: String?

    init(number: Double? = nil) { self.number = number }

    init(_ value: SweepValue, of option: String) {
        number = value.number
        text = value.isNull ? nil : value.text
        self.option = option
    }
}

extension TrialQuery.Condition {
    /// Names in any of their spellings are equal, and numbers by their value; `none` is what a trial does not have.
    fileprivate func holds(_ found: Found) -> Bool {
        let asked = Double(value)
        switch comparison {
        case .equal: return isEqual(found, asked)
        case .not: return !isEqual(found, asked)
        case .below, .atMost, .above, .atLeast, .twice:
            guard let number = found.number, let asked else { return false }
            switch comparison {
            case .below: return number < asked
            case .atMost: return number <= asked
            case .above: return number > asked
            default: return number >= asked
            }
        }
    }

    private func isEqual(_ found: Found, _ asked: Double?) -> Bool {
        if let number = found.number, let asked { return number == asked }
        guard let text = found.text else { return found.number == nil && SweepNames.plain(value) == "none" }
        guard let option = found.option else { return text == value }
        return SweepNames.value(text, of: option) == SweepNames.value(value, of: option)
    }
}

extension [TrialRecord] {
    /// Those without a number come last; equal ones keep their order.
    fileprivate func sorted(
        by number: (TrialRecord) -> Double?, isFirst: (Double, Double) -> Bool
    ) -> [TrialRecord] {
        sorted { left, right in
            switch (number(left), number(right)) {
            case (let a?, let b?): a == b ? left.number < right.number : isFirst(a, b)
            case (_?, nil): true
            case (nil, _?): false
            case (nil, nil): left.number < right.number
            }
        }
    }
}

extension Substring {
    fileprivate var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
