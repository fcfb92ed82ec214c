import Errors
import Models
import Testing

@Suite("Model families")
struct ModelFamilyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let options: String
        let expected: String

        init(_ options: String, _ expected: String) {
            self.options = options
            self.expected = expected
        }

        var testDescription: String { options }
    }

    /// `family hidden-size=64 …`
    private static func options(_ text: String) -> ModelFamilyOptions {
        let words = text.split(separator: " ")
        var options = ModelFamilyOptions()
        options.family = words[0] == "-" ? nil : String(words[0])
        for word in words.dropFirst() {
            let parts = word.split(separator: "=").map { $0.replacingOccurrences(of: "~", with: " ") }
            switch ModelFamilyOption(rawValue: parts[0])! {
            case .hiddenLayers: options.hiddenLayers = Int(parts[1])
            case .hiddenSize: options.hiddenSize = parts[1]
            case .activation: options.activation = parts[1]
            case .normalization: options.normalization = parts[1]
            case .dropout: options.dropout = Double(parts[1])
            case .convolutions: options.convolutions = parts[1]
            case .kernelSize: options.kernelSize = parts[1]
            case .pool: options.pool = Int(parts[1])
            case .bottleneck: options.bottleneck = Int(parts[1])
            case .outputActivation: options.outputActivation = parts[1]
            }
        }
        return options
    }

    @Test(
        arguments: [
            Case("mlp", "dense 128, relu, dense 128, relu, dense 10"),
            Case("mlp hidden-layers=0", "dense 10"),
            Case("mlp hidden-layers=1 hidden-size=64 activation=tanh", "dense 64, tanh, dense 10"),
            Case("mlp hidden-size=32", "dense 32, relu, dense 32, relu, dense 10"),
            Case("mlp hidden-size=256,64", "dense 256, relu, dense 64, relu, dense 10"),
            Case("mlp hidden-size=8 hidden-layers=1 activation=leaky-relu~0.2", "dense 8, leaky-relu 0.2, dense 10"),
            Case("mlp hidden-size=8 hidden-layers=1 activation=identity", "dense 8, dense 10"),
            Case("mlp hidden-size=8 hidden-layers=1 dropout=0", "dense 8, relu, dense 10"),
            Case(
                "mlp hidden-size=8 hidden-layers=1 normalization=batch dropout=0.2",
                "dense 8, batchnorm, relu, dropout 0.2, dense 10"),
            Case(
                "mlp hidden-size=8 hidden-layers=1 normalization=layer activation=elu",
                "dense 8, layernorm, elu, dense 10"),
            Case(
                "cnn", "conv 32 3, relu, maxpool 2, conv 64 3, relu, maxpool 2, dense 128, relu, dense 10"),
            Case(
                "cnn convolutions=8 kernel-size=5x3 pool=1 hidden-layers=0 normalization=batch",
                "conv 8 5x3, batchnorm, relu, dense 10"),
            Case(
                "cnn convolutions=8 hidden-size=16 dropout=0.5",
                "conv 8 3, relu, maxpool 2, dense 16, relu, dropout 0.5, dense 10"),
            Case("autoencoder", "dense 128, relu, dense 32, dense 128, relu, dense 784"),
            Case(
                "autoencoder hidden-size=256,64 bottleneck=2 output-activation=sigmoid",
                "dense 256, relu, dense 64, relu, dense 2, dense 64, relu, dense 256, relu, dense 784, sigmoid"),
            Case("autoencoder hidden-layers=0 bottleneck=8", "dense 8, dense 784"),
        ])
    func expands(example: Case) throws {
        let text = try Self.options(example.options).modelText(inputFeatures: 784, outputFeatures: 10)
        #expect(text == example.expected)
    }

    /// Every option changes the model of every family that takes it, and is refused by the others.
    @Test(arguments: ModelFamily.allCases)
    func everyOptionCounts(family: ModelFamily) throws {
        let values: [ModelFamilyOption: String] = [
            .hiddenLayers: "3", .hiddenSize: "9", .activation: "tanh", .normalization: "batch", .dropout: "0.5",
            .convolutions: "5", .kernelSize: "2", .pool: "3", .bottleneck: "7", .outputActivation: "sigmoid",
        ]
        let plain = try Self.options(family.rawValue).modelText(inputFeatures: 784, outputFeatures: 10)
        for option in ModelFamilyOption.allCases {
            let options = Self.options("\(family.rawValue) \(option.rawValue)=\(values[option]!)")
            if family.options.contains(option) {
                #expect(try options.modelText(inputFeatures: 784, outputFeatures: 10) != plain, "\(option)")
            } else {
                let error = #expect(throws: ModelFamilyError.self) {
                    try options.modelText(inputFeatures: 784, outputFeatures: 10)
                }
                #expect(
                    error?.option == option.rawValue && error?.what == "has no meaning for --family \(family.rawValue)")
            }
        }
    }

    @Test(
        "what is wrong names the option",
        arguments: [
            ("- dropout=0.1", "dropout", "needs a family"), ("cnm", "family", "cnm is unknown"),
            ("mlp hidden-size=a", "hidden-size", "\"a\": sizes with commas"),
            ("mlp hidden-size=64,", "hidden-size", "\"\": sizes with commas"),
            ("mlp hidden-size=0", "hidden-size", "0: a size from 1"),
            ("mlp hidden-size=8,8 hidden-layers=3", "hidden-layers", "3: 2 sizes are given"),
            ("mlp hidden-layers=-1", "hidden-layers", "-1: a number of layers"),
            ("mlp activation=rleu", "activation", "did you mean relu?"),
            ("mlp activation=dense~3", "activation", "dense 3 is unknown"),
            ("mlp normalization=group", "normalization", "it may be none, batch, layer"),
            ("mlp dropout=1", "dropout", "1.0: a probability"),
            ("cnn kernel-size=0", "kernel-size", "a kernel size is needed"),
            ("cnn pool=0", "pool", "0: a size from 1, which means none"),
            ("cnn convolutions=x", "convolutions", "\"x\""),
            ("autoencoder bottleneck=0", "bottleneck", "0: a size from 1"),
            ("autoencoder output-activation=relv", "output-activation", "did you mean relu?"),
        ])
    func refuses(options: String, option: String, fragment: String) {
        let error = #expect(throws: ModelFamilyError.self) {
            try Self.options(options).modelText(inputFeatures: 784, outputFeatures: 10)
        }
        #expect(error?.option == option && error?.what.contains(fragment) == true, "\(error?.what ?? "")")
    }
}
