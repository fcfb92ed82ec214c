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
    package var labelSmoothing: Double?
    /// Numbers with commas between them.
    package var classWeights: String?
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
    /// Where in a file an option was said, by its name; nothing for those of the command line.
    var places: [String: String] = [:]

    package init() {}

    /// What `self` says, and `other` where it says nothing.
    package func overriding(_ other: TrainingOptions) -> TrainingOptions {
        var result = self
        for key in Self.keys { key.inherit(&result, other) }
        return result
    }

    /// Fills in the defaults and checks every value.
    ///
    /// - Throws: `Failure(.usage)` that names the option and what it may be, or `Failure(.data)` with the place in the
    ///   file that said it.
    package func resolved() throws -> TrainingConfiguration {
        let batchSize = try positive(batchSize ?? 64, "batch-size")
        let optimizer = try resolvedOptimizer()
        let reductions = TrainingConfiguration.Reduction.allCases
        let reduction = try choice(reduction ?? "tree", "reduction", reductions.map(\.rawValue))
        let learningRate = learningRate ?? optimizer.defaultLearningRate
        guard learningRate > 0 && learningRate.isFinite else {
            throw failure("learning-rate", "\(learningRate): a positive number is needed")
        }
        return TrainingConfiguration(
            dataset: dataset ?? "fashion-mnist", dataDirectory: dataDirectory, model: try resolvedModel(),
            loss: try resolvedLoss(), optimizer: optimizer, learningRate: learningRate, batchSize: batchSize,
            grainSize: try positive(
                grain ?? TrainingConfiguration.defaultGrainSize(batchSize: batchSize), "grain"),
            epochs: try positive(epochs ?? 10, "epochs"), steps: try steps.map { try positive($0, "steps") },
            seed: seed ?? 1, splitSeed: splitSeed ?? 1,
            validationSplit: try fraction(validationSplit ?? 0, "validation-split"),
            reduction: reductions.first { $0.rawValue == reduction } ?? .tree,
            hashEvery: try hashEvery.map { try positive($0, "hash-every") })
    }

    private func resolvedModel() throws -> [LayerDescription] {
        do {
            return try ModelText.parse(model ?? "dense 128, relu, dense 64, relu, dense 10")
        } catch let failure as Failure {
            guard let place = places["model"] else { throw failure }
            throw Failure(.data, "\(place): \(failure.message)")
        }
    }

    private func resolvedOptimizer() throws -> OptimizerDescription {
        let name = try choice(optimizer ?? "adam", "optimizer", OptimizerDescription.names)
        func refuse(_ value: Double?, _ option: String) throws {
            guard value == nil else { throw failure(option, "has no meaning for --optimizer \(name)") }
        }
        if name == "sgd" {
            try refuse(beta1, "beta1")
            try refuse(beta2, "beta2")
            try refuse(epsilon, "epsilon")
            return .sgd(momentum: try fraction(momentum ?? 0, "momentum"))
        }
        try refuse(momentum, "momentum")
        let epsilon = epsilon ?? 1e-8
        guard epsilon > 0 && epsilon.isFinite else {
            throw failure("epsilon", "\(epsilon): a positive number is needed")
        }
        return .adam(
            beta1: try fraction(beta1 ?? 0.9, "beta1"), beta2: try fraction(beta2 ?? 0.999, "beta2"), epsilon: epsilon)
    }

    private func positive(_ value: Int, _ option: String) throws -> Int {
        guard value >= 1 && value <= 1 << 40 else { throw failure(option, "\(value): a whole number from 1 is needed") }
        return value
    }

    func fraction(_ value: Double, _ option: String) throws -> Double {
        guard value >= 0 && value < 1 else { throw failure(option, "\(value): a number from 0 to below 1 is needed") }
        return value
    }

    func choice(_ value: String, _ option: String, _ known: [String]) throws -> String {
        guard known.contains(value) else {
            let near = Spelling.nearest(to: value, in: known).map { "; did you mean \($0)?" } ?? ""
            throw failure(option, "\(value) is unknown; it may be \(known.joined(separator: ", "))\(near)")
        }
        return value
    }

    func failure(_ option: String, _ what: String) -> Failure {
        guard let place = places[option] else { return Failure(.usage, "--\(option) \(what)") }
        return Failure(.data, "\(place): \(option) \(what)")
    }
}
