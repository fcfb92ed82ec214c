import KernelContract
import Tensors

/// `y = x > 0 ? x : 0`; backward: `dx = y > 0 ? dy : 0` (the gradient at 0 is 0, as in PyTorch).
struct ReLU: Layer {
    let inputShape: Shape

    var outputShape: Shape { inputShape }
    var memory: OutputMemory { .mayReplaceInput }
    var backwardReadsOutput: Bool { true }
    var isSampleWise: Bool { true }

    func forward(_ context: LayerContext, _ pass: ForwardPass) {
        context.kernels.rectify(pass.input, count: pass.sampleCount * inputFeatures, to: pass.output)
    }

    func inputGradient(_ context: LayerContext, _ pass: BackwardPass) {
        context.kernels.rectifyGradient(
            y: pass.output, dy: pass.outputGradient, count: pass.sampleCount * inputFeatures, to: pass.inputGradient)
    }
}
