import Errors
import Models
import Optimizers

/// What determines a run's result, complete and checked. Saved as `config.yaml`, which `train` reads again.
package struct TrainingConfiguration: Sendable {
    /// A name of the catalogue, or a folder.
    package var dataset: String
    package var dataDirectory: String?
    /// What of it is trained on, and what is made of it on the way; the validation split's fraction stands below.
    package var data = DataDescription()
    package var model: [LayerDescription]
    /// Initialisers and what single layers have of their own.
    package var layers: LayerSettings
    /// Nil for weights that are drawn.
    package var initialWeights: InitialWeightsDescription?
    package var loss: LossDescription
    /// Optimizer, clipping, moving average.
    package var update: UpdateDescription
    /// As given, before `learningRateScale`.
    package var learningRate: Double
    package var schedule: ScheduleDescription
    package var warmUp: WarmUp?
    /// The linear scaling rule: learning rates are meant for steps of so many samples; nil for the run's own.
    package var baseBatchSize: Int?
    package var batchSize: BatchSize
    /// Batches whose gradients one step adds; 1 for an update after each.
    package var accumulation: Int
    /// Samples of one leaf of the canonical tree.
    package var grainSize: Int
    package var epochs: Int
    /// Ends the run early; nil trains all epochs.
    package var steps: Int?
    package var seed: UInt64
    package var splitSeed: UInt64
    package var validationSplit: Double
    package var reduction: Reduction
    /// Whether slow workers get less to do; decides nothing of the result.
    package var isBalanced = false
    /// Which epoch is best, and when to stop; nil to take the last and go on to the end.
    package var selection: ModelSelection?
    /// Steps between two `parametersSHA256` in the metrics; nil for none.
    package var hashEvery: Int?
    /// Epochs between two histograms of weights and gradients; nil for none.
    package var histogramEvery: Int?
    package var checkpoints: CheckpointPolicy

    package enum Reduction: String, CaseIterable, Sendable {
        /// The canonical tree: the same bits for any number of workers.
        case tree
        /// `MPI_Allreduce`, for comparison: the contract is off.
        case mpi
    }

    /// By which the linear scaling rule multiplies the learning rates of a run of this length.
    package func learningRateScale(_ length: RunLength) -> Double {
        baseBatchSize.map { Double(length.stepSampleCount) / Double($0) } ?? 1
    }

    /// The learning rates of a run of this length.
    package func makeSchedule(_ length: RunLength) -> Schedule {
        Schedule(
            schedule, warmUp: warmUp, learningRate: learningRate, scale: learningRateScale(length),
            stepsPerEpoch: length.stepsPerEpoch, totalSteps: length.stepCount)
    }

    /// Batch size / 16 rounded down to a power of two, at least 8, at most 32; 32 for all samples.
    package static func defaultGrainSize(batchSize: BatchSize) -> Int {
        guard case .samples(let batchSize) = batchSize else { return 32 }
        var grain = 8
        while grain < 32 && grain * 2 <= batchSize / 16 { grain *= 2 }
        return grain
    }
}
