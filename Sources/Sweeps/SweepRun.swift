import Communication
import Errors
import Foundation
import KernelContract
import Synchronization
import Training

/// Runs the trials of a plan one after the other, each on all workers. Every worker calls `run` with the same plan.
package struct SweepRun: Sendable {
    package let plan: SweepPlan
    /// The file as it was given.
    private let text: String
    private let path: String
    private let retriesFailed: Bool
    private let kernels: any KernelSet
    /// Shared by the threads of a process.
    private let datasets = DatasetCache()
    /// Called on worker 0 only.
    private let makeObserver: @Sendable () -> any SweepObserver

    package init(
        _ plan: SweepPlan, text: String, path: String, retriesFailed: Bool, kernels: any KernelSet,
        makeObserver: @escaping @Sendable () -> any SweepObserver
    ) {
        self.plan = plan
        self.text = text
        self.path = path
        self.retriesFailed = retriesFailed
        self.kernels = kernels
        self.makeObserver = makeObserver
    }

    /// The records of all trials, on worker 0; empty on the others.
    @discardableResult
    package func run(_ communicator: borrowing Communicator) throws -> [TrialRecord] {
        var directory: SweepDirectory?
        try communicator.onRoot {
            directory = try SweepDirectory(path: path, plan: plan, text: text, retriesFailed: retriesFailed)
        }
        let states = directory.map { $0.records.map { $0.state == .pending ? UInt8(1) : 0 } } ?? []
        let isPending = try communicator.broadcast(bytes: states, root: 0)
        let observer = communicator.rank == 0 ? makeObserver() : nil
        observer?.started(plan, path: path, finishedCount: isPending.count { $0 == 0 })
        for trial in plan.trials where isPending[trial.number - 1] == 1 {
            observer?.startedTrial(trial)
            let record = try run(trial, communicator, observer)
            try communicator.onRoot { try directory?.append(record) }
            observer?.finishedTrial(record)
        }
        return directory?.records ?? []
    }

    /// One trial. What is wrong with it alone becomes its record's reason.
    private func run(
        _ trial: SweepPlan.Trial, _ communicator: borrowing Communicator, _ observer: (any SweepObserver)?
    ) throws -> TrialRecord {
        var record = TrialRecord(trial, of: plan)
        let listener = observer.map { TrialObserver($0) }
        let begin = ContinuousClock.now
        do {
            let options = plan.options(of: trial)
            let dataset = datasets.dataset(of: options)
            let configuration = try communicator.agree { try options.resolved(dataset: dataset) }
            // A folder that is there belongs to a trial that was interrupted.
            try TrainingRun(
                configuration, dataset: dataset, kernels: kernels, path: "\(path)/\(record.folder)", overwrites: true
            ).run(communicator, observer: listener)
            record.state = .finished
            if let summary = listener?.summary { try record.take(summary, plan, listener?.parameterCount) }
        } catch let failure as Failure where failure.isOfOneTrial && communicator.hasAgreed(on: failure) {
            record.state = .failed
            record.reason = failure.message
        }
        record.seconds = ((ContinuousClock.now - begin) / .seconds(1) * 1_000).rounded() / 1_000
        return record
    }
}

extension Failure {
    /// Whether another trial may do better: a configuration, data or divergence is to blame, not the machine.
    fileprivate var isOfOneTrial: Bool {
        switch kind {
        case .usage, .data, .inputNotFound, .notFinite: true
        case .internal, .outputRefused, .inputOutput, .stopped: false
        }
    }
}

extension TrialRecord {
    mutating func take(_ summary: TrainingSummary, _ plan: SweepPlan, _ parameterCount: Int?) throws {
        let fields = try JSONSerialization.jsonObject(with: Data(summary.json().utf8)) as? [String: Any] ?? [:]
        measures = fields.compactMapValues { ($0 as? NSNumber)?.doubleValue }
        measures["parameterCount"] = parameterCount.map(Double.init)
        parametersSHA256 = summary.parametersSHA256
        let metric = plan.definition.metric.name
        value = measures[metric]
        if value == nil {
            state = .failed
            reason =
                "the run's summary has no \(metric)"
                + (metric.hasPrefix("validation") ? "; give --validation-split" : "")
        }
    }
}

/// The data sets that trials ask for; each is loaded once in a process.
private final class DatasetCache: Sendable {
    private let datasets = Mutex<[String: SharedDataset]>([:])

    func dataset(of options: TrainingOptions) -> SharedDataset {
        datasets.withLock { datasets in
            let key = "\(options.datasetName)\n\(options.dataDirectory ?? "")"
            if let dataset = datasets[key] { return dataset }
            let dataset = options.sharedDataset
            datasets[key] = dataset
            return dataset
        }
    }
}
