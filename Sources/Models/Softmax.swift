import KernelContract
import Tensors

/// PyTorch's `Softmax(dim=1)` over the features of a sample, or the channels at each position of an image: `y[j] = e^x[j] / Σ e^x`. Backward: `dx = y (dy − Σ y dy)`.
/// For outputs that are compared with `mse` or `mae`; cross-entropy has its own softmax and expects logits.
struct Softmax: Layer {
    let inputShape: Shape

    var outputShape: Shape { inputShape }
    private var columnCount: Int { inputShape.extents.count == 3 ? inputShape.extents[2] : inputFeatures }
    var memory: OutputMemory { .mayReplaceInput }
    var backwardReadsOutput: Bool { true }

    func forward(_ context: LayerContext, _ pass: ForwardPass) {
        context.kernels.softmaxRows(
            rowCount: pass.sampleCount * inputFeatures / columnCount, columnCount: columnCount, x: pass.input,
            to: pass.output)
    }

    func inputGradient(_ context: LayerContext, _ pass: BackwardPass) {
        context.kernels.softmaxRowsGradient(
            rowCount: pass.sampleCount * inputFeatures / columnCount, columnCount: columnCount, y: pass.output,
            dy: pass.outputGradient,
            to: pass.inputGradient)
    }
}
