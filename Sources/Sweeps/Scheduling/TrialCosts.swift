import DataLoading
import Errors
import Models
import Training

/// Floating-point operations of the matrix products of a trial's training, evaluation not counted.
struct TrialCosts {
    private let plan: SweepPlan
    private let datasets: DatasetPool
    /// Of a sample, by data set, model and target.
    private var costs: [String: Double] = [:]

    init(_ plan: SweepPlan, datasets: DatasetPool) {
        self.plan = plan
        self.datasets = datasets
    }

    struct Cost {
        let configuration: TrainingConfiguration
        let flops: Double
        let stepCount: Int
    }

    /// - Throws: what keeps the trial from being trained.
    mutating func cost(of trial: SweepPlan.Trial) throws -> Cost {
        let options = plan.options(of: trial)
        let dataset = datasets.dataset(of: options)
        let configuration = try options.resolved(dataset: dataset)
        let data = try dataset.load()
        let text =
            "\(options.datasetKey)\n\(ModelText.text(of: configuration.model))\n\(configuration.loss.target)"
        let ofSample = try costs[text] ?? Self.flopsPerSample(configuration, data)
        costs[text] = ofSample
        let kept = configuration.trainCount(of: data)
        let length = RunLength(configuration, sampleCount: kept)
        let sampleCount = min(
            Double(length.stepCount) * Double(length.stepSampleCount), Double(configuration.epochs) * Double(kept))
        return Cost(configuration: configuration, flops: ofSample * sampleCount, stepCount: length.stepCount)
    }

    /// How long a trial takes beside others, in floating-point operations; a step costs some besides its products.
    mutating func length(of trial: SweepPlan.Trial) -> Double {
        guard let cost = try? cost(of: trial) else { return 0 }
        return cost.flops + Double(cost.stepCount) * Self.flopsPerStep
    }

    /// About 20 µs on a core.
    private static let flopsPerStep = 2e6

    private static func flopsPerSample(_ configuration: TrainingConfiguration, _ data: ImageDataset) throws -> Double {
        try Network(
            configuration.model,
            inputShape: data.columns == nil
                ? [data.train.height, data.train.width, data.train.channels] : data.inputShape,
            outputs: data.outputs(configuration.loss.target), settings: configuration.layers
        ).trainingFlopsPerSample
    }
}
