import KernelContract
import Models
import Optimizers
import Training

/// What people call things, beside the names of options and values: documented in docs/SWEEPS.md.
package enum SweepNames {
    /// Names are compared without case and without `_`, `-` and `.`.
    package static func plain(_ text: String) -> String {
        String(text.lowercased().unicodeScalars.filter { !"_-. ".unicodeScalars.contains($0) })
    }

    /// Plain names of options.
    package static let options: [(option: String, names: [String])] = [
        ("learning-rate", ["lr", "eta", "stepsize", "initiallr", "lr0", "baselr"]),
        ("optimizer", ["optim", "opt", "optimiser", "solver", "optimizername"]),
        (
            "hidden-layers",
            [
                "numlayers", "numhiddenlayers", "nlayers", "nhiddenlayers", "numberoflayers", "numberofhiddenlayers",
                "depth",
            ]
        ),
        (
            "hidden-size",
            [
                "hiddenlayersize", "hiddenlayersizes", "hiddensizes", "hiddenunits", "hiddendim", "hiddendims",
                "layersize",
                "numneurons", "neurons", "units", "width", "nhidden", "numhidden", "fclayersize",
            ]
        ),
        ("activation", ["activationfunction", "activationfn", "activationfunc", "act", "nonlinearity"]),
        (
            "init",
            [
                "weightinit", "weightinitialization", "weightinitialisation", "weightsinit", "weightinitializer",
                "winit",
                "initialization", "initialisation", "initializer", "initmethod", "kernelinitializer",
            ]
        ),
        ("weight-decay", ["wd", "l2", "l2reg", "l2lambda"]),
        ("batch-size", ["bs", "batch", "minibatchsize", "minibatch", "trainbatchsize", "globalbatchsize"]),
        ("epochs", ["epoch", "numepochs", "nepochs", "maxepochs", "nbepochs"]),
        ("dropout", ["dropoutrate", "dropoutprob", "dropoutp", "pdropout"]),
        ("loss", ["lossfunction", "lossfn", "lossfunc", "criterion", "losstype"]),
        ("beta1", ["adambeta1", "b1"]),
        ("beta2", ["adambeta2", "b2"]),
        ("alpha", ["rho", "rmspropdecay", "rmspropalpha", "rmspropbeta"]),
        ("epsilon", ["eps", "adamepsilon"]),
        ("momentum", ["sgdmomentum", "mom"]),
        ("seed", ["randomseed", "randomstate", "rngseed"]),
        ("schedule", ["lrschedule", "lrscheduler", "scheduler"]),
        ("warmup", ["lrwarmup"]),
        ("dataset", ["data", "datasetname"]),
        ("validation-split", ["valsplit", "validsplit", "validationfraction", "valfraction", "valsize"]),
        ("fold", ["kfold", "cvfold"]),
        ("augment", ["augmentation", "dataaugmentation"]),
        ("standardize", ["standardise", "standardization", "standardisation"]),
        ("clip-norm", ["gradclip", "gradientclip", "clipgradnorm", "maxgradnorm", "gradientclipping", "clip"]),
        ("label-smoothing", ["smoothing"]),
        ("normalization", ["norm", "normalisation"]),
        ("kernel-size", ["kernel"]),
        ("accumulate", ["gradientaccumulation", "gradientaccumulationsteps", "accumulationsteps"]),
        ("bottleneck", ["latentdim", "latentsize", "codesize", "encodingdim"]),
    ]

    /// Plain names of values, by option.
    package static let values: [String: [(value: String, names: [String])]] = [
        "optimizer": [
            ("sgd", ["gd", "stochastic", "stochasticgradientdescent", "gradientdescent", "vanilla"]),
            (
                "momentum",
                [
                    "sgdmomentum", "sgdwithmomentum", "momentumsgd", "momentumgd", "momentumbasedgradientdescent",
                    "mgd", "sgdm",
                ]
            ),
            (
                "nesterov",
                ["nag", "nesterovmomentum", "nesterovaccelerated", "nesterovacceleratedgradient", "sgdnesterov", "ngd"]
            ),
            ("rmsprop", ["rms", "rmsp"]),
        ],
        "init": [
            ("normal", ["random", "randomnormal", "gaussian", "rand", "randn"]),
            ("uniform", ["randomuniform"]),
            ("xavier-uniform", ["xavier", "glorot", "glorotuniform"]),
            ("xavier-normal", ["glorotnormal"]),
            ("kaiming-uniform", ["he", "kaiming", "heuniform"]),
            ("kaiming-normal", ["henormal"]),
            ("zeros", ["zero"]),
        ],
        "loss": [
            (
                "cross-entropy",
                [
                    "crossentropyloss", "categoricalcrossentropy", "sparsecategoricalcrossentropy",
                    "softmaxcrossentropy",
                    "ce", "nll", "nllloss", "entropy",
                ]
            ),
            (
                "mse",
                ["meansquarederror", "meansquareerror", "squarederror", "squaredloss", "mseloss", "l2", "quadratic"]
            ),
            ("mae", ["meanabsoluteerror", "l1", "l1loss", "absoluteerror"]),
            ("bce", ["binarycrossentropy", "bcewithlogits", "bcewithlogitsloss", "bceloss"]),
        ],
        "activation": activations,
        "output-activation": activations,
        "dataset": [("fashion-mnist", ["fashionmnist", "fashion", "fmnist"])],
        "normalization": [("batch", ["batchnorm", "bn"]), ("layer", ["layernorm", "ln"])],
        "batch-size": [("all", ["full", "fullbatch"])],
    ]

    private static let activations: [(value: String, names: [String])] = [
        ("sigmoid", ["logistic"]), ("silu", ["swish"]), ("identity", ["linear", "none"]),
    ]

    /// The spellings of values that are names.
    private static let canonical: [String: [String]] = [
        "optimizer": OptimizerRule.allCases.map(\.rawValue),
        "init": InitializerGrammar.all.map(\.name),
        "loss": LossKind.allCases.map(\.rawValue),
        "activation": ActivationKind.allCases.map(\.rawValue) + ["relu"],
        "output-activation": ActivationKind.allCases.map(\.rawValue) + ["relu"],
        "normalization": Normalization.allCases.map(\.rawValue),
        "family": ModelFamily.allCases.map(\.rawValue),
        "target": LossTarget.named.map(\.rawValue),
        "metric": SelectionMetric.allCases.map(\.rawValue),
    ]

    /// The option that a parameter's name means; nil where it is unknown.
    ///
    /// `beta`, the decay of momentum's or RMSprop's running mean, is `betaName`, and which of the two is said by the
    /// optimizer.
    package static func option(_ written: String) -> String? {
        // A name may hold dots itself, and may stand in groups.
        for name in [written, written.split(separator: ".").last.map(String.init) ?? written] {
            let plain = plain(name)
            if let option = TrainingOptions.optionNames.first(where: { self.plain($0) == plain }) { return option }
            if let row = options.first(where: { $0.names.contains(plain) }) { return row.option }
            if plain == betaName { return betaName }
        }
        return nil
    }

    package static let betaName = "beta"

    /// What an option's value means: a name in its own spelling, other texts as they are.
    package static func value(_ text: String, of option: String) -> String {
        // Folders are as they are.
        let plain = option == "dataset" && text.contains(".") ? text : plain(text)
        if let name = canonical[option]?.first(where: { self.plain($0) == plain }) { return name }
        return values[option]?.first { $0.names.contains(plain) }?.value ?? text
    }

    /// Names that a misspelt one is compared with.
    static var all: [String] { TrainingOptions.optionNames + options.flatMap(\.names) }
}
