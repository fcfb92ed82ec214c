import Errors
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
        var costs = TrialCosts(plan, datasets: DatasetPool())
        rows = plan.trials.map { trial in
            do {
                let cost = try costs.cost(of: trial)
                return Row(trial: trial, flops: cost.flops, problem: nil, configuration: cost.configuration)
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
}
