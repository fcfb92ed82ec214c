import Errors

/// Shapes of models with a few numbers to vary, for sweeps. A family is only a way to write a model: what is trained and
/// saved is the model text that it expands to.
///
/// | family | layers |
/// | --- | --- |
/// | `mlp` | hidden-layers × (dense, normalization, activation, dropout), dense |
/// | `cnn` | for each of convolutions (conv, normalization, activation, maxpool), then the layers of `mlp` |
/// | `autoencoder` | hidden layers as in `mlp`, dense bottleneck, hidden layers mirrored, dense, output-activation |
///
/// The bottleneck has no activation, as the projection of a principal component analysis has none.
package enum ModelFamily: String, CaseIterable, Sendable {
    case mlp, cnn, autoencoder

    /// The options that it takes.
    package var options: [ModelFamilyOption] {
        switch self {
        case .mlp: ModelFamilyOption.hidden
        case .cnn: ModelFamilyOption.hidden + [.convolutions, .kernelSize, .pool]
        case .autoencoder: ModelFamilyOption.hidden + [.bottleneck, .outputActivation]
        }
    }
}

/// The options of families, spelled as `--NAME` and as keys of files.
package enum ModelFamilyOption: String, CaseIterable, Sendable {
    case hiddenLayers = "hidden-layers"
    case hiddenSize = "hidden-size"
    case activation
    case normalization
    case dropout
    case convolutions
    case kernelSize = "kernel-size"
    case pool
    case bottleneck
    case outputActivation = "output-activation"

    static let hidden: [ModelFamilyOption] = [.hiddenLayers, .hiddenSize, .activation, .normalization, .dropout]
}

/// What is normalised between a layer's sums and its activation.
package enum Normalization: String, CaseIterable, Sendable {
    case none, batch, layer

    var layerName: String? {
        switch self {
        case .none: nil
        case .batch: "batchnorm"
        case .layer: "layernorm"
        }
    }
}

/// A family with its numbers as a user gives them; nil where nothing was said.
package struct ModelFamilyOptions: Hashable, Sendable {
    package var family: String?
    package var hiddenLayers: Int?
    /// One size for all hidden layers, or one for each with commas.
    package var hiddenSize: String?
    package var activation: String?
    package var normalization: String?
    package var dropout: Double?
    /// Channels with commas.
    package var convolutions: String?
    package var kernelSize: String?
    /// Size of the pooling behind each convolution; 1 for none.
    package var pool: Int?
    package var bottleneck: Int?
    package var outputActivation: String?

    package init() {}

    /// Options that say something, the family aside.
    package var given: [ModelFamilyOption] { ModelFamilyOption.allCases.filter { isGiven($0) } }

    private func isGiven(_ option: ModelFamilyOption) -> Bool {
        switch option {
        case .hiddenLayers: hiddenLayers != nil
        case .hiddenSize: hiddenSize != nil
        case .activation: activation != nil
        case .normalization: normalization != nil
        case .dropout: dropout != nil
        case .convolutions: convolutions != nil
        case .kernelSize: kernelSize != nil
        case .pool: pool != nil
        case .bottleneck: bottleneck != nil
        case .outputActivation: outputActivation != nil
        }
    }
}

/// A family's option that is wrong. Whoever knows where it was given makes a `Failure` of it.
package struct ModelFamilyError: Error, Hashable {
    /// `family`, or the name of a `ModelFamilyOption`.
    package let option: String
    /// Follows the option's name.
    package let what: String

    init(_ option: ModelFamilyOption, _ what: String) { self.init(option.rawValue, what) }

    init(_ option: String, _ what: String) {
        self.option = option
        self.what = what
    }
}
