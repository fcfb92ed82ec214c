import Training

/// The sweep's metric after each epoch of a run, for metrics that are known then.
package struct MetricHistory: Sendable {
    private let metric: SweepDefinition.Metric
    package private(set) var values: [Double] = []

    package init(_ metric: SweepDefinition.Metric) { self.metric = metric }

    /// Takes the points of one more epoch.
    package mutating func append(_ points: [MetricsPoint]) {
        guard metric.hasHistory, let point = points.first(where: { metric.name.hasPrefix($0.split.rawValue) }),
            let value = metric.name.hasSuffix("Loss") ? point.loss : point.accuracy
        else { return }
        values.append(value)
    }
}

/// Decides after each epoch whether a trial goes on. A run asks it on every worker with the same points, so all workers
/// need the sequence with the same outcomes.
package struct TrialJudge: Sendable {
    private let sequence: TrialSequence
    private let number: Int
    package private(set) var history: MetricHistory

    /// - Precondition: The outcomes that `number`'s decisions use are there: `sequence.inputs(of: number)`.
    package init(_ sequence: TrialSequence, number: Int) {
        self.sequence = sequence
        self.number = number
        history = MetricHistory(sequence.plan.definition.metric)
    }

    /// Whether the run ends here, after an epoch with these points.
    package mutating func stops(after points: [MetricsPoint]) -> Bool {
        history.append(points)
        switch sequence.decision(of: number, history: history.values) {
        case .goesOn: return false
        case .stops: return true
        case .waits(let missing):
            preconditionFailure("TrialJudge: trial \(number) is judged before the outcomes of \(missing) are known")
        }
    }
}
