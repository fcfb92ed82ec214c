import KernelContract

/// One product that `MatrixBenchmark` measures.
struct MatrixBenchmarkCase: Hashable {
    let name: String
    let product: MatrixProductForm
    let m: Int
    let n: Int
    let k: Int
    /// Of a weight gradient with the canonical tree, whose k is samples.
    var grain: Int?
    /// Of a weight gradient whose inputs are marked (`InputMarks`): how many of the marks are set.
    var markedShare: Double?
    /// Of a weight gradient: whether the inputs are what a rectifier leaves, half of them 0.
    var isRectified = false

    var form: String {
        guard let grain else { return product.rawValue }
        return "\(product.rawValue), grain \(grain)" + (markedShare == nil ? "" : ", marks")
            + (isRectified ? ", half 0" : "")
    }

    static var all: [MatrixBenchmarkCase] { networks.flatMap(\.cases) + large }

    /// The widths between the dense layers of the networks of `bench step --suite networks`.
    private static let networks = [
        DenseStack(name: "mlp-small", batchSize: 64, grain: 8, widths: [784, 128, 64, 10]),
        DenseStack(name: "mlp-deep", batchSize: 32, grain: 8, widths: [784, 64, 64, 64, 10], isRectified: false),
        DenseStack(name: "mlp-wide", batchSize: 256, grain: 16, widths: [784, 1_024, 1_024, 10]),
        DenseStack(name: "mlp-bn", batchSize: 128, grain: 8, widths: [784, 512, 256, 10]),
        DenseStack(name: "cnn", batchSize: 64, grain: 8, widths: [1_600, 128, 10], isFirst: false),
        DenseStack(name: "autoencoder", batchSize: 128, grain: 8, widths: [784, 256, 64, 32, 64, 256, 784]),
    ]

    private static let large: [MatrixBenchmarkCase] = [
        (.nn, 96, 128, 784), (.nn, 500, 500, 500), (.nn, 512, 512, 512), (.nn, 520, 520, 520), (.nt, 512, 512, 512),
        (.tn, 512, 512, 512), (.nn, 256, 1_000, 1_000), (.nn, 256, 1_024, 1_024), (.nn, 256, 1_040, 1_040),
        (.nn, 1_000, 1_000, 1_000), (.nn, 1_024, 1_024, 1_024), (.nn, 1_040, 1_040, 1_040), (.nt, 1_024, 1_024, 1_024),
        (.tn, 1_024, 1_024, 1_024), (.nn, 2_000, 2_000, 2_000), (.nn, 2_048, 2_048, 2_048), (.nn, 2_080, 2_080, 2_080),
    ].map { MatrixBenchmarkCase(name: "large", product: $0, m: $1, n: $2, k: $3) }
}

/// Dense layers above each other.
private struct DenseStack {
    let name: String
    let batchSize: Int
    let grain: Int
    let widths: [Int]
    /// Whether the stack stands on the input, whose gradient nobody needs.
    var isFirst = true
    /// Whether a rectifier stands between the layers.
    var isRectified = true

    /// Forward and input gradients for the batch and for half of it, as each of two workers has it, and weight gradients
    /// over the batch. Layers of the same size are measured once.
    var cases: [MatrixBenchmarkCase] {
        let layers = zip(widths, widths.dropFirst())
        var cases: [MatrixBenchmarkCase] = []
        for (label, rows) in [(name, batchSize), ("\(name) / 2", batchSize / 2)] {
            for (inputs, outputs) in layers {
                cases.append(MatrixBenchmarkCase(name: label, product: .nn, m: rows, n: outputs, k: inputs))
            }
            for (inputs, outputs) in isFirst ? Array(layers.dropFirst()) : Array(layers) {
                cases.append(MatrixBenchmarkCase(name: label, product: .nt, m: rows, n: inputs, k: outputs))
            }
        }
        for (inputs, outputs) in layers {
            cases.append(
                MatrixBenchmarkCase(name: name, product: .tn, m: inputs, n: outputs, k: batchSize, grain: grain))
        }
        for (inputs, outputs) in isRectified ? Array(layers.dropFirst(isFirst ? 1 : 0)) : [] {
            cases.append(
                MatrixBenchmarkCase(
                    name: name, product: .tn, m: inputs, n: outputs, k: batchSize, grain: grain, isRectified: true))
        }
        // Of Fashion-MNIST's pixels, groups of four are 0 in two samples of five.
        if isFirst, let outputs = widths.dropFirst().first {
            cases.append(
                MatrixBenchmarkCase(
                    name: name, product: .tn, m: widths[0], n: outputs, k: batchSize, grain: grain, markedShare: 0.6))
        }
        var seen = Set<MatrixBenchmarkCase>()
        return cases.filter { seen.insert($0).inserted }
    }
}
