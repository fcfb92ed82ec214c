/// In which order trials are handed out. Where a decision depends on results, in the order of their numbers; otherwise the
/// last ones longest first, so that groups end together.
package struct TrialQueue {
    package enum Next: Sendable {
        case trial(SweepPlan.Trial)
        /// Results are missing.
        case waits
        case none
    }

    /// Where numbers decide: the lowest that was not handed out yet.
    private var nextNumber = 1
    /// Trials that were handed out and came back, ascending.
    private var returned: [Int] = []
    /// Where nothing depends on results: what is left, in the order in which it is handed out.
    private var rest: [Int]?
    /// Of the trials that were sorted, beside their mean.
    private var weights: [Int: Double]?
    private let windowCount: Int
    private let cost: (SweepPlan.Trial) -> Double

    /// - Parameters:
    ///   - sequence: With the outcomes of trials that ran before. Where no result matters, all its trials are known.
    ///   - windowCount: So many trials at the end are sorted.
    ///   - cost: Of a trial, in any unit.
    package init(_ sequence: TrialSequence, windowCount: Int, cost: @escaping (SweepPlan.Trial) -> Double) {
        self.windowCount = windowCount
        self.cost = cost
        let definition = sequence.plan.definition
        guard sequence.usefulTrialCount == nil && definition.metric.target == nil else { return }
        // Taken from the end.
        rest = sequence.trials.map(\.number).filter { sequence.outcome(of: $0) == nil }.reversed()
    }

    package mutating func next(_ sequence: inout TrialSequence) -> Next {
        if let number = returned.first {
            returned.removeFirst()
            return sequence.trials.indices.contains(number - 1) ? .trial(sequence.trials[number - 1]) : .none
        }
        guard rest != nil else { return nextInOrder(&sequence) }
        if weights == nil, let rest, rest.count <= windowCount {
            let costs = Dictionary(uniqueKeysWithValues: rest.map { ($0, cost(sequence.trials[$0 - 1])) })
            self.rest = rest.sorted { (costs[$0]!, -$0) < (costs[$1]!, -$1) }
            let mean = rest.reduce(0) { $0 + costs[$1]! } / Double(max(rest.count, 1))
            weights = costs.mapValues { mean > 0 ? $0 / mean : 1 }
        }
        guard let number = rest?.popLast() else { return .none }
        return .trial(sequence.trials[number - 1])
    }

    private mutating func nextInOrder(_ sequence: inout TrialSequence) -> Next {
        while true {
            switch sequence.trial(nextNumber) {
            case .trial(let trial):
                nextNumber += 1
                if sequence.outcome(of: trial.number) == nil { return .trial(trial) }
            case .waits: return .waits
            case .none: return .none
            }
        }
    }

    /// Works out the trial that `next` will hand out, where that takes time. Returns whether there was anything to do.
    package func prepare(_ sequence: inout TrialSequence) -> Bool {
        guard rest == nil, returned.isEmpty, nextNumber > sequence.trials.count else { return false }
        if case .trial = sequence.trial(nextNumber) { return true }
        return false
    }

    /// How long a trial takes beside the mean of those that were sorted with it; 1 for others.
    package func weight(of number: Int) -> Double { weights?[number] ?? 1 }

    /// Puts a trial back, which will be the next.
    package mutating func putBack(_ number: Int) {
        returned.append(number)
        returned.sort()
    }
}
