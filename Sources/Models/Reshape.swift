import Errors
import Tensors

/// The same elements in the same order with another shape: PyTorch's `Flatten` and `Unflatten` on images with channels
/// last. Nothing is moved.
///
/// A flattened shape remembers what it was, so that a dense layer behind it is stored in PyTorch's order, as one right
/// behind the image is. What stands before a reshape to an image gives its elements channels last.
struct Reshape: Layer {
    let inputShape: Shape
    let outputShape: Shape

    /// `flatten`
    init(flattening inputShape: Shape) {
        self.inputShape = inputShape
        outputShape = inputShape.flattened
    }

    /// Where a residual block begins.
    init(identity shape: Shape) {
        inputShape = shape
        outputShape = shape
    }

    /// `reshape HxWxC`
    ///
    /// - Throws: `Failure(.data)` where the numbers of elements differ.
    init(inputShape: Shape, to outputShape: Shape) throws {
        guard inputShape.elementCount == outputShape.elementCount else {
            throw Failure(
                .data,
                "gives \(outputShape), \(outputShape.elementCount) elements, but what comes in is \(inputShape), "
                    + "\(inputShape.elementCount) elements")
        }
        self.inputShape = inputShape
        self.outputShape = outputShape
    }

    var memory: OutputMemory { .isInput }
    func forward(_ context: LayerContext, _ pass: ForwardPass) {}
    func inputGradient(_ context: LayerContext, _ pass: BackwardPass) {}
}
