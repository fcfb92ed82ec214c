import Errors
import Foundation

/// Removes the weights of trials that are not among the best, so that a sweep of thousands does not fill the disk. Their
/// configuration, metrics and hash stay, with which `train --from` makes them again.
struct KeptWeights {
    private let plan: SweepPlan
    private let path: String
    private let limit: Int
    /// The best first; of equal ones the lower number.
    private var kept: [TrialRecord] = []

    init(_ plan: SweepPlan, path: String, limit: Int, records: [TrialRecord]) {
        self.plan = plan
        self.path = path
        self.limit = limit
        for record in records where record.state.hasEnded { take(record) }
    }

    /// Takes a trial that has ended.
    mutating func take(_ record: TrialRecord) {
        guard record.state == .finished, let value = record.value else { return remove(record) }
        let place = kept.firstIndex { other in
            let otherValue = other.value!
            return plan.isBetter(value, than: otherValue) || (value == otherValue && record.number < other.number)
        }
        kept.insert(record, at: place ?? kept.count)
        if kept.count > limit { remove(kept.removeLast()) }
    }

    /// What cannot be removed costs room only.
    private func remove(_ record: TrialRecord) {
        try? FileManager.default.removeItem(atPath: "\(path)/\(record.folder)/checkpoints")
    }
}
