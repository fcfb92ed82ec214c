import Errors
import Models

extension TrainingOptions {
    func resolvedBatchSize() throws -> BatchSize {
        guard case .samples(let count) = batchSize ?? 64 else { return .all }
        return .samples(try positive(count, "batch-size"))
    }

    func resolvedAccumulation(_ batchSize: BatchSize) throws -> Int {
        let count = try positive(accumulate ?? 1, "accumulate")
        guard batchSize != .all || count == 1 else {
            throw failure("accumulate", "\(count): with --batch-size all an epoch has one batch; omit one of them")
        }
        return count
    }

    /// - Throws: as `resolved` does, where the metric does not exist in such a run.
    ///
    /// - Parameter holdsOut: Whether some of the train part are for validation; otherwise the data set may have such a part.
    func resolvedSelection(target: LossTarget, holdsOut: Bool, dataset: SharedDataset?) throws -> ModelSelection? {
        if minDelta != nil && patience == nil {
            throw failure("min-delta", "has no meaning without --patience, which it makes less patient")
        }
        guard metric != nil || patience != nil else { return nil }
        let known = SelectionMetric.allCases.map(\.rawValue)
        let option = metric == nil ? "patience" : "metric"
        let name = try choice(metric ?? SelectionMetric.validationLoss.rawValue, "metric", known)
        let selected = SelectionMetric(rawValue: name)!
        let hasPart = { (try? (dataset ?? sharedDataset).hasValidation()) ?? false }
        guard selected.split != .validation || holdsOut || hasPart() else {
            throw failure(
                option,
                "needs \(name), and there is no validation split: give one, such as --validation-split 0.1, or "
                    + "another --metric, such as train-loss")
        }
        guard selected.isLoss || target == .label else {
            throw failure(
                option,
                "\(name): with --target \(self.target ?? "input") there is no accuracy; use \(selected.split.rawValue)-loss"
            )
        }
        return ModelSelection(
            metric: selected, patience: try patience.map { try positive($0, "patience") },
            minDelta: try notNegative(minDelta ?? 0, "min-delta"))
    }
}

extension TrainingConfiguration {
    /// The lines of a configuration file.
    var selectionYAML: [String] {
        guard let selection else { return [] }
        var lines = ["metric: \(selection.metric.rawValue)"]
        if let patience = selection.patience {
            lines += ["patience: \(patience)", "min-delta: \(selection.minDelta)"]
        }
        return lines
    }
}
