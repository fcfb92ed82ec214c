/// An update rule with its hyperparameters, as configured. Values are Double and become Float where a kernel takes them.
package enum OptimizerDescription: Hashable, Sendable {
    /// PyTorch's SGD without dampening: `v ← momentum · v + g`, `p ← p − learningRate · v`.
    case sgd(momentum: Double)
    /// Kingma and Ba 2015, as PyTorch computes it.
    case adam(beta1: Double, beta2: Double, epsilon: Double)

    package static let names = ["sgd", "adam"]

    package var name: String {
        switch self {
        case .sgd: "sgd"
        case .adam: "adam"
        }
    }

    /// PyTorch's default learning rate of the rule.
    package var defaultLearningRate: Double {
        switch self {
        case .sgd: 0.01
        case .adam: 0.001
        }
    }
}
