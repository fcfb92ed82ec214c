import Dispatch
import Errors
import Synchronization

/// Writes down what happens to trials, in order, on a thread of its own, so that no group waits for the disk. Where the job
/// dies before an event is written, a trial that had ended ends again from its last checkpoint.
///
/// Its thread alone touches the directory's store between `init` and the end of `finish`.
final class TrialWriter: @unchecked Sendable {
    private let directory: SweepDirectory
    private var weights: KeptWeights?
    private let queue = DispatchQueue(label: "trials")
    private let firstFailure = Mutex<Failure?>(nil)

    init(_ directory: SweepDirectory, weights: KeptWeights?) {
        self.directory = directory
        self.weights = weights
    }

    /// What keeps events from being written; nothing is written after it.
    var failure: Failure? { firstFailure.withLock { $0 } }

    func save(_ record: TrialRecord) {
        write { [self] in
            try directory.save(record)
            if record.state.hasEnded { weights?.take(record) }
        }
    }

    /// Returns when all is written.
    func finish() {
        write { [self] in try directory.endSession() }
        queue.sync {}
    }

    private func write(_ event: @escaping @Sendable () throws -> Void) {
        queue.async { [self] in
            guard failure == nil else { return }
            do { try event() } catch { firstFailure.withLock { $0 = Failure(wrapping: error) } }
        }
    }
}
