import Errors
import Training

/// What is known of a sweep before its first trial.
package struct SweepPlan: Sendable {
    package struct Trial: Sendable {
        /// From 1.
        package let number: Int
        /// Option and value, in the order of the file's paths.
        package let parameters: [(option: String, value: SweepValue)]

        package func value(of option: String) -> SweepValue? { parameters.first { $0.option == option }?.value }
    }

    package let definition: SweepDefinition
    /// What the command line says for all trials.
    package let overrides: TrainingOptions
    /// The parameters that vary.
    package let space: SearchSpace
    /// Of a grid all configurations, at most `run_cap`; of other methods the points to try first.
    let listed: [[(option: String, value: SweepValue)]]
    /// Options whose value is not the same in all trials, in the order of their first appearance.
    package let varying: [String]
    /// The number of trials where it is known: of a grid, or of a finite space; otherwise what `run_cap` says.
    package let trialCount: Int?

    /// A grid has at most so many points.
    private static let gridLimit = 2_000_000

    /// - Throws: `Failure(.usage)` where `overrides` would set what the sweep varies, `Failure(.data)` for a sweep
    /// without end or
    ///   a metric that no trial has.
    package init(_ definition: SweepDefinition, overrides: TrainingOptions = TrainingOptions()) throws {
        self.definition = definition
        self.overrides = overrides
        space = SearchSpace(definition.parameters)
        let isGrid = definition.method == .grid
        listed =
            isGrid
            ? try GridList(definition, limit: Self.gridLimit).configurations
            : definition.points.flatMap { GridList.combinations($0) }
        varying = isGrid ? Self.varying(listed, seeds: definition.seeds) : Self.varying(definition, listed)
        let finite = isGrid ? listed.count : space.count()
        let configurations = [finite, definition.runCap].compactMap { $0 }.min()
        trialCount = configurations.map { $0 * definition.seeds }
        guard trialCount != nil || definition.metric.target != nil else {
            throw Failure(
                .data, "run_cap is missing: method \(definition.method.rawValue) would never end; write run_cap: 100")
        }
        // Seeds of the sweep begin with that of the command line.
        for (option, _) in overrides.given
        where varying.contains(option) && !(option == "seed" && definition.seeds > 1) {
            throw Failure(.usage, "--\(option) would override what the sweep varies; leave it out, or edit the file")
        }
        try checkMetric()
    }

    /// Of the search and of trials without a seed of their own.
    package var seed: UInt64 { overrides.seed ?? definition.seed ?? 1 }

    /// All trials of a grid; of other methods those that no result decides.
    package var trials: [Trial] {
        var sequence = TrialSequence(self)
        var number = 1
        // Where only a target ends the sweep, some of them.
        let limit = trialCount.map { $0 + listed.count * definition.seeds } ?? 100
        while number <= limit, case .trial = sequence.trial(number) { number += 1 }
        return sequence.trials
    }

    private static func varying(_ listed: [[(option: String, value: SweepValue)]], seeds: Int) -> [String] {
        var options: [String] = []
        var values: [String: Set<SweepValue?>] = [:]
        var counts: [String: Int] = [:]
        for configuration in listed {
            for (option, value) in configuration {
                if values[option] == nil { options.append(option) }
                values[option, default: []].insert(value.isNull ? nil : value)
                counts[option, default: 0] += 1
            }
        }
        for (option, count) in counts where count < listed.count { values[option]?.insert(nil) }
        return options.filter { values[$0]?.count ?? 0 > 1 } + (seeds > 1 ? ["seed"] : [])
    }

    private static func varying(
        _ definition: SweepDefinition, _ listed: [[(option: String, value: SweepValue)]]
    ) -> [String] {
        var options = definition.parameters.filter { !$0.isConstant || !$0.conditions.isEmpty }.map(\.option)
        for (option, value) in listed.joined() where !options.contains(option) {
            if definition.parameters.first(where: { $0.option == option })?.values != [value] { options.append(option) }
        }
        return options + (definition.seeds > 1 ? ["seed"] : [])
    }

    /// Refuses a metric that no trial will have.
    private func checkMetric() throws {
        let name = definition.metric.name
        func isGiven(_ option: String) -> Bool {
            overrides.given.contains { $0.option == option }
                || (definition.parameters + definition.points.joined()).contains { $0.option == option }
        }
        func isAlways(_ option: String, _ text: String) -> Bool {
            if let given = overrides.given.first(where: { $0.option == option }) { return given.text == text }
            guard let parameter = definition.parameters.first(where: { $0.option == option }) else { return false }
            return parameter.values.map(\.text) == [text]
                && !definition.points.joined().contains { $0.option == option }
        }
        if name.hasPrefix("validation"), !isGiven("validation-split") || isAlways("validation-split", "0"),
            !isGiven("fold"), !hasValidationPart
        {
            throw Failure(
                .data,
                "metric \(name): no trial has it without a validation split; give validation_split: {value: 0.1}, "
                    + "or --validation-split 0.1, or use test\(name.dropFirst(10))")
        }
        if name.hasPrefix("bestTest"), !isGiven("metric"), !isGiven("patience") {
            throw Failure(
                .data,
                "metric \(name): no trial has it unless epochs are compared; give the parameter metric or patience")
        }
        if name.hasSuffix("Accuracy"), isAlways("target", "input") || isAlways("family", "autoencoder") {
            throw Failure(.data, "metric \(name): an auto-encoder has no accuracy; use \(name.dropLast(8))Loss")
        }
        let target =
            overrides.given.first { $0.option == "target" }?.text
            ?? definition.parameters.first { $0.option == "target" && $0.isConstant }?.values.first?.text
        if name.hasSuffix("Accuracy"), let target, !["class", "input"].contains(target) {
            throw Failure(.data, "metric \(name): columns of a table have no accuracy; use \(name.dropLast(8))Loss")
        }
        guard definition.earlyTermination != nil else { return }
        guard definition.metric.hasHistory else {
            throw Failure(.data, "early_terminate: \(name) is known at a run's end only; use another metric")
        }
        if name.hasPrefix("test"), isGiven("validation-split"), !isAlways("validation-split", "0") {
            throw Failure(
                .data,
                "early_terminate: with a validation split the test set is evaluated at a run's end only; use "
                    + "validation\(name.dropFirst(4))")
        }
    }

    /// Whether the data set of the first trial has a validation part of its own.
    private var hasValidationPart: Bool {
        var sequence = TrialSequence(self)
        guard case .trial(let trial) = sequence.trial(1) else { return false }
        return (try? options(of: trial).sharedDataset.hasValidation()) ?? false
    }

    /// What `train` would be given.
    package func options(of trial: Trial) -> TrainingOptions {
        var options = TrainingOptions()
        for (option, value) in trial.parameters where !value.isNull {
            let isSet = options.set(option, value.text, at: value.place)
            precondition(isSet, "SweepPlan: \(option) was checked to take \"\(value.text)\"")
        }
        if options.seed == nil { options.seed = definition.seed }
        let own = options.seed
        options = overrides.overriding(options)
        if definition.seeds > 1 { options.seed = own }
        return options
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
