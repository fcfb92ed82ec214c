import Communication
import Synchronization

/// Through which another thread, such as one that waits for signals, asks a run of this process to save or to stop.
package final class RunControl: Sendable {
    private let pending = Atomic<UInt64>(0)
    private let phase = Atomic<Int>(Phase.waiting.rawValue)
    private let trained = Atomic<Int>(0)
    private let saved = Atomic<Int>(-1)

    package enum Phase: Int, Sendable {
        /// No step has been trained, so there is nothing to save.
        case waiting, training, over
    }

    package init() {}

    /// All workers do it after their next step. A stop stays.
    package func request(_ requests: StepRequests) { pending.bitwiseOr(requests.rawValue, ordering: .relaxed) }

    package var isStopping: Bool { StepRequests(rawValue: pending.load(ordering: .relaxed)).contains(.stop) }

    /// What was asked for since the last call, and the stop.
    func take() -> StepRequests {
        guard pending.load(ordering: .relaxed) != 0 else { return [] }
        return StepRequests(
            rawValue: pending.bitwiseAnd(StepRequests.stop.rawValue, ordering: .relaxed).oldValue)
    }

    /// Where the run stands, for messages; may be a step behind.
    package var position: (phase: Phase, step: Int, savedStep: Int?) {
        let saved = saved.load(ordering: .relaxed)
        return (
            Phase(rawValue: phase.load(ordering: .relaxed)) ?? .over, trained.load(ordering: .relaxed),
            saved < 0 ? nil : saved
        )
    }

    func enter(_ phase: Phase) { self.phase.store(phase.rawValue, ordering: .relaxed) }
    func finishedStep(_ step: Int) { trained.store(step, ordering: .relaxed) }
    func savedStep(_ step: Int) { saved.store(step, ordering: .relaxed) }
}
