import Errors
import Foundation

/// What became of a trial: a row of the store, an element of `sweep list --json`.
package struct TrialRecord: Encodable, Sendable {
    package enum State: String, Codable, CaseIterable, Sendable {
        /// Not run yet, or interrupted.
        case pending
        case running
        case finished
        /// Ended early: others were better.
        case stopped
        case failed

        package var hasEnded: Bool { self != .pending && self != .running }
    }

    package let number: Int
    package var state: State
    package let parameters: [String: SweepValue]
    /// Of the sweep's metric.
    package var value: Double?
    package var parametersSHA256: String?
    package var seconds: Double?
    /// Why it failed, or was put back.
    package var reason: String?
    /// The run's, inside the sweep's folder.
    package let folder: String
    /// Every number of the run's summary, and its `parameterCount`.
    package var measures: [String: Double] = [:]
    /// The sweep's metric after each epoch, where a run knows it then.
    package var history: [Double] = []
    /// How often it was started.
    package var attempts = 0
    /// Of workers, that runs it or ran it last.
    package var group: Int?
    /// The start of the command that ran it last.
    package var session: Int?
    package var begun: Date?
    package var ended: Date?
    package let trial: SweepPlan.Trial

    private enum CodingKeys: String, CodingKey {
        case number, state, parameters, value, parametersSHA256, seconds, reason, folder, measures, history, attempts
        case group
    }

    package init(_ trial: SweepPlan.Trial, state: State = .pending, folder: String) {
        self.trial = trial
        number = trial.number
        self.state = state
        parameters = Dictionary(trial.parameters.map { ($0.option, $0.value) }, uniquingKeysWith: { $1 })
        self.folder = folder
    }

    package init(_ trial: SweepPlan.Trial, of plan: SweepPlan, state: State = .pending) {
        self.init(trial, state: state, folder: trial.folderName(varying: plan.varying))
    }

    /// What the search makes of it.
    package var outcome: TrialSequence.Outcome {
        TrialSequence.Outcome(value: state == .failed ? nil : value, history: history)
    }
}

extension SweepPlan.Trial {
    /// One that was written down.
    package init(stored number: Int, _ parameters: [(option: String, value: SweepValue)]) {
        self.init(number: number, parameters: parameters)
    }
}

extension SweepPlan {
    /// The sequence with what was run already, and a record for each of its trials: that of `stored`, where there is one.
    /// Trials that no result decides are all there.
    ///
    /// - Throws: `Failure(.data)` where a stored trial is another one than the file's.
    func resumed(_ stored: [TrialRecord], at path: String) throws -> (sequence: TrialSequence, records: [TrialRecord]) {
        var sequence = TrialSequence(self)
        let known = Dictionary(stored.map { ($0.number, $0) }, uniquingKeysWith: { $1 })
        if definition.method.usesResults {
            var first = 1
            while let record = known[first] {
                sequence.restore(record.trial.parameters.map { ($0.option, placed($0.value, of: $0.option)) })
                first += definition.seeds
            }
        } else {
            for trial in trials { _ = sequence.trial(trial.number) }
        }
        let records = try sequence.trials.map { trial in
            guard let old = known[trial.number] else { return TrialRecord(trial, of: self) }
            let record = TrialRecord(trial, of: self)
            guard record.parameters == old.parameters else {
                throw Failure(
                    .data,
                    "\(path): trial \(trial.number) has other parameters there than \(definition.method.rawValue) gives it "
                        + "now: another version of the program wrote it; go on with that one, or choose another --out")
            }
            return old
        }
        for record in records where record.state.hasEnded { sequence.record(record.outcome, of: record.number) }
        return (sequence, records)
    }

    /// A stored value with the place where the file says it.
    private func placed(_ value: SweepValue, of option: String) -> SweepValue {
        let known = definition.parameters + definition.points.joined()
        let same = known.first { $0.option == option && $0.values.contains(value) }
        return same?.values.first { $0 == value } ?? value
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
