import DataLoading
import Foundation

/// One logged point of `metrics.jsonl`.
package struct MetricsPoint: Codable, Sendable {
    package enum Split: String, Codable, Sendable { case train, validation, test }

    package var step: Int
    package var epoch: Int
    package var split: Split
    /// Means over the samples of the split; for train, running means of the epoch.
    package var loss: Double?
    package var accuracy: Double?
    /// Of a table's targets, in their own unit; not of the train split.
    package var scores: RegressionScores?
    /// Of the epoch's last step.
    package var learningRate: Double?
    /// L2, over all parameters: of the gradients of the epoch's last step, before clipping.
    package var gradientNorm: Double?
    /// L2, over all parameters after the epoch.
    package var weightNorm: Double?
    package var samplesPerSecond: Double?
    package var parametersSHA256: String?
    /// With `parametersSHA256`: of each tensor, parameters and then running statistics in layer order.
    package var tensorSHA256: [TensorHash]?
    /// Since training began.
    package var wallSeconds: Double
}

/// The SHA-256 of one tensor's bytes as a checkpoint stores it.
package struct TensorHash: Codable, Sendable, Equatable {
    package let name: String
    package let sha256: String
}

/// `summary.json`.
package struct TrainingSummary: Codable, Sendable {
    package var parametersSHA256: String
    /// Of the best epoch; evaluation is not counted.
    package var trainSamplesPerSecond: Double
    package var trainLoss: Double
    /// Accuracies are nil where outputs are compared with inputs.
    package var trainAccuracy: Double?
    package var validationLoss: Double?
    package var validationAccuracy: Double?
    /// Of the final weights, as all that is not called best.
    package var testLoss: Double
    package var testAccuracy: Double?
    /// What epochs were compared by; nil, as the following are, where nothing was asked for.
    package var metric: String?
    package var bestMetric: Double?
    package var bestEpoch: Int?
    package var bestCheckpoint: String?
    package var bestTestLoss: Double?
    package var bestTestAccuracy: Double?
    /// Of a table's targets, in their own unit.
    package var validationScores: RegressionScores?
    package var testScores: RegressionScores?
    package var bestTestScores: RegressionScores?
    /// Whether the run ended before its epochs for want of improvement.
    package var stoppedEarly: Bool
    /// Outputs of an auto-encoder's narrowest layer.
    package var bottleneck: Int?
    /// Test loss with as many principal components of the training set.
    package var pcaTestLoss: Double?
    package var warnings: [String]
    /// Nil where work was divided evenly without a question.
    package var balance: BalanceRecord?
    /// Whether gradients travelled to other hosts during the backward pass; nil where they could not, or where the run was over
    /// before it was known what is faster.
    package var overlap: Bool?
    package var epochs: Int
    package var steps: Int
    package var workers: Int
    package var hosts: [String]
    package var launcher: String
    package var instructionSet: String
    /// Arithmetic of the matrix products per second against the FMA peak of the cores in use, measured at the end.
    package var fractionOfPeak: Double
    package var wallSeconds: Double
    /// Until all workers had the data: next to nothing where an earlier run of the process has read them.
    package var dataSeconds: Double
    /// From the start of worker 0's process to the end of the first step; nil where the system does not say.
    package var firstStepSeconds: Double?
    /// The last evaluation of the test set.
    package var evaluationSeconds: Double
    /// Copies taken for checkpoints, and how long training waited for them, on worker 0.
    package var snapshots: Int
    package var snapshotSeconds: Double
    package var resumedFrom: String?
    package var checkpoint: String
    package var dataset: String
    package var numericsVersion: Int
}

/// What happens during a run, told to rank 0's observer in this order: started, (steps, epoch)*, finished; warnings come
/// after started and after epochs.
package protocol TrainingObserver {
    func started(_ start: TrainingStart)
    /// After every step; must be quick.
    func stepped(_ progress: TrainingProgress)
    func finishedEpoch(_ epoch: Int, of epochs: Int, points: [MetricsPoint])
    /// After an evaluation during training, before `finishedEpoch`.
    func evaluated(_ evaluation: Evaluation, _ split: MetricsPoint.Split, _ images: LabelledImages, step: Int)
    /// With `--histogram-every`, before `finishedEpoch`: of weights, and of the gradients of the step that is over.
    func sampled(_ histograms: [TensorHistogram], step: Int)
    func warned(_ warning: String)
    /// How work is divided from here on, after started and between steps.
    func balanced(_ balance: BalanceRecord)
    func finished(_ summary: TrainingSummary, path: String)
}

extension TrainingObserver {
    package func evaluated(
        _ evaluation: Evaluation, _ split: MetricsPoint.Split, _ images: LabelledImages, step: Int
    ) {}
    package func sampled(_ histograms: [TensorHistogram], step: Int) {}
    package func balanced(_ balance: BalanceRecord) {}
}

package struct TrainingStart: Sendable {
    package let dataset: String
    package let trainCount: Int
    package let validationCount: Int
    package let testCount: Int
    package let model: String
    package let parameterCount: Int
    package let workers: Int
    package let launcher: String
    package let hosts: [String]
    package let instructionSet: String
    package let batchSize: Int
    /// Batches of a step.
    package let accumulation: Int
    package let grainSize: Int
    /// Workers that have no grain in a full batch.
    package let idleWorkers: Int
    /// Grains of a full batch.
    package let grainCount: Int
    package let path: String
    /// Why ranks send messages; nil where all of them share memory.
    package let whyNotShared: String?
    package let isReproducible: Bool
    /// What the linear scaling rule did to the learning rate; nil where it was not asked for.
    package let scaling: Scaling?
    /// Where the run goes on; nil where it begins.
    package let resumed: ResumedRun?

    package struct Scaling: Sendable {
        package let learningRate: Double
        /// Samples of a step.
        package let batchSize: Int
        package let baseBatchSize: Int
        package let scaledLearningRate: Double
    }
}

/// Where a run goes on.
package struct ResumedRun: Sendable {
    package let path: String
    package let epoch: Int
    package let step: Int
    /// Settings that are otherwise than before, such as `epochs 5 → 10`.
    package let changes: [String]
    /// Of newer checkpoints that cannot be read.
    package let warnings: [String]
    /// The points of the epochs that lie behind it.
    package let epochs: [[MetricsPoint]]

    init(_ point: ResumePoint, changes: [String], epochs: [[MetricsPoint]]) {
        path = point.path
        epoch = point.state.epoch
        step = point.state.step
        self.changes = changes
        warnings = point.warnings
        self.epochs = epochs
    }
}

package struct TrainingProgress: Sendable {
    package let epoch: Int
    package let epochs: Int
    /// Steps done in this epoch.
    package let step: Int
    package let stepsPerEpoch: Int
    /// Mean over the epoch's samples so far.
    package let loss: Double
    /// Of the last step.
    package let learningRate: Double
    package let samplesPerSecond: Double
    /// All steps of the run that are still to come.
    package let remainingSteps: Int
    package let secondsPerStep: Double
}

extension Encodable {
    /// One line of JSON, or an indented document. Keys are sorted; Double values round-trip. JSON has no number for
    /// what is not finite: it becomes "Infinity", "-Infinity" or "NaN", which Python's `float` and JavaScript's `Number`
    /// read.
    package func json(pretty: Bool = false) throws -> String {
        let encoder = JSONEncoder()
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        encoder.outputFormatting =
            pretty ? [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted] : [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
