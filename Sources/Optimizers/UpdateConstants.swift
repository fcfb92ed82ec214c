import KernelContract
import Numerics

/// The numbers of one update, computed in Double and rounded to Float once.
struct UpdateConstants {
    private let description: OptimizerDescription
    private(set) var step = 0
    private(set) var learningRate = 0.0
    private(set) var sgd = SGDStep(learningRate: 0)
    private(set) var rootMeanSquare = RootMeanSquareStep(learningRate: 0, oldWeight: 1, newWeight: 1, epsilon: 1)
    private(set) var adam = AdamStep(
        stepSize: 0, oneMinusBeta1: 0, beta2: 0, oneMinusBeta2: 0, inverseRootBiasCorrection2: 1, epsilon: 1)
    /// Nadam's μ₁ · … · μₜ.
    private var momentumProduct = 1.0

    init(_ description: OptimizerDescription) { self.description = description }

    mutating func begin(step: Int, learningRate: Double) {
        self.learningRate = learningRate
        let weightDecay = description[.weightDecay]
        switch description.rule {
        case .sgd, .momentum, .nesterov:
            sgd = SGDStep(
                learningRate: Float(learningRate), momentum: Float(description[.momentum]),
                isNesterov: description.rule == .nesterov, weightDecay: Float(weightDecay))
        case .rmsprop:
            let alpha = description[.alpha]
            rootMeanSquare = RootMeanSquareStep(
                learningRate: Float(learningRate), oldWeight: Float(alpha), newWeight: Float(1 - alpha),
                epsilon: Float(description[.epsilon]), weightDecay: Float(weightDecay))
        case .adagrad:
            rootMeanSquare = RootMeanSquareStep(
                learningRate: Float(learningRate), oldWeight: 1, newWeight: 1, epsilon: Float(description[.epsilon]),
                weightDecay: Float(weightDecay))
        case .adam, .adamw, .nadam, .lamb:
            beginAdam(step, learningRate, weightDecay)
        }
        self.step = step
    }

    private mutating func beginAdam(_ step: Int, _ learningRate: Double, _ weightDecay: Double) {
        let (beta1, beta2) = (description[.beta1], description[.beta2])
        let biasCorrection1 = 1 - ScalarMath.power(beta1, step)
        let biasCorrection2 = 1 - ScalarMath.power(beta2, step)
        adam = AdamStep(
            stepSize: Float(learningRate / biasCorrection1), oneMinusBeta1: Float(1 - beta1), beta2: Float(beta2),
            oneMinusBeta2: Float(1 - beta2), inverseRootBiasCorrection2: Float(1 / biasCorrection2.squareRoot()),
            epsilon: Float(description[.epsilon]))
        switch description.rule {
        case .adamw:
            adam.shrinkage = Float(1 - learningRate * weightDecay)
        case .lamb:
            adam.stepSize = Float(1 / biasCorrection1)
            adam.weightDecay = Float(weightDecay)
        case .nadam:
            advanceMomentumProduct(to: step)
            let (mu, nextMu) = (nadamMomentum(step), nadamMomentum(step + 1))
            adam.gradientStepSize = Float(learningRate * (1 - mu) / (1 - momentumProduct))
            adam.stepSize = Float(learningRate * nextMu / (1 - momentumProduct * nextMu))
            adam.weightDecay = Float(weightDecay)
        default:
            adam.weightDecay = Float(weightDecay)
        }
    }

    /// From step to step one factor; from anywhere else all of them in order, so that a resumed run has the same bits.
    private mutating func advanceMomentumProduct(to step: Int) {
        if self.step > step { (self.step, momentumProduct) = (0, 1) }
        while self.step < step {
            self.step += 1
            momentumProduct *= nadamMomentum(self.step)
        }
    }

    /// `μₜ = β1 (1 − 0.5 · 0.96^(0.004 t))`; 0.004 is PyTorch's `momentum_decay`.
    private func nadamMomentum(_ step: Int) -> Double {
        // 0.96^0.004
        description[.beta1] * (1 - 0.5 * ScalarMath.power(0.999_836_725_352_675_3, step))
    }
}
