import ArgumentParser
import DataLoading
import Models
import Optimizers
import Training

/// Options that say what is trained; `train` and `bench step` share them.
struct TrainingArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A data set of the catalogue, a folder of one (docs/DATA.md), or with --target COLUMN a table, FILE.csv.",
            valueName: "NAME|DIR|FILE"))
    var dataset: String?

    @Option(
        help: ArgumentHelp(
            "Where to look for data sets, before LOCKSTEP_DATA and the system's folders.", valueName: "DIR"))
    var dataDir: String?

    @Option(
        help: ArgumentHelp(
            "Classes to keep, by number or name, which become 0, 1, …; 0+2,1+3 makes two classes of four. Default: all.",
            valueName: "LIST"))
    var classes: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Train on N samples, those of a smaller N among them; default: all that are not held out.", valueName: "N"))
    var samples: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Instead of --samples: this part of what is not held out.", valueName: "FRACTION"))
    var subset: Double?

    @Option(
        help: ArgumentHelp(
            "Change pictures at random, anew in each epoch: \"shift 2, rotate 10, scale 0.9 1.1, shear 0.1, elastic 2 7, "
                + "flip, erase 0.5 8, noise 8, mixup 0.2, cutmix 1\", or some of these (docs/DATA.md).",
            valueName: "TEXT"))
    var augment: String?

    @Option(
        help: ArgumentHelp(
            "Bring pixels to mean 0 and standard deviation 1, as those of the training data have them: all together "
                + "(dataset) or each by itself (pixel); of a table each column (feature).",
            valueName: "dataset|pixel|feature"))
    var standardize: String?

    @Option(
        help: ArgumentHelp(
            "full (default): one shuffle of all samples in each epoch. blocks, or \"blocks SAMPLES WINDOW\": blocks of "
                + "consecutive samples in random order, and a shuffle within each window of blocks, for data larger than "
                + "memory.", valueName: "full|blocks"))
    var shuffle: String?

    @Option(help: ArgumentHelp("Layers, such as \"dense 128, relu, dense 64, relu, dense 10\".", valueName: "TEXT"))
    var model: String?

    @OptionGroup var family: FamilyArguments

    @Option(
        help: ArgumentHelp(
            "\(LossDescription.names.joined(separator: ", ")); default \(LossDescription.names[0]), or mse with "
                + "--target input, which needs one of the others.", valueName: "NAME"))
    var loss: String?

    @Option(
        name: .customLong("init"),
        help: ArgumentHelp(
            "How weights begin: \(InitializerGrammar.all.map(\.form).joined(separator: ", ")); default "
                + "\(Initializer.standard.text).", valueName: "TEXT"))
    var initializer: String?

    @Option(
        help: ArgumentHelp(
            "Settings of single layers or tensors by place (0, 2.bias), kind (dense, conv.weight) or pattern (*.bias): "
                + "\"0: learning-rate 0.01, weight-decay 0, init orthogonal; 2: frozen\".", valueName: "TEXT"))
    var layers: String?

    @Option(
        help: ArgumentHelp(
            "Begin with the weights of a safetensors file, ours or saved by PyTorch with the same names.",
            valueName: "FILE"))
    var initialWeights: String?

    @Option(
        help: ArgumentHelp(
            "Of these, only the layers or tensors that patterns such as \"0, conv, 2.*\" meet, as in --layers; default all.",
            valueName: "PATTERN,…"))
    var initialLayers: String?

    @Option(
        help: ArgumentHelp(
            "What outputs are compared with: class (default), the one-hot label; input, the sample itself; or columns of a "
                + "table, which are numbers to be predicted from its other columns: regression, with --loss mse (default) or mae.",
            valueName: "class|input|COLUMN,…"))
    var target: String?

    @Option(
        help: ArgumentHelp(
            "Columns of a table that are left out, such as names and numbers of rows.", valueName: "COLUMN,…"))
    var ignoreColumns: String?

    @Flag(
        inversion: .prefixedNo,
        help:
            "Train on targets brought to mean 0 and standard deviation 1; predictions and scores are in their own unit."
    )
    var standardizeTarget: Bool?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Of a table without a test part: the fraction of its rows that are one, by --split-seed; default "
                + "\(TableSelection.standardTestFraction).", valueName: "FRACTION"))
    var testSplit: Double?

    @Option(help: "Of cross-entropy; default 0.")
    var labelSmoothing: Double?

    @Option(help: ArgumentHelp("Of cross-entropy, one for each class; default all 1.", valueName: "W,W,…"))
    var classWeights: String?

    @Option(
        help: ArgumentHelp(
            "\(OptimizerRule.allCases.map(\.rawValue).joined(separator: ", ")); default adam.", valueName: "NAME"))
    var optimizer: String?

    @Option(
        parsing: .unconditional,
        help: "Step size; default \(OptimizerRule.listed { $0.defaultLearningRate }).")
    var learningRate: Double?

    @Option(parsing: .unconditional, help: "Default \(OptimizerRule.listed(.momentum)).")
    var momentum: Double?

    @Option(parsing: .unconditional, help: "Default \(OptimizerRule.listed(.beta1)).")
    var beta1: Double?

    @Option(parsing: .unconditional, help: "Default \(OptimizerRule.listed(.beta2)).")
    var beta2: Double?

    @Option(parsing: .unconditional, help: "Default \(OptimizerRule.listed(.alpha)).")
    var alpha: Double?

    @Option(parsing: .unconditional, help: "Default \(OptimizerRule.listed(.epsilon)).")
    var epsilon: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Decoupled in adamw and lamb, added to the gradient in the others; default "
                + "\(OptimizerRule.listed(.weightDecay))."))
    var weightDecay: Double?

    @Option(parsing: .unconditional, help: "Limit each element of the gradient to -X … X.")
    var clipValue: Double?

    @Option(parsing: .unconditional, help: "Limit the L2 norm of the whole gradient.")
    var clipNorm: Double?

    @Option(
        help: ArgumentHelp(
            "constant (default), \"step EPOCHS [GAMMA]\", \"exponential GAMMA\", \"cosine [MINIMUM]\", "
                + "\"one-cycle [MAXIMUM]\" or \"plateau [FACTOR [PATIENCE [THRESHOLD]]]\".", valueName: "TEXT"))
    var schedule: String?

    @Option(
        help: ArgumentHelp(
            "Raise the learning rate linearly at first, over \"500steps\" or \"2epochs\".", valueName: "N UNIT"))
    var warmup: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "The batch size that learning rates are meant for: they are multiplied by the samples of a step / BASE.",
            valueName: "BASE"))
    var scaleLearningRate: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Keep a moving average of the weights and evaluate it, such as 0.999.", valueName: "DECAY"))
    var average: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Samples of one batch over all workers, or \"all\": full-batch gradient descent; default 64.",
            valueName: "N|all"))
    var batchSize: BatchSize?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Add the gradients of N batches for one step; default 1.", valueName: "N"))
    var accumulate: Int?

    @Option(
        parsing: .unconditional,
        help: "Samples of a grain, the unit of the canonical sum; default batch size / 16, from 8 to 32.")
    var grain: Int?

    @Option(parsing: .unconditional, help: "Passes over the data; default 10.")
    var epochs: Int?

    @Option(parsing: .unconditional, help: "Stop after so many steps.")
    var steps: Int?

    @Option(parsing: .unconditional, help: "Decides weights and order; default 1.")
    var seed: UInt64?

    @Option(
        help: ArgumentHelp(
            "Instead of --validation-split: 2/5 holds out the second of five folds.", valueName: "K/N"))
    var fold: String?

    @Flag(
        inversion: .prefixedNo,
        help: "Hold out, and with --samples train on, the same share of every class.")
    var stratified: Bool?

    @Option(parsing: .unconditional, help: "Decides the validation split, folds and samples; default 1.")
    var splitSeed: UInt64?

    @Option(
        parsing: .unconditional,
        help: "Fraction of the training data that is held out for validation; default 0, or the data set's own part.")
    var validationSplit: Double?

    @Option(
        help: ArgumentHelp(
            "Keep the weights of the best epoch too: validation-, train- or test-loss or -accuracy; validation-loss with "
                + "--patience.", valueName: "METRIC"))
    var metric: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Stop after so many epochs in a row without improvement.", valueName: "EPOCHS"))
    var patience: Int?

    @Option(parsing: .unconditional, help: "What --patience calls improvement is more than this; default 0.")
    var minDelta: Double?

    @Option(help: "tree (default): the same bits for any number of workers. mpi: MPI_Allreduce, for comparison.")
    var reduction: String?

    @Option(parsing: .unconditional, help: "Record parametersSHA256, and each tensor's SHA-256, every so many steps.")
    var hashEvery: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Give TensorBoard histograms of weights and gradients at the end of every so many epochs.",
            valueName: "EPOCHS"))
    var histogramEvery: Int?

    var options: TrainingOptions {
        var options = TrainingOptions()
        options.dataset = dataset
        options.dataDirectory = dataDir
        options.classes = classes
        options.samples = samples
        options.subset = subset
        options.fold = fold
        options.isStratified = stratified
        options.augmentation = augment
        options.standardization = standardize
        options.shuffle = shuffle
        options.model = model
        options.family = family.options
        options.initializer = initializer
        options.layers = layers
        options.initialWeights = initialWeights
        options.initialLayers = initialLayers
        options.loss = loss
        options.target = target
        options.ignoredColumns = ignoreColumns
        options.standardizesTarget = standardizeTarget
        options.testSplit = testSplit
        options.labelSmoothing = labelSmoothing
        options.classWeights = classWeights
        options.optimizer = optimizer
        options.learningRate = learningRate
        options.momentum = momentum
        options.beta1 = beta1
        options.beta2 = beta2
        options.alpha = alpha
        options.epsilon = epsilon
        options.weightDecay = weightDecay
        options.clipValue = clipValue
        options.clipNorm = clipNorm
        options.schedule = schedule
        options.warmUp = warmup
        options.scaleLearningRate = scaleLearningRate
        options.average = average
        options.batchSize = batchSize
        options.accumulate = accumulate
        options.grain = grain
        options.epochs = epochs
        options.steps = steps
        options.seed = seed
        options.splitSeed = splitSeed
        options.validationSplit = validationSplit
        options.metric = metric
        options.patience = patience
        options.minDelta = minDelta
        options.reduction = reduction
        options.hashEvery = hashEvery
        options.histogramEvery = histogramEvery
        return options
    }
}

extension BatchSize: ExpressibleByArgument {}

extension OptimizerRule {
    /// The rules that have a hyperparameter, by its defaults: `0.9 (momentum, nesterov), 0.0 (sgd)`.
    fileprivate static func listed(_ hyperparameter: Hyperparameter) -> String {
        listed { rule in rule.defaults.first { $0.hyperparameter == hyperparameter }?.value }
    }

    fileprivate static func listed(_ value: (OptimizerRule) -> Double?) -> String {
        var groups: [(value: Double, names: [String])] = []
        for rule in allCases {
            guard let value = value(rule) else { continue }
            if let known = groups.firstIndex(where: { $0.value == value }) {
                groups[known].names.append(rule.rawValue)
            } else {
                groups.append((value, [rule.rawValue]))
            }
        }
        return groups.map { "\($0.value) (\($0.names.joined(separator: ", ")))" }.joined(separator: ", ")
    }
}
