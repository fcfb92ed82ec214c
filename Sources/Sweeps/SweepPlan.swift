import Errors
import Training

/// The trials of a sweep, worked out before the first one.
package struct SweepPlan: Sendable {
    package struct Trial: Sendable {
        /// From 1.
        package let number: Int
        /// Option and value, in the order of the file's paths.
        package let parameters: [(option: String, value: SweepValue)]

        package func value(of option: String) -> SweepValue? { parameters.first { $0.option == option }?.value }
    }

    package let definition: SweepDefinition
    package let trials: [Trial]
    /// Options whose value is not the same in all trials, in the order of their first appearance.
    package let varying: [String]
    /// What the command line says for all trials.
    package let overrides: TrainingOptions

    /// The grid first, then the points; a trial that was there before is left out. At most `run_cap`.
    ///
    /// - Throws: `Failure(.usage)` where `overrides` would set what the sweep varies.
    package init(_ definition: SweepDefinition, overrides: TrainingOptions = TrainingOptions()) throws {
        var combinations = Self.combinations(definition.parameters)
        for point in definition.points { combinations += Self.combinations(Self.merged(definition.parameters, point)) }
        var seen: Set<[String: SweepValue]> = []
        combinations = combinations.filter { seen.insert(Self.key($0)).inserted }
        let trials = combinations.prefix(definition.runCap ?? .max).enumerated().map {
            Trial(number: $0.offset + 1, parameters: $0.element)
        }
        self.definition = definition
        self.trials = trials
        self.overrides = overrides
        varying = Self.varying(trials)
        for (option, _) in overrides.given where varying.contains(option) {
            throw Failure(.usage, "--\(option) would override what the sweep varies; leave it out, or edit the file")
        }
    }

    /// All combinations of the parameters' values; the last parameter changes fastest.
    static func combinations(_ parameters: [SweepDefinition.Parameter]) -> [[(option: String, value: SweepValue)]] {
        parameters.reduce([[]]) { combinations, parameter in
            combinations.flatMap { combination in
                parameter.values.map { combination + [(parameter.option, $0)] }
            }
        }
    }

    /// A point's parameters among the grid's, of which each takes its first value; all seeds stay.
    private static func merged(
        _ grid: [SweepDefinition.Parameter], _ point: [SweepDefinition.Parameter]
    ) -> [SweepDefinition.Parameter] {
        let rest = grid.filter { parameter in !point.contains { $0.option == parameter.option } }.map { parameter in
            SweepDefinition.Parameter(
                path: parameter.path, option: parameter.option,
                values: parameter.option == "seed" ? parameter.values : Array(parameter.values.prefix(1)))
        }
        return (rest + point).sorted { $0.path.precedes($1.path) }
    }

    private static func key(_ parameters: [(option: String, value: SweepValue)]) -> [String: SweepValue] {
        Dictionary(parameters.filter { !$0.value.isNull }, uniquingKeysWith: { $1 })
    }

    private static func varying(_ trials: [Trial]) -> [String] {
        var options: [String] = []
        for trial in trials {
            for (option, _) in trial.parameters where !options.contains(option) { options.append(option) }
        }
        return options.filter { option in
            Set(trials.map { $0.value(of: option).flatMap { $0.isNull ? nil : $0 } }).count > 1
        }
    }

    /// What `train` would be given.
    package func options(of trial: Trial) -> TrainingOptions {
        var options = TrainingOptions()
        for (option, value) in trial.parameters where !value.isNull {
            let isSet = options.set(option, value.text, at: value.place)
            precondition(isSet, "SweepPlan: \(option) was checked to take \"\(value.text)\"")
        }
        return overrides.overriding(options)
    }
}

extension SweepPlan.Trial {
    /// `trial-0007-dropout-0.2-seed-3`: the number finds it, the rest tells what it is.
    package func folderName(varying: [String]) -> String {
        let digits = String(number)
        let words = varying.compactMap { option in value(of: option).map { "\(option)-\($0.text)" } }
        let plain = words.joined(separator: "-").map { character in
            character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
                ? character : "-"
        }
        var name = "trial-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        for character in "-" + String(plain).lowercased() where !(character == "-" && name.last == "-") {
            guard name.count < 64 else { break }
            name.append(character)
        }
        while name.last == "-" { name.removeLast() }
        return name
    }
}
