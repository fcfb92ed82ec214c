import KernelContract
import Randomness
import Tensors

/// PyTorch's dropout: in training `y = x · m`, with `m = 0` with probability p and `1 / (1 − p)` otherwise; in evaluation
/// `y = x`. Backward: `dx = dy · m`. Srivastava et al. 2014, scaled in training ("inverted").
///
/// An element is kept where u ≥ p, with u the uniform float (24 bits) of the stream (seed, dropout, epoch, layer's index
/// in the model) at (the sample's place in the epoch's order) · features + feature: workers do not matter.
///
/// The factors are kept for backward: drawing them again costs more than reading them (docs/KERNELS.md).
struct Dropout: Layer {
    let inputShape: Shape
    let probability: Double
    /// Of the layer in the model.
    let index: UInt64

    var outputShape: Shape { inputShape }
    var memory: OutputMemory { .mayReplaceInput }
    var savedFloatsPerSample: Int { inputFeatures }

    func forward(_ context: LayerContext, _ pass: ForwardPass) {
        let count = pass.sampleCount * inputFeatures
        guard case .training(let at) = context.mode else {
            if pass.input != UnsafePointer(pass.output) { pass.output.update(from: pass.input, count: count) }
            return
        }
        let random = KeyedRandom(seed: at.seed, purpose: .dropout, epoch: at.epoch, subject: index)
        context.kernels.dropoutMask(
            DropoutStream(key: random.key, origin: random.origin), position: UInt64(at.position * inputFeatures),
            count: count, threshold: UInt32((probability * 0x1p24).rounded(.up)),
            scale: Float(1 / (1 - probability)), to: pass.saved)
        context.kernels.multiplyElements(pass.input, by: pass.saved, count: count, to: pass.output)
    }

    func inputGradient(_ context: LayerContext, _ pass: BackwardPass) {
        context.kernels.multiplyElements(
            pass.outputGradient, by: pass.saved, count: pass.sampleCount * inputFeatures, to: pass.inputGradient)
    }
}

extension Operation {
    /// The share of its inputs that a dropout layer keeps, 1 of all other operations.
    package var keptShare: Double { (layer as? Dropout).map { 1 - $0.probability } ?? 1 }
}

extension LayerGrammar {
    static let dropout = LayerGrammar(name: "dropout", form: "dropout PROBABILITY") { words in
        .dropout(
            probability: try words.value("PROBABILITY", "a probability from 0 to below 1") { word in
                Double(word).flatMap { $0 >= 0 && $0 < 1 ? $0 : nil }
            })
    }
}
