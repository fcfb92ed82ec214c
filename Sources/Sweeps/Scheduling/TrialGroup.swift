import Communication
import Errors
import KernelContract
import Training

/// A group of workers that trains one trial after the other, as the coordinator hands them out. Every worker of the group
/// calls `work`; the first one talks to the coordinator.
struct TrialGroup {
    let plan: SweepPlan
    let path: String
    let kernels: any KernelSet
    let datasets: DatasetPool
    let control: RunControl?
    /// Whether a trial that was begun starts anew.
    let startsAnew: Bool
    /// Whether somebody watches.
    let reportsProgress: Bool
    let client: RequestClient

    /// Returns when there are no more trials.
    func work(_ communicator: borrowing Communicator) throws {
        do {
            if communicator.rank == 0 { try send(.isFree) }
            while let trial = try next(communicator) { try train(trial, communicator) }
        } catch {
            let failure = Failure(wrapping: error)
            // What keeps this worker from going on may keep it from saying so.
            try? send(.isBroken(kind: failure.kind.rawValue, message: failure.message))
            throw error
        }
    }

    private func send(_ message: GroupMessage) throws { try client.send(message.messageBytes) }

    private func receive() throws -> CoordinatorReply { try CoordinatorReply(messageBytes: client.receive()) }

    /// The next trial, told to all; nil where there is none.
    private func next(_ communicator: borrowing Communicator) throws -> SweepPlan.Trial? {
        var bytes: [UInt8] = []
        if communicator.rank == 0, case .trial(let message) = try receive() { bytes = message.messageBytes }
        bytes = try communicator.broadcast(bytes: bytes, root: 0)
        return bytes.isEmpty ? nil : try TrialMessage(messageBytes: bytes).trial
    }

    /// One trial, and what became of it to the coordinator.
    private func train(_ trial: SweepPlan.Trial, _ communicator: borrowing Communicator) throws {
        let isFirst = communicator.rank == 0
        let listener = isFirst ? TrialListener(self, number: trial.number) : nil
        var result = TrialResult(number: trial.number, state: .finished)
        let begin = ContinuousClock.now
        do {
            try run(trial, communicator, listener)
            if let summary = listener?.summary {
                if listener?.isStopped == true { result.state = .stopped }
                try result.take(
                    summary, metric: plan.definition.metric.name, parameterCount: listener?.parameterCount)
            }
        } catch let failure as Failure where communicator.hasAgreed(on: failure) {
            switch failure.kind {
            case .usage, .data, .inputNotFound, .notFinite:
                // Of this trial alone: a configuration, data or divergence.
                result.state = .failed
                result.reason = failure.message
            case .stopped:
                if isFirst { try send(.stopped(number: trial.number)) }
                return
            case .internal, .outputRefused, .inputOutput:
                if isFirst {
                    try send(.failed(number: trial.number, kind: failure.kind.rawValue, message: failure.message))
                }
                return
            }
        }
        guard isFirst else { return }
        result.history = listener?.history.values ?? []
        result.seconds = ((ContinuousClock.now - begin) / .seconds(1) * 1_000).rounded() / 1_000
        try send(.ended(result))
    }

    private func run(
        _ trial: SweepPlan.Trial, _ communicator: borrowing Communicator, _ listener: TrialListener?
    ) throws {
        var options = plan.options(of: trial)
        // Trials are many and short.
        options.checkpointEvery = options.checkpointEvery ?? "30s"
        options.keepCheckpoints = options.keepCheckpoints ?? 1
        let dataset = datasets.dataset(of: options)
        let configuration = try communicator.agree { try options.resolved(dataset: dataset) }
        // A folder that is there belongs to a trial that was interrupted, or one that failed and may fail again.
        let folder = "\(path)/\(trial.folderName(varying: plan.varying))"
        let isJudged = plan.definition.earlyTermination != nil || plan.definition.metric.target != nil
        let judge: EpochJudge = { points, communicator in
            switch try communicator.broadcast(try listener?.verdict(after: points) ?? .goesOn, root: 0) {
            case .goesOn: return false
            case .stops: return true
            case .pauses:
                // Without a checkpoint of this epoch, so that the run asks again.
                return try communicator.agree { throw Failure(.stopped, "the sweep ends before trial \(trial.number)") }
            }
        }
        try TrainingRun(
            configuration, dataset: dataset, kernels: kernels, path: folder, overwrites: true,
            resume: startsAnew ? .never : .auto, control: control
        ).run(communicator, observer: listener, judge: isJudged ? judge : nil)
    }

    /// Of the coordinator on a trial after an epoch.
    private enum Verdict {
        case goesOn, stops, pauses
    }

    /// Watches a trial for the coordinator, on the group's first worker.
    private final class TrialListener: TrainingObserver {
        private let group: TrialGroup
        private let number: Int
        private(set) var summary: TrainingSummary?
        private(set) var parameterCount: Int?
        private(set) var history: MetricHistory
        /// Others were better.
        private(set) var isStopped = false
        private var lastReport = 0.0

        init(_ group: TrialGroup, number: Int) {
            self.group = group
            self.number = number
            history = MetricHistory(group.plan.definition.metric)
        }

        func started(_ start: TrainingStart) {
            parameterCount = start.parameterCount
            for points in start.resumed?.epochs ?? [] { history.append(points) }
        }

        func stepped(_ progress: TrainingProgress) {
            guard group.reportsProgress else { return }
            let now = Double(PhaseClock.now()) * 1e-9
            guard now - lastReport >= 0.3 else { return }
            lastReport = now
            let done = Double((progress.epoch - 1) * progress.stepsPerEpoch + progress.step)
            let report = TrialProgress(
                number: number, epoch: progress.epoch, epochs: progress.epochs,
                fraction: done / (done + Double(progress.remainingSteps)), loss: progress.loss,
                secondsLeft: Double(progress.remainingSteps) * progress.secondsPerStep)
            // A view that is late is no reason to end a trial; the next message that matters will fail too.
            try? group.send(.progressed(report))
        }

        /// Waits for the coordinator.
        func verdict(after points: [MetricsPoint]) throws -> Verdict {
            var history = history
            history.append(points)
            try group.send(.asks(number: number, history: history.values))
            switch try group.receive() {
            case .goesOn, .trial, .ends: return .goesOn
            case .pauses: return .pauses
            case .stops:
                isStopped = true
                return .stops
            }
        }

        func finishedEpoch(_ epoch: Int, of epochs: Int, points: [MetricsPoint]) { history.append(points) }
        func warned(_ warning: String) { try? group.send(.warned(number: number, warning: warning)) }
        func finished(_ summary: TrainingSummary, path: String) { self.summary = summary }
    }
}
