import Errors

/// A network whose training steps are measured by name, with the batch size and optimizer that go with it.
package struct BenchmarkNetwork: Sendable {
    package let name: String
    package let model: String
    package let batchSize: Int
    package let optimizer: String
    /// `input` for an auto-encoder.
    package let target: String?
    /// Measured after one that warms up, unless told otherwise.
    package let epochs: Int

    /// Small and wide, deep and normalised, of images, and an auto-encoder: what `bench step --suite networks` runs.
    package static let all = [
        BenchmarkNetwork(
            name: "mlp-small", model: "dense 128, relu, dense 64, relu, dense 10", batchSize: 64, optimizer: "adam",
            target: nil, epochs: 7),
        BenchmarkNetwork(
            name: "mlp-deep", model: "dense 64, tanh, dense 64, tanh, dense 64, tanh, dense 10", batchSize: 32,
            optimizer: "nadam", target: nil, epochs: 7),
        BenchmarkNetwork(
            name: "mlp-wide", model: "dense 1024, relu, dense 1024, relu, dense 10", batchSize: 256, optimizer: "sgd",
            target: nil, epochs: 3),
        BenchmarkNetwork(
            name: "mlp-bn",
            model: "dense 512, batchnorm, relu, dropout 0.2, dense 256, batchnorm, relu, dropout 0.2, dense 10",
            batchSize: 128, optimizer: "adam", target: nil, epochs: 5),
        BenchmarkNetwork(
            name: "cnn",
            model: "conv 32 3x3, relu, maxpool 2, conv 64 3x3, relu, maxpool 2, dense 128, relu, dense 10",
            batchSize: 64, optimizer: "adam", target: nil, epochs: 3),
        BenchmarkNetwork(
            name: "autoencoder",
            model:
                "dense 256, relu, dense 64, relu, dense 32, relu, dense 64, relu, dense 256, relu, dense 784, sigmoid",
            batchSize: 128, optimizer: "adam", target: "input", epochs: 5),
    ]

    /// The networks that `--suite` means: `networks` for all, or names with commas between them.
    ///
    /// - Throws: `Failure(.usage)` for a name that is not known.
    package static func suite(_ text: String) throws -> [BenchmarkNetwork] {
        guard text != "networks" else { return all }
        return try text.split(separator: ",").map { name in
            let names = all.map(\.name)
            guard let network = all.first(where: { $0.name == name }) else {
                let near = Spelling.nearest(to: String(name), in: names).map { "; did you mean \($0)?" } ?? ""
                throw Failure(
                    .usage, "--suite \(name) is unknown; it may be networks, \(names.joined(separator: ", "))\(near)")
            }
            return network
        }
    }

    /// What the network trains with; `options` may say how long, on what data, with which seed and grain.
    package func configured(_ options: TrainingOptions) throws -> TrainingConfiguration {
        var options = options
        options.model = model
        options.batchSize = .samples(batchSize)
        options.optimizer = optimizer
        options.target = target
        options.epochs = options.epochs ?? epochs
        return try options.resolved()
    }
}
