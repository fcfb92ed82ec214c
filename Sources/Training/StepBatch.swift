import Communication
import Models

/// The batch of a step as layers see it.
final class StepBatch: BatchSums {
    /// Of the batch at hand.
    var plan: BatchPlan
    private let reducer: BatchReducer?
    private let recorder: PhaseRecorder

    /// `reducer` may be nil where no layer needs sums.
    init(_ plan: BatchPlan, reducer: BatchReducer?, recorder: PhaseRecorder) {
        self.plan = plan
        self.recorder = recorder
        self.reducer = reducer
    }

    var sampleCount: Int { plan.partition.sampleCount }
    var grainSize: Int { plan.partition.grainSize }
    var subtrees: [Range<Int>] { plan.subtrees }

    func total(
        columnCount: Int, to total: UnsafeMutablePointer<Float>,
        _ subtreeSums: (_ subtree: Int, _ sums: UnsafeMutablePointer<Float>) -> Void
    ) throws {
        guard let reducer else { preconditionFailure("StepBatch: no layer was known to need sums") }
        var written = PhaseClock.now()
        try reducer.sum(grainCount: plan.partition.grainCount, columnCount: columnCount, to: total) { subtree, sums in
            subtreeSums(subtree, sums)
            written = PhaseClock.now()
        }
        recorder.waited(since: written)
    }
}
