/// The constants of one Adam update. `biasCorrection1 = 1 − β1ᵗ`, `biasCorrection2 = 1 − β2ᵗ`, computed in Double.
package struct AdamStep: Sendable {
    /// `learningRate / biasCorrection1`
    package var stepSize: Float
    package var oneMinusBeta1: Float
    package var beta2: Float
    package var oneMinusBeta2: Float
    /// `1 / √biasCorrection2`
    package var inverseRootBiasCorrection2: Float
    package var epsilon: Float

    package init(
        stepSize: Float, oneMinusBeta1: Float, beta2: Float, oneMinusBeta2: Float, inverseRootBiasCorrection2: Float,
        epsilon: Float
    ) {
        self.stepSize = stepSize
        self.oneMinusBeta1 = oneMinusBeta1
        self.beta2 = beta2
        self.oneMinusBeta2 = oneMinusBeta2
        self.inverseRootBiasCorrection2 = inverseRootBiasCorrection2
        self.epsilon = epsilon
    }
}

/// Update rules, element by element, each in one written order of operations.
package protocol OptimizerKernels {
    /// PyTorch's SGD: `v ← momentum · v + g` (the first step gives `g`, as v is 0), `p ← p − learningRate · v`.
    /// With `velocity` nil, `v` is `g`. Each `·` followed by `+` or `−` is one fused operation.
    func updateSGD(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
        velocity: UnsafeMutablePointer<Float>?, count: Int, learningRate: Float, momentum: Float)

    /// PyTorch's Adam, in this order: `m ← fma(g − m, 1 − β1, m)`; `v ← fma(g · (1 − β2), g, v · β2)`;
    /// `p ← fma(−stepSize, m / fma(√v, inverseRootBiasCorrection2, ε), p)`.
    func updateAdam(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, m: UnsafeMutablePointer<Float>,
        v: UnsafeMutablePointer<Float>, count: Int, step: AdamStep)
}
