import Checkpoints
import Dispatch
import Errors
import Synchronization

/// Writes the snapshots of a run behind its back, one at a time. Only worker 0 has one.
///
/// A write that fails is told once and tried again with the next; what is lost is at most the newest.
final class CheckpointWriter: Sendable {
    private let store: CheckpointStore
    private let keptCount: Int
    private let dataset: SharedDataset
    private let control: RunControl?
    /// Waits until the record is on the disk.
    private let synchroniseLog: @Sendable () -> Void
    private let queue = DispatchQueue(label: "lockstep.checkpoints", qos: .utility)
    private let group = DispatchGroup()
    private let jobCount = Atomic<Int>(0)
    private let results = Mutex(Results())

    private struct Results {
        var warnings: [String] = []
        /// Of the newest snapshot; nil where it was written.
        var failure: Failure?
        /// A best checkpoint that could not be written yet.
        var unwrittenBest: Checkpoint?
        var isTold = false
    }

    init(
        store: CheckpointStore, keptCount: Int, dataset: SharedDataset, control: RunControl?,
        synchroniseLog: @escaping @Sendable () -> Void
    ) {
        self.store = store
        self.keptCount = keptCount
        self.dataset = dataset
        self.control = control
        self.synchroniseLog = synchroniseLog
    }

    /// Whether a snapshot is being written, which must not be changed.
    var isBusy: Bool { jobCount.load(ordering: .acquiring) > 0 }

    /// Returns when nothing is being written.
    func wait() { group.wait() }

    /// Writes `contents` as the checkpoint of its step. A best one that is owed comes first: the state of a checkpoint names the
    /// best epoch, so a run that goes on from it must find that epoch's weights.
    func save(_ contents: CheckpointContents) {
        enqueue { [self] in
            let step = contents.snapshot.step
            do {
                try writeOwedBest()
                let checkpoint = try contents.checkpoint(dataSHA256: try dataset.identity())
                synchroniseLog()
                try store.write(checkpoint, step: step, keptCount: keptCount)
                control?.savedStep(step)
                results.withLock { ($0.failure, $0.isTold) = (nil, false) }
            } catch {
                note(Failure(wrapping: error), step: step, isNewest: true)
            }
        }
    }

    /// Writes `contents` as the best checkpoint.
    func saveBest(_ contents: CheckpointContents) {
        enqueue { [self] in
            do {
                let checkpoint = try contents.checkpoint(dataSHA256: try dataset.identity())
                results.withLock { $0.unwrittenBest = checkpoint }
                try writeOwedBest()
            } catch {
                note(Failure(wrapping: error), step: contents.snapshot.step, isNewest: false)
            }
        }
    }

    /// What could not be written since the last call: for the user.
    func takeWarnings() -> [String] {
        results.withLock { results in
            defer { results.warnings = [] }
            return results.warnings
        }
    }

    /// Returns when all is written.
    ///
    /// - Throws: what keeps the newest snapshot, or the best, from the disk.
    func finish() throws {
        wait()
        if let failure = results.withLock({ $0.failure }) { throw failure }
        try writeOwedBest()
    }

    private func enqueue(_ job: @escaping @Sendable () -> Void) {
        jobCount.add(1, ordering: .relaxed)
        queue.async(group: group) { [self] in
            job()
            jobCount.subtract(1, ordering: .releasing)
        }
    }

    private func writeOwedBest() throws {
        guard let best = results.withLock({ $0.unwrittenBest }) else { return }
        try store.writeBest(best)
        results.withLock { $0.unwrittenBest = nil }
    }

    private func note(_ failure: Failure, step: Int, isNewest: Bool) {
        results.withLock { results in
            if isNewest { results.failure = failure }
            // Once until one succeeds: a full disk would be told of after each epoch.
            guard !results.isTold else { return }
            results.isTold = true
            results.warnings.append(
                "the checkpoint of step \(step) was not written: \(failure.message); training goes on, and the next one is tried"
            )
        }
    }
}
