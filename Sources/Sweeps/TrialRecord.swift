import Training

/// What became of a trial: a line of `trials.jsonl`, an element of `sweep list --json`.
package struct TrialRecord: Encodable, Sendable {
    package enum State: String, Codable, Sendable {
        /// Not run yet, or interrupted.
        case pending
        case finished
        case failed
    }

    package let number: Int
    package var state: State
    package let parameters: [String: SweepValue]
    /// Of the sweep's metric.
    package var value: Double?
    package var parametersSHA256: String?
    package var seconds: Double?
    /// Why it failed.
    package var reason: String?
    /// The run's, inside the sweep's folder.
    package let folder: String
    /// Every number of the run's summary, and its `parameterCount`.
    package var measures: [String: Double] = [:]

    init(_ trial: SweepPlan.Trial, of plan: SweepPlan, state: State = .pending) {
        number = trial.number
        self.state = state
        parameters = Dictionary(trial.parameters.map { ($0.option, $0.value) }, uniquingKeysWith: { $1 })
        folder = trial.folderName(varying: plan.varying)
    }

    /// What a line of `trials.jsonl` adds to what the plan knows.
    struct Outcome: Decodable {
        let number: Int
        let state: State
        let value: Double?
        let parametersSHA256: String?
        let seconds: Double?
        let reason: String?
        let measures: [String: Double]
    }

    mutating func take(_ outcome: Outcome) {
        state = outcome.state
        value = outcome.value
        parametersSHA256 = outcome.parametersSHA256
        seconds = outcome.seconds
        reason = outcome.reason
        measures = outcome.measures
    }
}

extension SweepPlan {
    /// Every trial with its outcome, where there is one.
    func records(_ outcomes: [TrialRecord.Outcome]) -> [TrialRecord] {
        trials.map { trial in
            var record = TrialRecord(trial, of: self)
            if let outcome = outcomes.last(where: { $0.number == trial.number }) { record.take(outcome) }
            return record
        }
    }

    /// The finished trial with the best value; of equal ones the first. Nil while none has finished.
    package func best(of records: [TrialRecord]) -> TrialRecord? {
        records.reduce(nil) { best, record in
            guard record.state == .finished, let value = record.value else { return best }
            guard let bestValue = best?.value else { return record }
            return isBetter(value, than: bestValue) ? record : best
        }
    }

    func isBetter(_ value: Double, than other: Double) -> Bool {
        definition.metric.isMaximized ? value > other : value < other
    }
}
