import Checkpoints
import Models

extension RunLength {
    /// Batches that the first `steps` steps of a run train on.
    package func batchCount(steps: Int) -> Int {
        let (epochs, rest) = steps.quotientAndRemainder(dividingBy: stepsPerEpoch)
        return epochs * batchesPerEpoch + rest * accumulation
    }
}

extension Network {
    /// `num_batches_tracked` of each batch norm, for PyTorch, whose `load_state_dict` asks for it.
    package func batchCountTensors(_ batchCount: Int) -> [Checkpoint.Tensor] {
        let suffix = ".running_mean"
        return stateLayout.entries.filter { $0.name.hasSuffix(suffix) }.map { entry in
            Checkpoint.Tensor(
                entry.name.dropLast(suffix.count) + Checkpoint.batchCountSuffix, [], [Int64(batchCount)])
        }
    }
}

extension Checkpoint {
    /// Behind the layer's name.
    static let batchCountSuffix = ".num_batches_tracked"
}
