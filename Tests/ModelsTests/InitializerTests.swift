import Errors
import Models
import Randomness
import Tensors
import Testing

@Suite("Initialisers")
struct InitializerTests {
    /// A weight as PyTorch stores it: outputs (transposed convolutions: inputs), then the rest.
    private struct Weight: CustomTestStringConvertible {
        let model: String
        let inputShape: Shape
        let fanIn: Double
        let fanOut: Double

        var testDescription: String { model }

        /// Fans as PyTorch's `_calculate_fan_in_and_fan_out` has them for the stored shape.
        static let all = [
            Weight(model: "dense 96", inputShape: [50], fanIn: 50, fanOut: 96),
            Weight(model: "dense 20", inputShape: [50], fanIn: 50, fanOut: 20),
            Weight(model: "conv 24 3x2", inputShape: [8, 8, 6], fanIn: 36, fanOut: 144),
            Weight(model: "conv 24 2", inputShape: [8, 8, 2], fanIn: 8, fanOut: 96),
            Weight(model: "conv-transpose 24 3x2", inputShape: [4, 4, 6], fanIn: 144, fanOut: 36),
            Weight(model: "conv-transpose 2 2", inputShape: [4, 4, 24], fanIn: 8, fanOut: 96),
        ]

        /// The first weight, stored, and all other values.
        func values(_ initializer: String, seed: UInt64 = 3) throws -> (weight: [Float], shape: [Int], rest: [Float]) {
            let network = try Network(
                ModelText.parse("\(model), flatten, dense 3"), inputShape: inputShape, classCount: 3,
                settings: LayerSettings("0: init \(initializer)"))
            let buffer = AlignedBuffer<Float>(count: network.layout.floatCount)
            network.initialize(buffer.base, seed: seed)
            let entry = network.layout.entries[0]
            return (
                entry.stored(buffer.base + entry.range.lowerBound), entry.storage.shape.extents,
                network.layout.entries[1].range.map { buffer.base[$0] }
            )
        }
    }

    /// The expected greatest value, nil without one, and the standard deviation.
    private func expectation(_ initializer: Initializer, _ weight: Weight) -> (bound: Double?, deviation: Double)? {
        func uniform(_ bound: Double) -> (Double?, Double) { (bound, bound / 3.0.squareRoot()) }
        switch initializer {
        case .zeros: return (0, 0)
        case .normal(let deviation): return (nil, deviation)
        case .uniform(let bound): return uniform(bound)
        case .xavierUniform: return uniform((6 / (weight.fanIn + weight.fanOut)).squareRoot())
        case .xavierNormal: return (nil, (2 / (weight.fanIn + weight.fanOut)).squareRoot())
        case .kaimingUniform: return uniform((6 / weight.fanIn).squareRoot())
        case .kaimingNormal: return (nil, (2 / weight.fanIn).squareRoot())
        case .orthogonal: return nil
        }
    }

    @Test("bounds, means and deviations", arguments: InitializerGrammar.all.map(\.name))
    func distributions(name: String) throws {
        let grammar = try #require(InitializerGrammar.all.first { $0.name == name })
        for text in [name] + (grammar.number == nil ? [] : ["\(name) 0.75"]) {
            for weight in Weight.all {
                guard let expected = expectation(try Initializer(text), weight) else { continue }
                let (values, _, rest) = try weight.values(text)
                #expect(rest.allSatisfy { $0 == 0 }, "biases begin at 0")
                let count = Double(values.count)
                if let bound = expected.bound {
                    // Of the Float nearest to the bound.
                    #expect(values.allSatisfy { abs($0) <= Float(bound) }, "\(text), \(weight.model)")
                    #expect(Double(values.max()!) >= 0.9 * bound && Double(values.min()!) <= -0.9 * bound)
                }
                // Five standard deviations of a mean and of a variance; a normal one's is √(2 / n), a uniform one's less.
                let mean = values.reduce(0.0) { $0 + Double($1) } / count
                #expect(abs(mean) <= 5 * expected.deviation / count.squareRoot(), "\(text), \(weight.model): \(mean)")
                let variance = values.reduce(0.0) { $0 + Double($1) * Double($1) } / count
                let square = expected.deviation * expected.deviation
                #expect(
                    abs(variance - square) <= 5 * square * (2 / count).squareRoot(),
                    "\(text), \(weight.model): \(variance), not \(square)")
            }
        }
    }

    /// Rows, or columns where they are fewer, have products 0 and squares gain². Rounding an element to Float moves it by
    /// 2⁻²⁴ of itself, so a product moves by at most 2 · 2⁻²⁴ gain² (Cauchy and Schwarz), and a little for Double.
    @Test("orthogonal: QᵀQ = gain² I", arguments: [1.0, 1.7])
    func orthogonal(gain: Double) throws {
        for weight in Weight.all {
            let (values, shape, rest) = try weight.values(gain == 1 ? "orthogonal" : "orthogonal \(gain)")
            let (rows, columns) = (shape[0], values.count / shape[0])
            let isWide = rows <= columns
            let (count, length) = (min(rows, columns), max(rows, columns))
            func element(_ v: Int, _ i: Int) -> Double { Double(values[isWide ? v * columns + i : i * columns + v]) }
            let bound = 2.1 * 0x1p-24 * gain * gain
            for a in 0..<count {
                for b in 0...a {
                    let product = (0..<length).reduce(0.0) { $0 + element(a, $1) * element(b, $1) }
                    #expect(abs(product - (a == b ? gain * gain : 0)) <= bound, "\(weight.model): \(a), \(b)")
                }
            }
            #expect(rest.allSatisfy { $0 == 0 })
            #expect(try weight.values("orthogonal \(gain)", seed: 4).weight != values)
        }
    }

    @Test("an element is drawn at its index in PyTorch's layout")
    func keys() throws {
        let random = KeyedRandom(seed: 3, purpose: .initialWeights, subject: 0)
        for weight in Weight.all {
            let (values, _, _) = try weight.values("normal 0.5")
            for i in [0, 1, values.count / 2, values.count - 1] {
                #expect(values[i] == Float(0.5 * random.standardNormal(at: UInt64(i))))
            }
        }
    }

    @Test("by layer, with the run's for the others")
    func patterns() throws {
        var settings = LayerSettings()
        settings.rules.append(.init(initializer: try Initializer("uniform 0.25")))
        settings.rules += try LayerSettings("2: init zeros; conv*: init orthogonal").rules
        let network = try Network(
            ModelText.parse("conv 4 2, batchnorm, dense 5, layernorm, dense 3"), inputShape: [4, 4], classCount: 3,
            settings: settings)
        #expect(
            network.settings.map(\.initializer) == [
                .orthogonal(1), nil, nil, nil, .zeros, nil, nil, nil, .uniform(0.25), nil,
            ])
        let buffer = AlignedBuffer<Float>(count: network.layout.floatCount)
        network.initialize(buffer.base, seed: 3)
        func values(_ tensor: Int) -> [Float] { network.layout.entries[tensor].range.map { buffer.base[$0] } }
        #expect(values(4).allSatisfy { $0 == 0 })
        #expect(values(8).contains { abs($0) > 0.2 } && values(8).allSatisfy { abs($0) <= 0.25 })
        // Scales begin at 1, shifts and biases at 0.
        for tensor in [2, 6] { #expect(values(tensor).allSatisfy { $0 == 1 }) }
        for tensor in [1, 3, 5, 7, 9] { #expect(values(tensor).allSatisfy { $0 == 0 }) }
    }

    @Test("what is written is read", arguments: InitializerGrammar.all.map(\.name))
    func readBack(name: String) throws {
        let grammar = try #require(InitializerGrammar.all.first { $0.name == name })
        for text in [name] + (grammar.number == nil ? [] : ["\(name) 0.3"]) {
            let initializer = try Initializer(text)
            #expect(try Initializer(initializer.text) == initializer)
            #expect(try LayerSettings("*: init \(text)").rules.first?.initializer == initializer)
        }
    }

    @Test(
        "what is wrong is named",
        arguments: [
            ("", "init \"\" is unknown; it may be zeros, normal [DEVIATION]"),
            ("ortogonal", "init \"ortogonal\" is unknown"), ("ortogonal", "did you mean orthogonal?"),
            ("normal -1", "DEVIATION must be a positive number"), ("normal 0", "DEVIATION must be a positive number"),
            ("uniform much", "BOUND must be a positive number"), ("orthogonal nan", "GAIN must be a positive number"),
            ("zeros 1", "is written \"zeros\""), ("normal 1 2", "is written \"normal [DEVIATION]\""),
        ])
    func refuses(text: String, fragment: String) {
        let failure = #expect(throws: Failure.self) { try Initializer(text) }
        #expect(failure?.kind == .usage)
        #expect(failure?.message.contains(fragment) == true, "\(failure?.message ?? "")")
    }
}
