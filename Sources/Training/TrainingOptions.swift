import Errors
import Models
import Optimizers

/// The options of `train` as given, by command line or file; nil where nothing was said.
///
/// One table, `keys`, names what a file may hold. The command line has the same names with two dashes.
package struct TrainingOptions: Sendable {
    package var dataset: String?
    package var dataDirectory: String?
    /// Names or numbers, as `ClassSelection` reads them.
    package var classes: String?
    package var samples: Int?
    /// Instead of `samples`: of those that are not held out.
    package var subset: Double?
    /// Instead of `validationSplit`: K/N.
    package var fold: String?
    package var isStratified: Bool?
    package var augmentation: String?
    package var standardization: String?
    package var shuffle: String?
    package var model: String?
    /// Instead of `model`.
    package var family = ModelFamilyOptions()
    /// How weights begin.
    package var initializer: String?
    /// Settings of single layers.
    package var layers: String?
    /// A file of weights to begin with.
    package var initialWeights: String?
    /// Patterns with commas between them.
    package var initialLayers: String?
    package var loss: String?
    /// `class`, `input`, or columns of a table with commas between them.
    package var target: String?
    /// Names with commas between them.
    package var ignoredColumns: String?
    /// Of a table.
    package var testSplit: Double?
    package var standardizesTarget: Bool?
    package var labelSmoothing: Double?
    /// Numbers with commas between them.
    package var classWeights: String?
    package var optimizer: String?
    package var learningRate: Double?
    package var momentum: Double?
    package var beta1: Double?
    package var beta2: Double?
    package var alpha: Double?
    package var epsilon: Double?
    package var weightDecay: Double?
    package var clipValue: Double?
    package var clipNorm: Double?
    package var schedule: String?
    package var warmUp: String?
    /// The batch size that the learning rate is meant for.
    package var scaleLearningRate: Int?
    package var average: Double?
    package var batchSize: BatchSize?
    package var accumulate: Int?
    package var grain: Int?
    package var epochs: Int?
    package var steps: Int?
    package var seed: UInt64?
    package var splitSeed: UInt64?
    package var validationSplit: Double?
    package var metric: String?
    package var patience: Int?
    package var minDelta: Double?
    package var reduction: String?
    package var isBalanced: Bool?
    package var hashEvery: Int?
    package var histogramEvery: Int?
    package var checkpointEvery: String?
    package var keepCheckpoints: Int?
    /// Where in a file an option was said, by its name; nothing for those of the command line.
    var places: [String: String] = [:]

    package init() {}

    /// What `self` says, and `other` where it says nothing.
    package func overriding(_ other: TrainingOptions) -> TrainingOptions {
        var result = self
        var other = other
        // A model and a family exclude each other: the one said last counts, with its numbers.
        if model != nil { other.family = ModelFamilyOptions() }
        if family.family != nil && family.family != other.family.family {
            other.model = nil
            other.family = ModelFamilyOptions()
        }
        result.excludeDataOptions(of: &other)
        for key in Self.keys { key.inherit(&result, other) }
        return result
    }

    /// Fills in the defaults and checks every value. `dataset`, which is that of the options, is loaded only where a
    /// family of models has to know its shape.
    ///
    /// - Throws: `Failure(.usage)` that names the option and what it may be, or `Failure(.data)` with the place in the
    ///   file that said it.
    package func resolved(dataset: SharedDataset? = nil) throws -> TrainingConfiguration {
        if let options = completedByFamily { return try options.resolved(dataset: dataset) }
        let batchSize = try resolvedBatchSize()
        let loss = try resolvedLoss()
        let validationSplit = try fraction(validationSplit ?? 0, "validation-split")
        let update = try resolvedUpdate()
        let schedule = try resolvedSchedule()
        let reductions = TrainingConfiguration.Reduction.allCases
        let reduction = try choice(reduction ?? "tree", "reduction", reductions.map(\.rawValue))
        return TrainingConfiguration(
            dataset: datasetName, dataDirectory: dataDirectory,
            data: try resolvedData(validationSplit: validationSplit, loss: loss, batchSize: batchSize),
            model: try resolvedModel(dataset),
            layers: try resolvedLayers(), initialWeights: try resolvedInitialWeights(), loss: loss, update: update,
            learningRate: try resolvedLearningRate(schedule, update.optimizer.rule), schedule: schedule,
            warmUp: try warmUp.map { text in try placed("warmup") { try ScheduleText.parseWarmUp(text) } },
            baseBatchSize: try scaleLearningRate.map { try positive($0, "scale-learning-rate") },
            batchSize: batchSize, accumulation: try resolvedAccumulation(batchSize),
            grainSize: try positive(
                grain ?? TrainingConfiguration.defaultGrainSize(batchSize: batchSize), "grain"),
            epochs: try positive(epochs ?? 10, "epochs"), steps: try steps.map { try positive($0, "steps") },
            seed: seed ?? 1, splitSeed: splitSeed ?? 1,
            validationSplit: validationSplit, reduction: reductions.first { $0.rawValue == reduction } ?? .tree,
            isBalanced: isBalanced ?? false,
            selection: try resolvedSelection(
                target: loss.target, holdsOut: validationSplit > 0 || fold != nil, dataset: dataset),
            hashEvery: try hashEvery.map { try positive($0, "hash-every") },
            histogramEvery: try histogramEvery.map { try positive($0, "histogram-every") },
            checkpoints: try resolvedCheckpoints())
    }

    /// `--init` comes first, as a rule for all weights.
    private func resolvedLayers() throws -> LayerSettings {
        var settings = LayerSettings()
        if let initializer {
            settings.rules.append(.init(initializer: try placed("init") { try Initializer(initializer) }))
        }
        if let layers { settings.rules += try placed("layers") { try LayerSettings(layers).rules } }
        return settings
    }

    private func resolvedInitialWeights() throws -> InitialWeightsDescription? {
        guard let initialWeights else {
            guard initialLayers == nil else {
                throw failure("initial-layers", "has no meaning without --initial-weights, which names the file")
            }
            return nil
        }
        guard !initialWeights.isEmpty else { throw failure("initial-weights", "is empty: name a safetensors file") }
        return InitialWeightsDescription(path: initialWeights, layers: initialLayers ?? "*")
    }

    private func resolvedCheckpoints() throws -> CheckpointPolicy {
        var policy = CheckpointPolicy()
        if let checkpointEvery {
            policy.interval =
                checkpointEvery == CheckpointPolicy.never
                ? nil
                : try placed("checkpoint-every") { try RunInterval(checkpointEvery, option: "checkpoint-every") }
        }
        if let keepCheckpoints { policy.keptCount = try positive(keepCheckpoints, "keep-checkpoints") }
        return policy
    }

    func positive(_ value: Int, _ option: String) throws -> Int {
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

    /// Puts the place in the file that said `option` in front of what its text has wrong.
    func placed<Value>(_ option: String, _ parse: () throws -> Value) throws -> Value {
        do { return try parse() } catch let failure as Failure {
            let message = failure.message.onOneLine(atMost: Self.messageByteLimit)
            guard let place = places[option] else { throw Failure(failure.kind, message) }
            throw Failure(.data, "\(place): \(message)")
        }
    }

    /// Values are repeated in messages, and may be any text.
    static let messageByteLimit = 800

    func failure(_ option: String, _ what: String) -> Failure {
        let what = what.onOneLine(atMost: Self.messageByteLimit)
        guard let place = places[option] else { return Failure(.usage, "--\(option) \(what)") }
        return Failure(.data, "\(place): \(option) \(what)")
    }
}
