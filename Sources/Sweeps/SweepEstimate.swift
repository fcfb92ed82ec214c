import DataLoading
import Errors
import Models
import Training

/// What the trials of a sweep will cost: floating-point operations of the matrix products, evaluation not counted.
package struct SweepEstimate: Sendable {
    package struct Row: Sendable {
        package let trial: SweepPlan.Trial
        /// Nil for a trial that cannot be trained.
        package let flops: Double?
        /// Why.
        package let problem: String?
        package let configuration: TrainingConfiguration?
    }

    /// Trials that are known before any result.
    package let rows: [Row]

    /// Loads the data sets, for their sizes.
    package init(_ plan: SweepPlan) {
        var datasets: [String: SharedDataset] = [:]
        // By the model, as text.
        var costs: [String: Double] = [:]
        rows = plan.trials.map { trial in
            let options = plan.options(of: trial)
            do {
                let key = options.datasetKey
                let dataset = datasets[key] ?? options.sharedDataset
                datasets[key] = dataset
                let configuration = try options.resolved(dataset: dataset)
                let data = try dataset.load()
                let text = "\(key)\n\(ModelText.text(of: configuration.model))\n\(configuration.loss.target)"
                let cost = try costs[text] ?? Self.flopsPerSample(configuration, data)
                costs[text] = cost
                return Row(
                    trial: trial, flops: cost * Self.sampleCount(configuration, data), problem: nil,
                    configuration: configuration)
            } catch {
                let problem = (error as? Failure)?.message ?? "\(error)"
                return Row(trial: trial, flops: nil, problem: problem, configuration: nil)
            }
        }
    }

    package var flops: Double { rows.reduce(0) { $0 + ($1.flops ?? 0) } }

    /// The trial in the middle of those that can be trained, by their cost: the one to measure.
    package var middle: TrainingConfiguration? {
        let known = rows.filter { $0.flops != nil }
        let order = known.indices.sorted {
            (known[$0].flops!, $0) < (known[$1].flops!, $1)
        }
        return order.isEmpty ? nil : known[order[order.count / 2]].configuration
    }

    private static func flopsPerSample(_ configuration: TrainingConfiguration, _ data: ImageDataset) throws -> Double {
        try Network(
            configuration.model, inputShape: [data.train.height, data.train.width, data.train.channels],
            outputs: configuration.loss.target == .input ? .inputs : .classes(data.classCount),
            settings: configuration.layers
        ).trainingFlopsPerSample
    }

    /// Samples of all steps.
    private static func sampleCount(_ configuration: TrainingConfiguration, _ data: ImageDataset) -> Double {
        let kept = configuration.trainCount(of: data)
        let length = RunLength(configuration, sampleCount: kept)
        let ofSteps = Double(length.stepCount) * Double(length.stepSampleCount)
        return min(ofSteps, Double(configuration.epochs) * Double(kept))
    }
}
