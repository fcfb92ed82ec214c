import Errors
import Models
import Optimizers

/// The options of `train` as given, by command line or file; nil where nothing was said.
///
/// One table, `keys`, names what a file may hold. The command line has the same names with two dashes.
package struct TrainingOptions: Sendable {
    package var dataset: String?
    package var dataDirectory: String?
    package var model: String?
    package var loss: String?
    package var optimizer: String?
    package var learningRate: Double?
    package var momentum: Double?
    package var beta1: Double?
    package var beta2: Double?
    package var epsilon: Double?
    package var batchSize: Int?
    package var grain: Int?
    package var epochs: Int?
    package var steps: Int?
    package var seed: UInt64?
    package var splitSeed: UInt64?
    package var validationSplit: Double?
    package var reduction: String?
    package var hashEvery: Int?

    package init() {}

    /// What `self` says, and `other` where it says nothing.
    package func overriding(_ other: TrainingOptions) -> TrainingOptions {
        var result = self
        for key in Self.keys { key.inherit(&result, other) }
        return result
    }

    /// Fills in the defaults and checks every value.
    ///
    /// - Throws: `Failure(.usage)` that names the option and what it may be.
    package func resolved() throws -> TrainingConfiguration {
        let batchSize = try positive(batchSize ?? 64, "batch-size")
        let description = try resolvedOptimizer()
        let loss = loss ?? "cross-entropy"
        guard loss == "cross-entropy" else { throw unknown("loss", loss, ["cross-entropy"]) }
        let reductionName = reduction ?? TrainingConfiguration.Reduction.tree.rawValue
        guard let reduction = TrainingConfiguration.Reduction(rawValue: reductionName) else {
            throw unknown("reduction", reductionName, TrainingConfiguration.Reduction.allCases.map(\.rawValue))
        }
        let validationSplit = validationSplit ?? 0
        guard validationSplit >= 0 && validationSplit < 1 else {
            throw Failure(.usage, "--validation-split \(validationSplit): a fraction from 0 to below 1 is needed")
        }
        return TrainingConfiguration(
            dataset: dataset ?? "fashion-mnist", dataDirectory: dataDirectory,
            model: try ModelText.parse(model ?? "dense 128, relu, dense 64, relu, dense 10"),
            optimizer: description, learningRate: try positive(learningRate ?? description.defaultLearningRate),
            batchSize: batchSize,
            grainSize: try positive(
                grain ?? TrainingConfiguration.defaultGrainSize(batchSize: batchSize), "grain"),
            epochs: try positive(epochs ?? 10, "epochs"), steps: try steps.map { try positive($0, "steps") },
            seed: seed ?? 1, splitSeed: splitSeed ?? 1, validationSplit: validationSplit, reduction: reduction,
            hashEvery: try hashEvery.map { try positive($0, "hash-every") })
    }

    private func resolvedOptimizer() throws -> OptimizerDescription {
        let name = optimizer ?? "adam"
        func fraction(_ value: Double, _ option: String) throws -> Double {
            guard value >= 0 && value < 1 else {
                throw Failure(.usage, "--\(option) \(value): a value from 0 to below 1 is needed")
            }
            return value
        }
        func refuse(_ value: Double?, _ option: String) throws {
            guard value == nil else { throw Failure(.usage, "--\(option) has no meaning for --optimizer \(name)") }
        }
        switch name {
        case "sgd":
            try refuse(beta1, "beta1")
            try refuse(beta2, "beta2")
            try refuse(epsilon, "epsilon")
            return .sgd(momentum: try fraction(momentum ?? 0, "momentum"))
        case "adam":
            try refuse(momentum, "momentum")
            let epsilon = epsilon ?? 1e-8
            guard epsilon > 0 && epsilon.isFinite else {
                throw Failure(.usage, "--epsilon \(epsilon): a positive number is needed")
            }
            return .adam(
                beta1: try fraction(beta1 ?? 0.9, "beta1"), beta2: try fraction(beta2 ?? 0.999, "beta2"),
                epsilon: epsilon)
        default:
            throw unknown("optimizer", name, OptimizerDescription.names)
        }
    }

    private func positive(_ value: Int, _ option: String) throws -> Int {
        guard value >= 1 && value <= 1 << 40 else {
            throw Failure(.usage, "--\(option) \(value): a whole number from 1 is needed")
        }
        return value
    }

    private func positive(_ learningRate: Double) throws -> Double {
        guard learningRate > 0 && learningRate.isFinite else {
            throw Failure(.usage, "--learning-rate \(learningRate): a positive number is needed")
        }
        return learningRate
    }

    private func unknown(_ option: String, _ value: String, _ known: [String]) -> Failure {
        Failure(.usage, "--\(option) \(value) is unknown; it may be \(known.joined(separator: ", "))")
    }
}
