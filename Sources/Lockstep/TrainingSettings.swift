import Errors
import Training

/// How a model is trained: the options of `lockstep train`, by name or by property. What is not said has its default.
///
/// ```swift
/// var settings = TrainingSettings()
/// settings.epochs = 5
/// settings["weight-decay"] = "0.01"
/// ```
public struct TrainingSettings: Sendable {
    private var values: [String: String] = [:]

    public init() {}

    /// An option by its name on the command line, without the dashes. `lockstep help train` lists them all.
    public subscript(option: String) -> String? {
        get { values[option] }
        set { values[option] = newValue }
    }

    /// A name of the catalogue, such as `fashion-mnist` (the default), or a folder with four IDX files.
    public var dataset: String? {
        get { self["dataset"] }
        set { self["dataset"] = newValue }
    }

    /// Such as `adam` (the default) or `sgd`.
    public var optimizer: String? {
        get { self["optimizer"] }
        set { self["optimizer"] = newValue }
    }

    /// By default that of the optimizer.
    public var learningRate: Double? {
        get { self["learning-rate"].flatMap(Double.init) }
        set { self["learning-rate"] = newValue.map { "\($0)" } }
    }

    /// Such as `cross-entropy` (the default) or `mse`.
    public var loss: String? {
        get { self["loss"] }
        set { self["loss"] = newValue }
    }

    /// Samples of one step over all workers; default 64.
    public var batchSize: Int? {
        get { self["batch-size"].flatMap { Int($0) } }
        set { self["batch-size"] = newValue.map { "\($0)" } }
    }

    /// Passes over the data; default 10.
    public var epochs: Int? {
        get { self["epochs"].flatMap { Int($0) } }
        set { self["epochs"] = newValue.map { "\($0)" } }
    }

    /// Decides initial weights, order, dropout; default 1.
    public var seed: UInt64? {
        get { self["seed"].flatMap { UInt64($0) } }
        set { self["seed"] = newValue.map { "\($0)" } }
    }

    /// Fraction of the training data that is kept for validation; default 0.
    public var validationSplit: Double? {
        get { self["validation-split"].flatMap(Double.init) }
        set { self["validation-split"] = newValue.map { "\($0)" } }
    }

    /// - Throws: `Failure` for an unknown name or a value of another type.
    func options(_ model: Model) throws -> TrainingOptions {
        var options = TrainingOptions()
        for (name, text) in values.sorted(by: { $0.key < $1.key }) {
            let option = try TrainingOptions.optionName(name)
            guard options.set(option, text, at: "settings") else {
                throw Failure(
                    .usage, "settings: \(name) needs \(TrainingOptions.typeName(of: option)), not \"\(text)\"")
            }
        }
        guard options.model == nil else { throw Failure(.usage, "settings: the model is the one that is trained") }
        options.model = model.text
        return options
    }
}
