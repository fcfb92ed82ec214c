import KernelContract
import Randomness
import Tensors

/// How weights begin; biases begin at 0, the scales of normalisations at 1. Fans are PyTorch's: fanIn inputs meet one
/// output, fanOut outputs meet one input.
package enum Initializer: Hashable, Sendable {
    case zeros
    /// Normal with mean 0 and this standard deviation.
    case normal(Double)
    /// Uniform in ± this.
    case uniform(Double)
    /// Glorot and Bengio 2010; PyTorch's `xavier_uniform_`: ± √(6 / (fanIn + fanOut)).
    case xavierUniform
    /// √(2 / (fanIn + fanOut))
    case xavierNormal
    /// He et al. 2015; PyTorch's `kaiming_uniform_` with `nonlinearity="relu"`: ± √(6 / fanIn). What is used by default.
    case kaimingUniform
    /// √(2 / fanIn)
    case kaimingNormal
    /// Saxe et al. 2014; PyTorch's `orthogonal_`: the weight as `[outputs, the rest]` has orthonormal rows or columns,
    /// whichever are fewer, times this gain.
    case orthogonal(Double)
}

/// The spellings; this table drives options, tests and documentation.
package struct InitializerGrammar: Sendable {
    package let name: String
    /// What the number behind the name is and its default; nil without one.
    package let number: (name: String, standard: Double)?
    package let make: @Sendable (Double) -> Initializer

    package static let all: [InitializerGrammar] = [
        InitializerGrammar(name: "zeros", number: nil) { _ in .zeros },
        InitializerGrammar(name: "normal", number: ("DEVIATION", 0.01)) { .normal($0) },
        InitializerGrammar(name: "uniform", number: ("BOUND", 0.05)) { .uniform($0) },
        InitializerGrammar(name: "xavier-uniform", number: nil) { _ in .xavierUniform },
        InitializerGrammar(name: "xavier-normal", number: nil) { _ in .xavierNormal },
        InitializerGrammar(name: "kaiming-uniform", number: nil) { _ in .kaimingUniform },
        InitializerGrammar(name: "kaiming-normal", number: nil) { _ in .kaimingNormal },
        InitializerGrammar(name: "orthogonal", number: ("GAIN", 1)) { .orthogonal($0) },
    ]

    /// As documentation shows it.
    package var form: String { number.map { "\(name) [\($0.name)]" } ?? name }
}

extension Initializer {
    package static let standard = Initializer.kaimingUniform

    package var text: String {
        switch self {
        case .zeros: "zeros"
        case .normal(let deviation): "normal \(deviation)"
        case .uniform(let bound): "uniform \(bound)"
        case .xavierUniform: "xavier-uniform"
        case .xavierNormal: "xavier-normal"
        case .kaimingUniform: "kaiming-uniform"
        case .kaimingNormal: "kaiming-normal"
        case .orthogonal(let gain): "orthogonal \(gain)"
        }
    }
}

/// The random numbers of one weight tensor.
package struct KeyedWeights {
    /// The n-th weight of a network draws from the stream with subject 2 n.
    let random: KeyedRandom

    package init(seed: UInt64, number: Int) {
        random = KeyedRandom(seed: seed, purpose: .initialWeights, subject: 2 * UInt64(number))
    }

    /// Fills `entry`, whose files store `[outputs, …]` or, transposed convolutions, `[inputs, outputs, …]`. Each element is
    /// drawn at its index in the stored layout, which is PyTorch's.
    func fill(
        _ parameters: UnsafeMutablePointer<Float>, _ entry: ParameterLayout.Entry, fanIn: Int, fanOut: Int,
        by initializer: Initializer
    ) {
        switch initializer {
        case .zeros: break
        case .uniform(let bound): uniform(parameters, entry, bound)
        case .xavierUniform: uniform(parameters, entry, (6 / Double(fanIn + fanOut)).squareRoot())
        case .kaimingUniform: uniform(parameters, entry, (6 / Double(fanIn)).squareRoot())
        case .normal(let deviation): normal(parameters, entry, deviation)
        case .xavierNormal: normal(parameters, entry, (2 / Double(fanIn + fanOut)).squareRoot())
        case .kaimingNormal: normal(parameters, entry, (2 / Double(fanIn)).squareRoot())
        case .orthogonal(let gain):
            let stored = entry.storage.shape.extents
            let values = orthogonalRows(stored[0], stored.dropFirst().reduce(1, *))
            let weight = parameters + entry.range.lowerBound
            entry.forEachStored { weight[$1] = Float(gain * values[$0]) }
        }
    }

    private func uniform(
        _ parameters: UnsafeMutablePointer<Float>, _ entry: ParameterLayout.Entry, _ bound: Double
    ) {
        let bound = Float(bound)
        let weight = parameters + entry.range.lowerBound
        entry.forEachStored { weight[$1] = bound * (2 * random.uniformFloat(at: UInt64($0)) - 1) }
    }

    private func normal(
        _ parameters: UnsafeMutablePointer<Float>, _ entry: ParameterLayout.Entry, _ deviation: Double
    ) {
        let weight = parameters + entry.range.lowerBound
        entry.forEachStored { weight[$1] = Float(deviation * random.standardNormal(at: UInt64($0))) }
    }

    /// `[rowCount, columnCount]` with orthonormal rows, or columns where they are fewer: the rows (columns) of normal
    /// numbers made orthonormal one after the other, each twice (Gram and Schmidt; Giraud et al. 2005: twice is enough).
    /// With normal numbers this is the distribution of a QR decomposition whose R has a positive diagonal.
    private func orthogonalRows(_ rowCount: Int, _ columnCount: Int) -> [Double] {
        let (count, length) = (min(rowCount, columnCount), max(rowCount, columnCount))
        var vectors: [[Double]] = []
        for v in 0..<count {
            var vector = (0..<length).map { random.standardNormal(at: UInt64(v * length + $0)) }
            for _ in 0..<2 {
                for other in vectors {
                    var product = 0.0
                    for i in 0..<length { product += other[i] * vector[i] }
                    for i in 0..<length { vector[i] -= product * other[i] }
                }
                var square = 0.0
                for value in vector { square += value * value }
                let norm = square.squareRoot()
                for i in 0..<length { vector[i] /= norm }
            }
            vectors.append(vector)
        }
        guard rowCount > columnCount else { return vectors.flatMap { $0 } }
        return (0..<rowCount).flatMap { row in (0..<columnCount).map { vectors[$0][row] } }
    }
}
