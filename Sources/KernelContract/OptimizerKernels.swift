/// The constants of one SGD update.
package struct SGDStep: Sendable {
    package var learningRate: Float
    package var momentum: Float
    package var isNesterov: Bool
    /// Coupled (L2): `g ← fma(p, weightDecay, g)` comes first, unless it is 0.
    package var weightDecay: Float

    package init(learningRate: Float, momentum: Float = 0, isNesterov: Bool = false, weightDecay: Float = 0) {
        self.learningRate = learningRate
        self.momentum = momentum
        self.isNesterov = isNesterov
        self.weightDecay = weightDecay
    }
}

/// The constants of one update that divides by a running root mean square: RMSprop, and Adagrad with both weights 1.
package struct RootMeanSquareStep: Sendable {
    package var learningRate: Float
    /// RMSprop's α.
    package var oldWeight: Float
    /// RMSprop's 1 − α.
    package var newWeight: Float
    package var epsilon: Float
    /// Coupled, as in `SGDStep`.
    package var weightDecay: Float

    package init(learningRate: Float, oldWeight: Float, newWeight: Float, epsilon: Float, weightDecay: Float = 0) {
        self.learningRate = learningRate
        self.oldWeight = oldWeight
        self.newWeight = newWeight
        self.epsilon = epsilon
        self.weightDecay = weightDecay
    }
}

/// The constants of one update of Adam's family. `biasCorrection1 = 1 − β1ᵗ`, `biasCorrection2 = 1 − β2ᵗ`, computed in
/// Double.
package struct AdamStep: Sendable {
    /// Factor of m: `learningRate / biasCorrection1`, for LAMB `1 / biasCorrection1`.
    package var stepSize: Float
    /// Nadam's factor of the gradient.
    package var gradientStepSize: Float
    package var oneMinusBeta1: Float
    package var beta2: Float
    package var oneMinusBeta2: Float
    /// `1 / √biasCorrection2`
    package var inverseRootBiasCorrection2: Float
    package var epsilon: Float
    /// Coupled, as in `SGDStep`; LAMB adds its own to the direction instead.
    package var weightDecay: Float
    /// AdamW's `1 − learningRate · weightDecay`, by which parameters are multiplied first, unless it is 1.
    package var shrinkage: Float

    package init(
        stepSize: Float, gradientStepSize: Float = 0, oneMinusBeta1: Float, beta2: Float, oneMinusBeta2: Float,
        inverseRootBiasCorrection2: Float, epsilon: Float, weightDecay: Float = 0, shrinkage: Float = 1
    ) {
        self.stepSize = stepSize
        self.gradientStepSize = gradientStepSize
        self.oneMinusBeta1 = oneMinusBeta1
        self.beta2 = beta2
        self.oneMinusBeta2 = oneMinusBeta2
        self.inverseRootBiasCorrection2 = inverseRootBiasCorrection2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.shrinkage = shrinkage
    }
}

/// Update rules and what belongs to them, element by element, each in one written order of operations.
///
/// State (`velocity`, m, v) is kept, and used, without subnormal numbers: what is nearer to 0 than 2⁻¹²⁶ becomes +0.
///
/// Where `posted` is not nil, the new parameters go there too, as `KernelSet.post` would put them.
package protocol OptimizerKernels {
    /// PyTorch's SGD: `v ← momentum · v + g` (the first step gives `g`, as v is 0), `p ← p − learningRate · v`; with
    /// Nesterov `p ← p − learningRate · (g + momentum · v)`.
    /// With `velocity` nil, `v` is `g`. Each `·` followed by `+` or `−` is one fused operation.
    func updateSGD(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
        velocity: UnsafeMutablePointer<Float>?, count: Int, step: SGDStep, posted: UnsafeMutablePointer<Float>?)

    /// `v ← fma(g · newWeight, g, v · oldWeight)`; `p ← fma(−learningRate, g / (√v + ε), p)`.
    func updateByRootMeanSquare(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, v: UnsafeMutablePointer<Float>,
        count: Int, step: RootMeanSquareStep, posted: UnsafeMutablePointer<Float>?)

    /// PyTorch's Adam and AdamW, in this order: `m ← fma(g − m, 1 − β1, m)`; `v ← fma(g · (1 − β2), g, v · β2)`;
    /// `p ← fma(−stepSize, m / fma(√v, inverseRootBiasCorrection2, ε), p)`.
    func updateAdam(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, m: UnsafeMutablePointer<Float>,
        v: UnsafeMutablePointer<Float>, count: Int, step: AdamStep, posted: UnsafeMutablePointer<Float>?)

    /// PyTorch's NAdam: m, v and the denominator d as in Adam;
    /// `p ← p − fma(m, stepSize, g · gradientStepSize) / d`.
    func updateNadam(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, m: UnsafeMutablePointer<Float>,
        v: UnsafeMutablePointer<Float>, count: Int, step: AdamStep, posted: UnsafeMutablePointer<Float>?)

    /// LAMB's direction before the trust ratio: m, v and d as in Adam;
    /// `direction ← fma(p, weightDecay, (m · stepSize) / d)`. `direction` may be the gradient.
    func directLAMB(
        parameters: UnsafePointer<Float>, gradient: UnsafePointer<Float>, m: UnsafeMutablePointer<Float>,
        v: UnsafeMutablePointer<Float>, count: Int, step: AdamStep, to direction: UnsafeMutablePointer<Float>)

    /// `y[i] = x[i]` limited to −limit … limit; NaN stays NaN. `y` may be `x`.
    func clamp(_ x: UnsafePointer<Float>, count: Int, limit: Float, to y: UnsafeMutablePointer<Float>)

    /// `values[i] ← values[i] · factor`
    func scale(_ values: UnsafeMutablePointer<Float>, count: Int, by factor: Float)

    /// Lane l of 16 adds `x[l]², x[l + 16]², …` by fused operations in order, from 0; then the tree 8-4-2-1.
    func sumOfSquares(_ values: UnsafePointer<Float>, count: Int) -> Float

    /// `average[i] ← fma(x[i] − average[i], weight, average[i])`
    func updateAverage(
        _ average: UnsafeMutablePointer<Float>, with x: UnsafePointer<Float>, count: Int, weight: Float)
}
