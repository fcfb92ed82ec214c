import Errors
import KernelContract
import Tensors

/// PyTorch's `MaxPool2d`, channels last: each output is the greatest of its window, the first by `>` in row-major order.
/// What lies outside the image takes no part. Backward: the gradient goes to that element, found again from the input.
struct MaxPool2D: Layer {
    let inputShape: Shape
    let outputShape: Shape
    private let window: SlidingWindow
    private let channels: Int

    init(_ description: PoolDescription, inputShape: Shape) throws {
        let image = try ImageShape(inputShape)
        let (kernel, padding) = (description.kernel, description.padding)
        // PyTorch's rule; with it no window lies outside the image.
        guard 2 * padding <= min(kernel.height, kernel.width) else {
            throw Failure(
                .data,
                "has padding \(padding), more than half of its kernel [\(kernel.height), \(kernel.width)]")
        }
        window = try image.window(
            kernel: kernel, stride: description.stride, padding: (2 * padding, 2 * padding), before: (padding, padding))
        channels = image.channels
        self.inputShape = inputShape
        outputShape = [window.outputHeight, window.outputWidth, channels]
    }

    var isSampleWise: Bool { true }

    func forward(_ context: LayerContext, _ pass: ForwardPass) {
        context.kernels.maxPool(
            window, channels: channels, sampleCount: pass.sampleCount, x: pass.input, y: pass.output)
    }

    func inputGradient(_ context: LayerContext, _ pass: BackwardPass) {
        context.kernels.maxPoolGradient(
            window, channels: channels, sampleCount: pass.sampleCount, x: pass.input, dy: pass.outputGradient,
            dx: pass.inputGradient)
    }
}

/// PyTorch's `AvgPool2d` without padding, channels last: each output is the mean of its window. Over the whole image it
/// is `AdaptiveAvgPool2d(1)`, and the result is `[channels]`. Backward: `dx = Σ dy / taps` over the windows.
struct AveragePool2D: Layer {
    let inputShape: Shape
    let outputShape: Shape
    private let window: SlidingWindow
    private let channels: Int

    init(_ description: PoolDescription, inputShape: Shape) throws {
        let image = try ImageShape(inputShape)
        window = try image.window(
            kernel: description.kernel, stride: description.stride, padding: (0, 0), before: (0, 0))
        channels = image.channels
        self.inputShape = inputShape
        outputShape = [window.outputHeight, window.outputWidth, channels]
    }

    init(overAllOf inputShape: Shape) throws {
        let image = try ImageShape(inputShape)
        window = try image.window(
            kernel: KernelSize(image.height, image.width), stride: 1, padding: (0, 0), before: (0, 0))
        channels = image.channels
        self.inputShape = inputShape
        outputShape = [channels]
    }

    var isSampleWise: Bool { true }

    func forward(_ context: LayerContext, _ pass: ForwardPass) {
        context.kernels.averagePool(
            window, channels: channels, sampleCount: pass.sampleCount, x: pass.input, y: pass.output)
    }

    func inputGradient(_ context: LayerContext, _ pass: BackwardPass) {
        context.kernels.averagePoolGradient(
            window, channels: channels, sampleCount: pass.sampleCount, dy: pass.outputGradient,
            dx: pass.inputGradient)
    }
}
