import Models
import Optimizers

extension Network {
    /// What single tensors' updates have of their own; empty where none has. A tensor's own learning rate keeps its ratio
    /// to the run's under every schedule, as PyTorch's schedulers do with groups.
    func tensorUpdates(learningRate: Double) -> [TensorUpdate] {
        guard settings.contains(where: { $0.learningRate != nil || $0.weightDecay != nil || $0.isFrozen }) else {
            return []
        }
        return settings.map {
            TensorUpdate(
                learningRateFactor: $0.learningRate.map { $0 / learningRate } ?? 1, weightDecay: $0.weightDecay,
                isFrozen: $0.isFrozen)
        }
    }
}
