import KernelContract
import Tensors

/// One dimension, the same elements in the same order: nothing is moved. The shape remembers what it was, so that a
/// dense layer behind it is stored in PyTorch's order, as one right behind the image is.
struct Flatten: Layer {
    let inputShape: Shape

    var outputShape: Shape { inputShape.flattened }
    var worksInPlace: Bool { true }

    /// Not in place behind a layer whose backward reads its own output.
    func forward(_ context: LayerContext, _ pass: ForwardPass) {
        guard UnsafePointer(pass.output) != pass.input else { return }
        pass.output.update(from: pass.input, count: pass.sampleCount * inputFeatures)
    }
    func inputGradient(_ context: LayerContext, _ pass: BackwardPass) {}
}
