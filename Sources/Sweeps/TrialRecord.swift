import Training

/// What became of a trial: a line of `trials.jsonl`, an element of `sweep list --json`.
package struct TrialRecord: Encodable, Sendable {
    package enum State: String, Codable, Sendable {
        /// Not run yet, or interrupted.
        case pending
        case finished
        /// Ended early: others were better.
        case stopped
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
    /// The sweep's metric after each epoch, where a run knows it then.
    package var history: [Double] = []
    package let trial: SweepPlan.Trial

    private enum CodingKeys: String, CodingKey {
        case number, state, parameters, value, parametersSHA256, seconds, reason, folder, measures, history
    }

    init(_ trial: SweepPlan.Trial, of plan: SweepPlan, state: State = .pending) {
        self.trial = trial
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
        let history: [Double]?
        let parameters: [String: JSONScalar]
    }

    mutating func take(_ outcome: Outcome) {
        state = outcome.state
        value = outcome.value
        parametersSHA256 = outcome.parametersSHA256
        seconds = outcome.seconds
        reason = outcome.reason
        measures = outcome.measures
        history = outcome.history ?? []
    }

    /// What the search makes of it.
    package var outcome: TrialSequence.Outcome {
        TrialSequence.Outcome(value: state == .failed ? nil : value, history: history)
    }
}

/// A value of `trials.jsonl`.
enum JSONScalar: Decodable, Sendable {
    case value(SweepValue)

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .value(SweepValue.none)
        } else if let number = try? container.decode(Double.self) {
            self = .value(SweepValue(number: number))
        } else {
            self = .value(SweepValue(try container.decode(String.self), isQuoted: true, place: ""))
        }
    }

    var value: SweepValue {
        switch self {
        case .value(let value): value
        }
    }
}

extension SweepPlan {
    /// The sequence with what was run already, and a record for each of its trials with its outcome, where there is
    /// one.
    /// Trials that no result decides are all there.
    func resumed(_ outcomes: [TrialRecord.Outcome]) -> (sequence: TrialSequence, records: [TrialRecord]) {
        var sequence = TrialSequence(self)
        var latest: [Int: TrialRecord.Outcome] = [:]
        for outcome in outcomes { latest[outcome.number] = outcome }
        if definition.method.usesResults {
            var first = 1
            while let outcome = latest[first] {
                sequence.restore(restored(outcome.parameters.mapValues(\.value)))
                first += definition.seeds
            }
        } else {
            for trial in trials { _ = sequence.trial(trial.number) }
        }
        let records = sequence.trials.map { trial in
            var record = TrialRecord(trial, of: self)
            if let outcome = latest[trial.number] { record.take(outcome) }
            return record
        }
        for record in records where record.state != .pending { sequence.record(record.outcome, of: record.number) }
        return (sequence, records)
    }

    /// A configuration that was written down, in the order of the file's paths and as the file spells its values.
    private func restored(_ values: [String: SweepValue]) -> [(option: String, value: SweepValue)] {
        let known = definition.parameters + definition.points.joined()
        var order: [String] = []
        for parameter in known.sorted(by: { $0.path.precedes($1.path) }) where !order.contains(parameter.option) {
            order.append(parameter.option)
        }
        return order.compactMap { option in
            guard let value = values[option] else { return nil }
            let same = known.first { $0.option == option && $0.values.contains(value) }
            return (option, same?.values.first { $0 == value } ?? value)
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
