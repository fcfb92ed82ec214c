import Checkpoints
import KernelContract
import Models

/// What outputs say about each class, by the loss that they were trained with.
extension LossKind {
    /// Probabilities of cross-entropy's logits by softmax; of `bce` by σ, each class for itself; what `mse` and `mae` bring
    /// near 0 or 1 is cut to that range. `y` may be `x`.
    package func probabilities(
        rowCount: Int, columnCount: Int, _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>,
        kernels: any KernelSet
    ) {
        switch self {
        case .crossEntropy: kernels.softmaxRows(rowCount: rowCount, columnCount: columnCount, x: x, to: y)
        case .binaryCrossEntropy:
            kernels.activate(ActivationFunction(.sigmoid), x, count: rowCount * columnCount, to: y)
        case .meanSquaredError, .meanAbsoluteError:
            for index in 0..<rowCount * columnCount { y[index] = min(max(x[index], 0), 1) }
        }
    }

    /// What a checkpoint's network was trained with: its configuration says it, or its target.
    package init(of checkpoint: Checkpoint, target: LossTarget, path: String) {
        let options = checkpoint.metadata[MetadataKey.configuration].flatMap {
            try? TrainingOptions(yaml: $0, path: path)
        }
        let named = options.flatMap { try? $0.resolvedLoss().kind }
        self = named ?? LossDescription.defaultKind(target)
    }
}
