/// The losses by their names in `--loss`. This list drives the option, tests and docs.
package enum LossKind: String, CaseIterable, Sendable {
    /// PyTorch's `CrossEntropyLoss`: of softmax, with label smoothing and class weights.
    case crossEntropy = "cross-entropy"
    /// PyTorch's `MSELoss` of the outputs and the one-hot label.
    case meanSquaredError = "mse"
    /// PyTorch's `L1Loss` of the outputs and the one-hot label.
    case meanAbsoluteError = "mae"
    /// PyTorch's `BCEWithLogitsLoss` of the outputs and the one-hot label.
    case binaryCrossEntropy = "bce"
}

/// One loss over rows of outputs. With `t` a row's label, `z` its one-hot vector and `D` the denominator:
///
/// - cross-entropy: `v[j] = labelShare · w[t] · z[j] + uniformShare · w[j]`, `V = Σ v[j]`;
///   `loss = −Σ v[j] ln softmax(x)[j]`, `dx[j] = (V softmax(x)[j] − v[j]) / D`
/// - mse: `loss = Σ (x[j] − z[j])²`, `dx[j] = 2 (x[j] − z[j]) / D`
/// - mae: `loss = Σ |x[j] − z[j]|`, `dx[j] = sign(x[j] − z[j]) / D`
/// - bce: `loss = Σ (max(x[j], 0) − x[j] z[j] + ln(1 + e^−|x[j]|))`, `dx[j] = (σ(x[j]) − z[j]) / D`
///
/// Nothing needs alignment. `gradient` has the outputs' stride, may be the outputs, and may be nil (evaluation). Labels
/// lie in `0..<classCount`, which is from 1 to 256.
package struct LossPass {
    package var kind: LossKind
    package var rowCount: Int
    package var classCount: Int
    /// `[rowCount, classCount]`
    package var outputs: UnsafePointer<Float>
    package var rowStride: Int
    package var labels: UnsafePointer<UInt8>
    package var denominator: Float
    /// Per row, not divided by the denominator.
    package var losses: UnsafeMutablePointer<Float>
    /// The first greatest output of each row.
    package var predictions: UnsafeMutablePointer<UInt8>
    package var gradient: UnsafeMutablePointer<Float>?

    package init(
        _ kind: LossKind, rowCount: Int, classCount: Int, outputs: UnsafePointer<Float>, rowStride: Int,
        labels: UnsafePointer<UInt8>, denominator: Float, losses: UnsafeMutablePointer<Float>,
        predictions: UnsafeMutablePointer<UInt8>, gradient: UnsafeMutablePointer<Float>?
    ) {
        self.kind = kind
        self.rowCount = rowCount
        self.classCount = classCount
        self.outputs = outputs
        self.rowStride = rowStride
        self.labels = labels
        self.denominator = denominator
        self.losses = losses
        self.predictions = predictions
        self.gradient = gradient
    }
}

/// Where two labels share a row's target: with `a` the row's label, `b` its partner's and `s` the share of `a`, the target is
/// `z = s · onehot(a) + (1 − s) · onehot(b)`, and cross-entropy's `v[j] = labelShare · Σ w z[j] + uniformShare · w[j]`.
package struct TargetMix {
    /// `[rowCount]`
    package var partners: UnsafePointer<UInt8>
    /// `[rowCount]`, multiples of 2⁻¹⁶ from 0 to 1.
    package var shares: UnsafePointer<Float>

    package init(partners: UnsafePointer<UInt8>, shares: UnsafePointer<Float>) {
        (self.partners, self.shares) = (partners, shares)
    }
}

/// One loss over rows of outputs against targets `z` of any value, such as a network's own input. With `D` the
/// denominator:
///
/// - mse and mae as in `LossPass`
/// - bce, for `z` in 0…1: `loss = Σ (|x[j]| (x[j] > 0 ? 1 − z[j] : z[j]) + ln(1 + e^−|x[j]|))`, which is PyTorch's
///   `max(x, 0) − x z + ln(1 + e^−|x|)` without its cancellation; `dx[j] = (σ(x[j]) − z[j]) / D`
///
/// Nothing needs alignment. `gradient` has the outputs' stride, may be the outputs, and may be nil (evaluation).
package struct ReconstructionPass {
    package var kind: LossKind
    package var rowCount: Int
    package var outputCount: Int
    /// `[rowCount, outputCount]`
    package var outputs: UnsafePointer<Float>
    package var rowStride: Int
    /// `[rowCount, outputCount]`
    package var targets: UnsafePointer<Float>
    package var targetStride: Int
    package var denominator: Float
    /// Per row, not divided by the denominator.
    package var losses: UnsafeMutablePointer<Float>
    package var gradient: UnsafeMutablePointer<Float>?

    package init(
        _ kind: LossKind, rowCount: Int, outputCount: Int, outputs: UnsafePointer<Float>, rowStride: Int,
        targets: UnsafePointer<Float>, targetStride: Int, denominator: Float, losses: UnsafeMutablePointer<Float>,
        gradient: UnsafeMutablePointer<Float>?
    ) {
        self.kind = kind
        self.rowCount = rowCount
        self.outputCount = outputCount
        self.outputs = outputs
        self.rowStride = rowStride
        self.targets = targets
        self.targetStride = targetStride
        self.denominator = denominator
        self.losses = losses
        self.gradient = gradient
    }
}

/// How cross-entropy weighs classes.
package struct ClassShares {
    /// 1 − label smoothing.
    package var labelShare: Float
    /// Label smoothing / classes.
    package var uniformShare: Float
    /// `[classCount]`
    package var weights: UnsafePointer<Float>
    /// Σ weights, rounded once.
    package var totalWeight: Float

    package init(labelShare: Float, uniformShare: Float, weights: UnsafePointer<Float>, totalWeight: Float) {
        self.labelShare = labelShare
        self.uniformShare = uniformShare
        self.weights = weights
        self.totalWeight = totalWeight
    }
}

/// Losses and their gradients at the outputs; `softmaxCrossEntropy` of `KernelSet` is the plain one.
package protocol LossKernels {
    /// Cross-entropy with smoothing and weights; `pass.kind` is `.crossEntropy`. The bits of `softmaxCrossEntropy` where
    /// all weights are 1 and nothing is smoothed. `workspace` holds `KernelWorkspace.floatCount` floats.
    func weightedCrossEntropy(_ pass: LossPass, shares: ClassShares, workspace: UnsafeMutablePointer<Float>)

    /// The losses that are sums over the outputs, each for itself: all kinds but cross-entropy.
    func elementwiseLoss(_ pass: LossPass, workspace: UnsafeMutablePointer<Float>)

    /// Any loss against targets that two labels share; mse, mae and bce as `reconstructionLoss` has them, cross-entropy with
    /// the bits of `weightedCrossEntropy` where all shares are 1. `shares` is for cross-entropy alone.
    func mixedLoss(
        _ pass: LossPass, mix: TargetMix, shares: ClassShares, workspace: UnsafeMutablePointer<Float>)

    /// The same losses against targets of any value.
    func reconstructionLoss(_ pass: ReconstructionPass)
}
