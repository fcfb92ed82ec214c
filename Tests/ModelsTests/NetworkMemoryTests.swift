import KernelContract
import Kernels
import Models
import Randomness
import Tensors
import Testing

/// Models made up of all layers, blocks in blocks; the same for the same number.
private struct RandomModel {
    private let random: KeyedRandom
    private var position: UInt64 = 0

    init(number: Int) { random = KeyedRandom(seed: UInt64(number), purpose: .synthetic) }

    mutating func next(below limit: Int) -> Int {
        position += 1
        return Int(random.word(at: position)) % limit
    }

    private static let elementwise = [
        "relu", "leaky-relu", "elu", "selu", "gelu", "silu", "sigmoid", "tanh", "softplus", "identity", "dropout 0.3",
        "batchnorm", "layernorm", "softmax", "relu", "dropout 0.5",
    ]

    /// One layer or block that keeps the shape `[4, 3, 2]` or, flattened, `[24]`.
    private mutating func part(isImage: Bool, depth: Int) -> String {
        switch next(below: 8) {
        case 0 where depth < 3:
            let block = parts(1 + next(below: 4), isImage: isImage, depth: depth + 1)
            guard next(below: 3) == 0 else { return "residual { \(block) }" }
            return "residual { \(block) } shortcut { \(parts(1 + next(below: 3), isImage: isImage, depth: depth + 1)) }"
        case 1: return isImage ? "reshape 4x3x2" : "flatten"
        case 2: return isImage ? ["conv 2 3 padding same", "conv 2 1"][next(below: 2)] : "dense 24"
        case 3:
            return isImage
                ? ["conv-transpose 2 3 padding 1", "maxpool 3 stride 1 padding 1"][next(below: 2)] : "reshape 24"
        case 4: return isImage ? "avgpool 1" : "relu"
        default: return Self.elementwise[next(below: Self.elementwise.count)]
        }
    }

    private mutating func parts(_ count: Int, isImage: Bool, depth: Int) -> String {
        (0..<count).map { _ in part(isImage: isImage, depth: depth) }.joined(separator: ", ")
    }

    mutating func text() -> String {
        let images = "conv 2 1, " + parts(1 + next(below: 5), isImage: true, depth: 0)
        guard next(below: 2) == 0 else { return images + ", dense 3" }
        let features = parts(1 + next(below: 5), isImage: false, depth: 0)
        return images + ", flatten, " + features + (next(below: 3) == 0 ? ", reshape 24" : "") + ", dense 3"
    }
}

@Suite("Shared memory changes nothing")
struct NetworkMemoryTests {
    /// In-place layers before and behind shapes that are the input's memory, and values with several readers.
    static let known = [
        "conv 2 3x3 padding 1, relu, flatten, dense 3",
        "conv 2 3x3 padding 1, flatten, relu, dense 3",
        "conv 2 1, flatten, reshape 4x3x2, relu, flatten, dense 3",
        "flatten, relu, dense 3",
        "conv 2 1, residual { flatten, relu, reshape 4x3x2 }, dense 3",
        "conv 2 1, residual { residual { residual { relu } } }, dense 3",
        "conv 2 1, residual { relu } shortcut { relu }, relu, dense 3",
        "dense 24, residual { flatten } shortcut { dropout 0.5 }, dropout 0.5, dense 3",
        "dense 24, residual { identity, residual { dense 24 } shortcut { softmax } }, dense 3, softmax",
        "residual { conv 2 1 }, global-avgpool, dense 3",
        "conv 2 1, global-avgpool, residual { relu, dense 2 }, dense 3",
        "conv 5 2x2, relu, maxpool 2 stride 1, conv 8 1, relu, avgpool 1, dense 3",
        "conv 2 1, maxpool 2 stride 1, conv 9 2 padding 1, maxpool 1, relu, conv 1 1, relu, dense 3",
    ]

    @Test("known models", arguments: known) func knownModels(model: String) throws { try compare(model, number: 1) }

    @Test("made-up models") func randomModels() throws {
        var used: Set<String> = []
        for number in 0..<400 {
            var random = RandomModel(number: number)
            let model = random.text()
            used.formUnion(ModelText.layerNames.filter { model.contains($0) })
            try compare(model, number: number)
            // With some tensors frozen.
            if number % 2 == 0 { try compare(model, number: number, freezing: &random) }
        }
        // Those that change a shape are in `known`.
        #expect(used.symmetricDifference(ModelText.layerNames) == ["global-avgpool"])
    }

    private func compare(_ model: String, number: Int, freezing random: inout RandomModel) throws {
        let network = try Network(ModelText.parse(model), inputShape: [4, 3, 2], classCount: 3)
        let frozen = network.layout.entries.map(\.name).filter { _ in random.next(below: 3) > 0 }
        guard !frozen.isEmpty && frozen.count < network.layout.entries.count else { return }
        let settings = try LayerSettings(frozen.map { "\($0): frozen" }.joined(separator: "; "))
        try compare(model, number: number, settings: settings)
    }

    private func compare(_ model: String, number: Int, settings: LayerSettings = LayerSettings()) throws {
        let (sampleCount, grainSize) = (5, 2)
        let network = try Network(ModelText.parse(model), inputShape: [4, 3, 2], classCount: 3, settings: settings)
        let kernels = try #require(KernelSelection.available.first)
        let random = KeyedRandom(seed: UInt64(number), purpose: .synthetic, subject: 1)
        func values(_ count: Int, from first: Int) -> [Float] {
            (first..<first + count).map { random.uniformFloat(at: UInt64($0)) * 2 - 1 }
        }
        let parameters = AlignedMemory(count: network.layout.floatCount)
        network.initialize(parameters.base, seed: UInt64(number))
        let state = AlignedMemory(count: network.stateLayout.floatCount + 1)
        let workspace = AlignedMemory(count: KernelWorkspace.floatCount)
        func makeContext() -> LayerContext {
            network.initializeState(state.base)
            return LayerContext(
                kernels: kernels, workspace: workspace.base, parameters: parameters.base, state: state.base,
                mode: .training(
                    TrainingPosition(
                        seed: 3, epoch: 2, position: 10,
                        batch: WholeBatch(sampleCount: sampleCount, grainSize: grainSize))))
        }
        func stateBits() -> [UInt32] { (0..<network.stateLayout.floatCount).map { state.base[$0].bitPattern } }
        let x = values(sampleCount * 24, from: 0)
        let outputGradient = values(sampleCount * 3, from: 1_000)
        var plain = PlainEvaluation(network, sampleCount: sampleCount, grainSize: grainSize)
        try plain.run(makeContext(), x: x, outputGradient: outputGradient)
        let plainState = stateBits()

        // Few enough that image layers take one or two samples at a time.
        let activations = Activations(network: network, capacity: sampleCount, blockFloatCount: 100)
        let gradients = AlignedMemory(count: network.layout.floatCount)
        // What another batch leaves behind must not matter.
        for (x, outputGradient) in [(values(x.count, from: 2_000), values(15, from: 3_000)), (x, outputGradient)] {
            activations.input.update(from: x, count: x.count)
            let context = makeContext()
            try activations.forward(context, sampleCount: sampleCount)
            if x[0] == values(1, from: 0)[0] {
                #expect(
                    (0..<15).map { activations.logits[$0].bitPattern } == plain.outputs.map(\.bitPattern), "\(model)")
            }
            activations.logitsGradient.update(from: outputGradient, count: outputGradient.count)
            try activations.backward(
                context, sampleCount: sampleCount, grainSize: grainSize, subtrees: [0..<sampleCount]
            ) { _ in gradients.base }
        }
        #expect(stateBits() == plainState, "\(model)")
        for (entry, settings) in zip(network.layout.entries, network.settings) where !settings.isFrozen {
            #expect(
                entry.range.map { gradients.base[$0].bitPattern } == entry.range.map { plain.gradients[$0].bitPattern },
                "\(entry.name) of \(model)")
        }
    }
}
