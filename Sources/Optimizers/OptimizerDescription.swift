/// A number that an update rule has besides the learning rate. The raw value is the option's name.
package enum Hyperparameter: String, CaseIterable, Sendable {
    case momentum, beta1, beta2, alpha, epsilon
    case weightDecay = "weight-decay"

    /// Whether it lies in 0 ..< 1; the others are finite, and epsilon is above 0.
    package var isFraction: Bool {
        switch self {
        case .momentum, .beta1, .beta2, .alpha: true
        case .epsilon, .weightDecay: false
        }
    }
}

/// The update rules. This table is what `--optimizer` offers, what the tests run and what the documentation lists.
package enum OptimizerRule: String, CaseIterable, Sendable {
    case sgd, momentum, nesterov, rmsprop, adagrad, adam, adamw, nadam, lamb

    /// What the rule has, with its defaults: PyTorch's; LAMB's are those of You et al. 2020.
    package var defaults: [(hyperparameter: Hyperparameter, value: Double)] {
        let betas: [(Hyperparameter, Double)] = [(.beta1, 0.9), (.beta2, 0.999)]
        return switch self {
        case .sgd: [(.momentum, 0), (.weightDecay, 0)]
        case .momentum, .nesterov: [(.momentum, 0.9), (.weightDecay, 0)]
        case .rmsprop: [(.alpha, 0.99), (.epsilon, 1e-8), (.weightDecay, 0)]
        case .adagrad: [(.epsilon, 1e-10), (.weightDecay, 0)]
        case .adam, .nadam: betas + [(.epsilon, 1e-8), (.weightDecay, 0)]
        case .adamw: betas + [(.epsilon, 1e-8), (.weightDecay, 0.01)]
        case .lamb: betas + [(.epsilon, 1e-6), (.weightDecay, 0.01)]
        }
    }

    /// PyTorch's, except for the first three (0.001 there) and LAMB, which PyTorch lacks.
    package var defaultLearningRate: Double {
        switch self {
        case .sgd, .momentum, .nesterov, .rmsprop, .adagrad: 0.01
        case .adam, .adamw, .lamb: 0.001
        case .nadam: 0.002
        }
    }
}

/// An update rule with its hyperparameters, as configured. Values are Double and become Float where a kernel takes them.
package struct OptimizerDescription: Hashable, Sendable {
    package let rule: OptimizerRule
    /// By `Hyperparameter.allCases`; 0 where the rule has none.
    private var values: [Double]

    /// The rule with its defaults.
    package init(_ rule: OptimizerRule) {
        self.rule = rule
        values = [Double](repeating: 0, count: Hyperparameter.allCases.count)
        for (hyperparameter, value) in rule.defaults { self[hyperparameter] = value }
    }

    package subscript(_ hyperparameter: Hyperparameter) -> Double {
        get { values[Self.position(hyperparameter)] }
        set {
            precondition(
                rule.defaults.contains { $0.hyperparameter == hyperparameter },
                "OptimizerDescription: \(rule.rawValue) has no \(hyperparameter.rawValue)")
            values[Self.position(hyperparameter)] = newValue
        }
    }

    package func with(_ hyperparameter: Hyperparameter, _ value: Double) -> Self {
        var result = self
        result[hyperparameter] = value
        return result
    }

    package var name: String { rule.rawValue }

    private static func position(_ hyperparameter: Hyperparameter) -> Int {
        switch hyperparameter {
        case .momentum: 0
        case .beta1: 1
        case .beta2: 2
        case .alpha: 3
        case .epsilon: 4
        case .weightDecay: 5
        }
    }
}

/// Limits of the gradient before the update; both may be given, the value first.
package struct GradientClipping: Hashable, Sendable {
    /// Each element is limited to −value … value.
    package var value: Double?
    /// Scaled by `min(1, norm / (‖g‖ + 1e-6))` over all parameters, as PyTorch's `clip_grad_norm_`.
    package var norm: Double?

    package init(value: Double? = nil, norm: Double? = nil) {
        self.value = value
        self.norm = norm
    }
}

/// All that happens to a slice of the parameters in a step.
package struct UpdateDescription: Hashable, Sendable {
    package var optimizer: OptimizerDescription
    package var clipping: GradientClipping
    /// Decay of the moving average of parameters; nil for none.
    package var averageDecay: Double?

    package init(
        _ optimizer: OptimizerDescription, clipping: GradientClipping = GradientClipping(), averageDecay: Double? = nil
    ) {
        self.optimizer = optimizer
        self.clipping = clipping
        self.averageDecay = averageDecay
    }

    /// Sums of squares that the workers exchange for each block in a step: of gradients, of parameters, of directions.
    package var blockSumColumns: Int { (clipping.norm == nil ? 0 : 1) + (optimizer.rule == .lamb ? 2 : 0) }
}
