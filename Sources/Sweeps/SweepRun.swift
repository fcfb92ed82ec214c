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
    /// Through which others ask to stop.
    private let control: RunControl?
    /// Shared by the threads of a process.
    private let datasets = DatasetPool()
    /// Called on worker 0 only.
    private let makeObserver: @Sendable () -> any SweepObserver

    package init(
        _ plan: SweepPlan, text: String, path: String, retriesFailed: Bool, kernels: any KernelSet,
        control: RunControl? = nil, makeObserver: @escaping @Sendable () -> any SweepObserver
    ) {
        self.plan = plan
        self.text = text
        self.path = path
        self.retriesFailed = retriesFailed
        self.kernels = kernels
        self.control = control
        self.makeObserver = makeObserver
    }

    /// The records of all trials, on worker 0; empty on the others.
    @discardableResult
    package func run(_ communicator: borrowing Communicator) throws -> [TrialRecord] {
        guard plan.definition.earlyTermination == nil else {
            throw Failure(
                .data, "early_terminate: trials that end early are not run yet, only planned (--dry-run); leave it out")
        }
        var directory: SweepDirectory?
        try communicator.onRoot {
            directory = try SweepDirectory(path: path, plan: plan, text: text, retriesFailed: retriesFailed)
        }
        let observer = communicator.rank == 0 ? makeObserver() : nil
        observer?.started(plan, path: path, finishedCount: directory?.records.count { $0.state != .pending } ?? 0)
        var number = 1
        while let trial = try next(&number, directory, communicator) {
            observer?.startedTrial(trial)
            let record = try run(trial, communicator, observer)
            try communicator.onRoot { try directory?.append(record) }
            observer?.finishedTrial(record)
        }
        let last = directory?.sequence.lastNumber ?? .max
        return directory?.records.filter { $0.number <= last } ?? []
    }

    /// The next trial from `number` on without an outcome. Worker 0 knows which, and tells the others.
    private func next(
        _ number: inout Int, _ directory: SweepDirectory?, _ communicator: borrowing Communicator
    ) throws -> SweepPlan.Trial? {
        var trial: SweepPlan.Trial?
        if let directory {
            search: while true {
                switch directory.sequence.trial(number) {
                case .trial(let candidate):
                    number += 1
                    guard directory.sequence.outcome(of: candidate.number) == nil else { continue }
                    trial = candidate
                    break search
                case .none: break search
                case .waits(let missing):
                    preconditionFailure("SweepRun: trial \(number) waits for \(missing), though all before it ran")
                }
            }
        }
        return try SweepPlan.Trial(bytes: communicator.broadcast(bytes: trial?.bytes ?? [], root: 0))
    }

    /// One trial. What is wrong with it alone becomes its record's reason.
    private func run(
        _ trial: SweepPlan.Trial, _ communicator: borrowing Communicator, _ observer: (any SweepObserver)?
    ) throws -> TrialRecord {
        var record = TrialRecord(trial, of: plan)
        let listener = observer.map { TrialObserver($0, metric: plan.definition.metric) }
        let begin = ContinuousClock.now
        do {
            var options = plan.options(of: trial)
            // Trials are many and short.
            options.checkpointEvery = options.checkpointEvery ?? "30s"
            options.keepCheckpoints = options.keepCheckpoints ?? 1
            let dataset = datasets.dataset(of: options)
            let configuration = try communicator.agree { try options.resolved(dataset: dataset) }
            // A folder that is there belongs to a trial that was interrupted, or one that failed and may fail again.
            let folder = "\(path)/\(record.folder)"
            try TrainingRun(
                configuration, dataset: dataset, kernels: kernels, path: folder, overwrites: true,
                resume: retriesFailed ? .never : .auto, control: control
            ).run(communicator, observer: listener)
            record.state = .finished
            if let summary = listener?.summary { try record.take(summary, plan, listener?.parameterCount) }
        } catch let failure as Failure where failure.isOfOneTrial && communicator.hasAgreed(on: failure) {
            record.state = .failed
            record.reason = failure.message
        } catch let failure as Failure where failure.kind == .stopped && communicator.hasAgreed(on: failure) {
            try communicator.agree {
                throw Failure(
                    .stopped,
                    "stopped in trial \(trial.number), whose checkpoint is saved; the same command with --out \(path) goes on"
                )
            }
        }
        record.history = listener?.history.values ?? []
        record.seconds = ((ContinuousClock.now - begin) / .seconds(1) * 1_000).rounded() / 1_000
        return record
    }
}

extension SweepPlan.Trial {
    private struct Message: Codable {
        struct Value: Codable {
            let option: String
            let text: String
            let isNull: Bool
            let isQuoted: Bool
            let place: String
        }

        let number: Int
        let values: [Value]
    }

    /// For other workers.
    fileprivate var bytes: [UInt8] {
        let message = Message(
            number: number,
            values: parameters.map { option, value in
                .init(
                    option: option, text: value.text, isNull: value.isNull, isQuoted: value.number == nil,
                    place: value.place)
            })
        guard let data = try? JSONEncoder().encode(message) else {
            preconditionFailure("SweepPlan.Trial: \(parameters) cannot be written")
        }
        return Array(data)
    }

    /// Nil for no bytes.
    fileprivate init?(bytes: [UInt8]) throws {
        guard !bytes.isEmpty else { return nil }
        let message = try JSONDecoder().decode(Message.self, from: Data(bytes))
        self.init(
            number: message.number,
            parameters: message.values.map { value in
                (
                    value.option,
                    value.isNull
                        ? SweepValue.none : SweepValue(value.text, isQuoted: value.isQuoted, place: value.place)
                )
            })
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
        value = measures[metric].flatMap { $0.isFinite ? $0 : nil }
        if value == nil {
            state = .failed
            reason =
                "the run's summary has no \(metric)"
                + (metric.hasPrefix("validation") ? "; give --validation-split" : "")
        }
    }
}

/// The data sets that trials ask for; each is loaded once in a process.
private final class DatasetPool: Sendable {
    private let datasets = Mutex<[String: SharedDataset]>([:])

    func dataset(of options: TrainingOptions) -> SharedDataset {
        datasets.withLock { datasets in
            let key = options.datasetKey
            if let dataset = datasets[key] { return dataset }
            let dataset = options.sharedDataset
            datasets[key] = dataset
            return dataset
        }
    }
}
