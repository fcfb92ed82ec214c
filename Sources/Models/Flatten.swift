import KernelContract
import Tensors

/// One dimension, the same elements in the same order. The shape remembers what it was, so that a
/// dense layer behind it is stored in PyTorch's order, as one right behind the image is.
struct Flatten: Layer {
    let inputShape: Shape

    var outputShape: Shape { inputShape.flattened }
    var worksInPlace: Bool { true }

    func forward(_ context: LayerContext, _ pass: ForwardPass) {
        // Apart where the layer below reads its output in backward: the layer above may work in place.
        guard pass.input != UnsafePointer(pass.output) else { return }
        pass.output.update(from: pass.input, count: pass.sampleCount * inputFeatures)
    }

    func inputGradient(_ context: LayerContext, _ pass: BackwardPass) {}
}
