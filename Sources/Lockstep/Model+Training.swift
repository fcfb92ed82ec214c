import Communication
import Errors
import Foundation
import Kernels
import Synchronization
import Training

/// What an epoch gave.
public struct EpochResult: Sendable {
    /// From 1.
    public let epoch: Int
    public let trainLoss: Double?
    /// Nil where samples have no classes to hit.
    public let trainAccuracy: Double?
    public let validationLoss: Double?
    public let validationAccuracy: Double?
    public let testLoss: Double?
    public let testAccuracy: Double?
}

/// A trained model and how good it is.
public struct TrainingResult: Sendable {
    /// The run's folder, as `lockstep train` writes it: configuration, metrics, summary, checkpoint.
    public let folder: String
    /// The weights, to be read by ``SavedNetwork``.
    public let checkpoint: String
    /// The number that proves a run: the same for any number of workers.
    public let parametersSHA256: String
    public let trainLoss: Double
    public let testLoss: Double
    /// Nil where samples have no classes to hit.
    public let testAccuracy: Double?
    public let samplesPerSecond: Double
}

extension Model {
    /// Trains the model and records the run in a folder.
    ///
    /// Started by mpirun, a program trains with its ranks: all call this with the same arguments, once in a process, and
    /// all get the result. Otherwise `workers` threads train.
    ///
    /// - Parameters:
    ///   - settings: The options of `lockstep train`.
    ///   - folder: Of the run; it must not hold one, unless `overwrites`.
    ///   - workers: Threads; by default as many as processors.
    ///   - onEpoch: Called after each epoch, on rank 0 or one of the threads.
    /// - Throws: ``LockstepError``
    public func train(
        _ settings: TrainingSettings = TrainingSettings(), folder: String, overwrites: Bool = false,
        workers: Int? = nil, onEpoch: (@Sendable (EpochResult) -> Void)? = nil
    ) throws -> TrainingResult {
        try translatingFailures {
            let environment = ProcessInfo.processInfo.environment
            let options = try settings.options(self)
            let dataset = options.sharedDataset
            let run = TrainingRun(
                try options.resolved(dataset: dataset), dataset: dataset,
                kernels: try KernelSelection.select(environment: environment), path: folder, overwrites: overwrites)
            let plan = try Launcher.detect(environment: environment).plan(
                workers: workers, defaultWorkers: ProcessorSet.allowed().count)
            let results = try withWorkers(plan) { communicator in
                let listener = communicator.rank == 0 ? EpochListener(onEpoch) : nil
                try run.run(communicator, observer: listener)
                let summary = Array((try listener?.summary?.json() ?? "").utf8)
                return try communicator.broadcast(bytes: summary, root: 0)
            }
            return try TrainingResult(folder: folder, summary: results[0])
        }
    }
}

/// Hands epochs on and keeps the summary.
private final class EpochListener: TrainingObserver {
    private let onEpoch: (@Sendable (EpochResult) -> Void)?
    private(set) var summary: TrainingSummary?

    init(_ onEpoch: (@Sendable (EpochResult) -> Void)?) { self.onEpoch = onEpoch }

    func started(_ start: TrainingStart) {}
    func stepped(_ progress: TrainingProgress) {}
    func warned(_ warning: String) {}
    func finished(_ summary: TrainingSummary, path: String) { self.summary = summary }

    func finishedEpoch(_ epoch: Int, of epochs: Int, points: [MetricsPoint]) {
        func point(_ split: MetricsPoint.Split) -> MetricsPoint? { points.first { $0.split == split } }
        onEpoch?(
            EpochResult(
                epoch: epoch, trainLoss: point(.train)?.loss, trainAccuracy: point(.train)?.accuracy,
                validationLoss: point(.validation)?.loss, validationAccuracy: point(.validation)?.accuracy,
                testLoss: point(.test)?.loss, testAccuracy: point(.test)?.accuracy))
    }
}

extension TrainingResult {
    fileprivate init(folder: String, summary bytes: [UInt8]) throws {
        let summary = try JSONDecoder().decode(TrainingSummary.self, from: Data(bytes))
        self.folder = folder
        checkpoint = summary.checkpoint
        parametersSHA256 = summary.parametersSHA256
        trainLoss = summary.trainLoss
        testLoss = summary.testLoss
        testAccuracy = summary.testAccuracy
        samplesPerSecond = summary.trainSamplesPerSecond
    }
}
