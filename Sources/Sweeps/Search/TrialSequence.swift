/// The trials of a sweep one after the other: what each is, on which results that depends, and where the sweep ends.
///
/// A value without clock, files or communication: what it says is a function of the plan and of the outcomes it was
/// told,
/// and a suggestion for trial i of the outcomes of trials before i − lag alone, whenever they came. Whoever runs
/// trials asks
/// `trial(_:)` for each number in turn, reports with `record(_:of:)`, and asks `decision(of:history:)` after each
/// epoch.
package struct TrialSequence: Sendable {
    /// What became of a trial, as far as the search looks at it.
    package struct Outcome: Hashable, Sendable {
        /// Of the metric; nil for a trial that failed or whose metric is not finite.
        package let value: Double?
        /// The metric after each epoch.
        package let history: [Double]

        package init(value: Double?, history: [Double] = []) {
            self.value = value.flatMap { $0.isFinite ? $0 : nil }
            self.history = history
        }
    }

    package enum Next: Sendable {
        case trial(SweepPlan.Trial)
        /// These trials' outcomes are missing; ask again when one of them is known.
        case waits(for: [Int])
        /// There is no such trial.
        case none
    }

    package enum Decision: Hashable, Sendable {
        case goesOn
        case stops
        /// These trials' outcomes are missing.
        case waits(for: [Int])
    }

    package let plan: SweepPlan
    /// Those that have been asked for, from number 1 on.
    package private(set) var trials: [SweepPlan.Trial] = []
    private var outcomes: [Int: Outcome] = [:]
    /// Of each configuration with a number, nil where it lies outside the space.
    private var points: [SearchPoint?] = []
    private var taken: Set<[UInt64]> = []
    private var source: ConfigurationSource
    /// No configuration follows.
    private var isExhausted = false

    package init(_ plan: SweepPlan) {
        self.plan = plan
        source = ConfigurationSource(plan)
    }

    private var definition: SweepDefinition { plan.definition }

    /// Trial numbers whose outcomes a decision about trial `number` uses.
    package func inputs(of number: Int) -> Range<Int> { 1..<max(number - definition.lag, 1) }

    /// Trial numbers whose outcomes the suggestion of trial `number` needs: of none for a grid or random draws.
    package func inputs(ofSuggestion number: Int) -> Range<Int> {
        guard definition.method.usesResults else { return 1..<1 }
        return inputs(of: firstTrial(ofConfiguration: configuration(of: number)))
    }

    /// From 0.
    private func configuration(of number: Int) -> Int { (number - 1) / definition.seeds }
    private func firstTrial(ofConfiguration index: Int) -> Int { index * definition.seeds + 1 }

    /// The trial of a number, from 1.
    package mutating func trial(_ number: Int) -> Next {
        precondition(number >= 1, "TrialSequence: trial \(number)")
        if let last = lastNumber, number > last { return .none }
        while trials.count < number {
            guard !isExhausted else { return .none }
            let missing = inputs(ofSuggestion: trials.count + 1).filter { outcomes[$0] == nil }
            guard missing.isEmpty else { return .waits(for: missing) }
            appendConfiguration()
        }
        return .trial(trials[number - 1])
    }

    private mutating func appendConfiguration() {
        let index = points.count
        guard index < definition.runCap ?? .max else { return isExhausted = true }
        let first = firstTrial(ofConfiguration: index)
        let usable = definition.method.usesResults ? configuration(of: inputs(of: first).upperBound) : 0
        let request = SuggestionRequest(
            space: plan.space, random: SearchRandom(seed: plan.seed, number: index + 1),
            observations: (0..<usable).compactMap { index in
                points[index].map { SuggestionRequest.Observation(point: $0, value: score(ofConfiguration: index)) }
            },
            pending: points[usable...].compactMap { $0 }, taken: taken, lag: definition.lag)
        guard let configuration = source.next(request) else { return isExhausted = true }
        append(configuration.parameters, configuration.point)
    }

    private mutating func append(_ parameters: [(option: String, value: SweepValue)], _ point: SearchPoint?) {
        points.append(point)
        if let point { taken.insert(plan.space.key(point)) }
        for seed in 0..<definition.seeds {
            var parameters = parameters
            if definition.seeds > 1 {
                parameters.append(("seed", SweepValue(number: Double(plan.seed) + Double(seed))))
            }
            trials.append(SweepPlan.Trial(number: trials.count + 1, parameters: parameters))
        }
    }

    /// Tells what became of a trial. What was told is not changed by what comes later.
    package mutating func record(_ outcome: Outcome, of number: Int) {
        precondition(
            (1...max(trials.count, 1)).contains(number), "TrialSequence: trial \(number) has no configuration yet")
        if outcomes[number] == nil { outcomes[number] = outcome }
    }

    package func outcome(of number: Int) -> Outcome? { outcomes[number] }

    /// Mean of the metric over a configuration's seeds, smaller is better; nil where none has a value.
    private func score(ofConfiguration index: Int) -> Double? {
        mean(ofConfiguration: index).map { definition.metric.isMaximized ? -$0 : $0 }
    }

    private func mean(ofConfiguration index: Int) -> Double? {
        let first = firstTrial(ofConfiguration: index)
        let values = (first..<first + definition.seeds).compactMap { outcomes[$0]?.value }
        return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }

    /// Whether a trial goes on after the last epoch of `history`, by the outcomes of trials before number − lag.
    package func decision(of number: Int, history: [Double]) -> Decision {
        let count = history.count(where: \.isFinite)
        guard let hyperband = definition.earlyTermination, hyperband.bands.contains(count) else { return .goesOn }
        let inputs = inputs(of: number)
        let missing = inputs.filter { outcomes[$0] == nil }
        guard missing.isEmpty else { return .waits(for: missing) }
        let sign: Double = definition.metric.isMaximized ? -1 : 1
        let others = inputs.map { outcomes[$0]!.history.map { $0 * sign } }
        return hyperband.stops(history.map { $0 * sign }, others: others) ? .stops : .goesOn
    }

    /// The number of the last trial where the metric's target was reached, as far as that is known: the lowest. Trials
    /// behind it
    /// do not belong to the sweep; those before it still do.
    package var lastNumber: Int? {
        guard let target = definition.metric.target else { return nil }
        for index in points.indices {
            let numbers = firstTrial(ofConfiguration: index)..<firstTrial(ofConfiguration: index + 1)
            guard numbers.allSatisfy({ outcomes[$0] != nil }), let value = mean(ofConfiguration: index) else {
                continue
            }
            if definition.metric.isMaximized ? value >= target : value <= target { return numbers.upperBound - 1 }
        }
        return nil
    }

    /// Whether nothing is left to run: every trial up to the end has an outcome.
    package var isFinished: Bool {
        let last = lastNumber ?? (isExhausted ? trials.count : .max)
        return last <= trials.count && (1..<last + 1).allSatisfy { outcomes[$0] != nil }
    }

    /// The most trials that can be under way at once where suggestions wait for results; nil where they never do.
    package var usefulTrialCount: Int? {
        definition.method.usesResults || definition.earlyTermination != nil ? definition.lag + 1 : nil
    }
}

extension TrialSequence {
    /// Takes a configuration that an earlier start suggested, with the outcomes of its trials reported as usual,
    /// instead of
    /// suggesting it anew; the configurations must come in their order. `parameters` are those of its first trial.
    package mutating func restore(_ parameters: [(option: String, value: SweepValue)]) {
        let own = definition.seeds > 1 ? parameters.filter { $0.option != "seed" } : parameters
        append(own, plan.point(of: own))
        source.skip()
    }
}
