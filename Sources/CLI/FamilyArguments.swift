import ArgumentParser
import Models

/// A family of models and its numbers, instead of `--model`.
struct FamilyArguments: ParsableArguments {
    @Option(help: "Instead of --model: mlp, cnn or autoencoder, with the options that follow.")
    var family: String?

    @Option(parsing: .unconditional, help: "Dense layers before the last one; default mlp 2, cnn 1, autoencoder 1.")
    var hiddenLayers: Int?

    @Option(help: ArgumentHelp("Their size, one for all or one for each; default 128.", valueName: "N[,N…]"))
    var hiddenSize: String?

    @Option(help: ArgumentHelp("Of the hidden layers; default relu.", valueName: "NAME"))
    var activation: String?

    @Option(help: "Before each activation: none (default), batch or layer.")
    var normalization: String?

    @Option(parsing: .unconditional, help: "Behind each dense layer's activation; default 0.")
    var dropout: Double?

    @Option(help: ArgumentHelp("Of cnn: channels of each convolution; default 32,64.", valueName: "N[,N…]"))
    var convolutions: String?

    @Option(help: ArgumentHelp("Of cnn: such as 3 (default) or 3x5.", valueName: "SIZE"))
    var kernelSize: String?

    @Option(parsing: .unconditional, help: "Of cnn: max-pooling behind each convolution; default 2, 1 for none.")
    var pool: Int?

    @Option(parsing: .unconditional, help: "Of autoencoder: size of the code; default 32.")
    var bottleneck: Int?

    @Option(
        help: ArgumentHelp("Of autoencoder: behind the last layer, such as sigmoid; default none.", valueName: "NAME"))
    var outputActivation: String?

    var options: ModelFamilyOptions {
        var options = ModelFamilyOptions()
        options.family = family
        options.hiddenLayers = hiddenLayers
        options.hiddenSize = hiddenSize
        options.activation = activation
        options.normalization = normalization
        options.dropout = dropout
        options.convolutions = convolutions
        options.kernelSize = kernelSize
        options.pool = pool
        options.bottleneck = bottleneck
        options.outputActivation = outputActivation
        return options
    }
}
