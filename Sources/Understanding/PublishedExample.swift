import KernelContract
import Models

/// The 2-2-2 sigmoid network of Matt Mazur's "A Step by Step Backpropagation Example" (2015), whose numbers many texts
/// repeat. There one bias serves both units of a layer and is left as it is; here each unit has its own, and it learns.
/// All weights are updated from the values before the step, so theirs are the published ones.
package enum PublishedExample {
    package static let model: [LayerDescription] = [
        .dense(outputFeatures: 2), .activation(ActivationFunction(.sigmoid)), .dense(outputFeatures: 2),
        .activation(ActivationFunction(.sigmoid)),
    ]
    package static let input = [0.05, 0.10]
    package static let targets = [0.01, 0.99]
    package static let learningRate = 0.5
    /// w1 … w4, b1 b2, w5 … w8, b3 b4.
    package static let parameters = [0.15, 0.20, 0.25, 0.30, 0.35, 0.35, 0.40, 0.45, 0.50, 0.55, 0.60, 0.60]

    /// As published, to their last decimal.
    package static let totalError = "0.298371109"
    package static let weights = [
        ("w1", "0.149780716"), ("w2", "0.19956143"), ("w3", "0.24975114"), ("w4", "0.29950229"), ("w5", "0.35891648"),
        ("w6", "0.408666186"), ("w7", "0.511301270"), ("w8", "0.561370121"),
    ]

    package static func step() throws -> ExplainedStep {
        try ExplainedStep(
            model, inputShape: [2], input: input, target: .values(targets), loss: .halfSquaredError,
            learningRate: learningRate, parameters: parameters, seed: 1)
    }

    /// Whether `value` is `published` to its last decimal.
    package static func agrees(_ value: Double, _ published: String) -> Bool {
        let decimals = published.split(separator: ".").last?.count ?? 0
        return Numbers.fixed(value, decimals) == published
    }
}
