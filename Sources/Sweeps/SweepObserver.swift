import Training

/// What happens during a sweep, told to rank 0's observer: started, (trial, steps, trial's end)*.
package protocol SweepObserver {
    /// `finishedCount`: trials that an earlier start has run already.
    func started(_ plan: SweepPlan, path: String, finishedCount: Int)
    func startedTrial(_ trial: SweepPlan.Trial)
    /// What the trial's training says when it begins.
    func startedTraining(_ start: TrainingStart)
    /// After every step; must be quick.
    func stepped(_ progress: TrainingProgress)
    /// What the trial's training warns of.
    func warned(_ warning: String)
    func finishedTrial(_ record: TrialRecord)
}

/// Hands a trial's events on and keeps its result.
final class TrialObserver: TrainingObserver {
    private let observer: any SweepObserver
    private(set) var summary: TrainingSummary?
    private(set) var parameterCount: Int?
    private(set) var history: MetricHistory

    init(_ observer: any SweepObserver, metric: SweepDefinition.Metric) {
        self.observer = observer
        history = MetricHistory(metric)
    }

    func started(_ start: TrainingStart) {
        parameterCount = start.parameterCount
        observer.startedTraining(start)
    }

    func stepped(_ progress: TrainingProgress) { observer.stepped(progress) }
    func finishedEpoch(_ epoch: Int, of epochs: Int, points: [MetricsPoint]) { history.append(points) }
    func warned(_ warning: String) { observer.warned(warning) }
    func finished(_ summary: TrainingSummary, path: String) { self.summary = summary }
}
