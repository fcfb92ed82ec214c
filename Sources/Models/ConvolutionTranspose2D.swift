import Errors
import KernelContract
import Tensors

/// PyTorch's `ConvTranspose2d` over images with channels last, the gradient of a convolution at its input:
/// `y[i, j, o] = b[o] + Σ x[p, q, k] W[k, o, i + pad − p s, j + pad − q s]` over the inputs whose kernel reaches (i, j).
/// An input of h rows gives (h − 1) · stride − 2 · padding + kernel rows.
/// Backward: `dx` is that convolution of dy, `dW = Σ dy x` with the roles of input and output exchanged, `db = Σ dy`.
///
/// In memory `W: [kernelHeight, kernelWidth, outputChannels, inputChannels]`; files store PyTorch's
/// `[inputChannels, outputChannels, kernelHeight, kernelWidth]`.
struct ConvolutionTranspose2D: Layer {
    let inputShape: Shape
    let outputShape: Shape
    /// From this layer's output to its input.
    private let convolution: Convolution
    private let weight: ParameterLayout.Entry
    private let bias: Range<Int>

    init(
        _ description: ConvolutionDescription, inputShape: Shape, name: String, layout: inout ParameterLayout
    ) throws {
        let image = try ImageShape(inputShape)
        let (kernel, stride, channels) = (description.kernel, description.stride, description.outputChannels)
        guard case .zeros(let padding) = description.padding else {
            throw Failure(.data, "has \"padding same\", which a transposed convolution cannot have")
        }
        func extent(_ input: Int, _ kernel: Int) -> Int { (input - 1) * stride - 2 * padding + kernel }
        let (height, width) = (extent(image.height, kernel.height), extent(image.width, kernel.width))
        guard height > 0 && width > 0 else {
            throw Failure(
                .data,
                "would give [\(height), \(width), \(channels)] for an input of \(inputShape): the padding \(padding) is "
                    + "too large for its kernel")
        }
        try checkConvolutionSize(
            weights: Double(kernel.height * kernel.width) * Double(image.channels) * Double(channels),
            outputs: Double(height) * Double(width) * Double(channels), inputShape: inputShape)
        convolution = Convolution(
            window: SlidingWindow(
                inputHeight: height, inputWidth: width, kernelHeight: kernel.height, kernelWidth: kernel.width,
                stride: stride, paddingTop: padding, paddingLeft: padding, outputHeight: image.height,
                outputWidth: image.width),
            inputChannels: channels, outputChannels: image.channels)
        self.inputShape = inputShape
        outputShape = [height, width, channels]
        layout.append(
            "\(name).weight", [kernel.height, kernel.width, channels, image.channels],
            storage: .init(shape: [image.channels, channels, kernel.height, kernel.width], axes: [3, 2, 0, 1]))
        weight = layout.entries[layout.entries.count - 1]
        bias = layout.append("\(name).bias", [channels])
    }

    var hasParameters: Bool { true }
    var drawsWeight: Bool { true }

    var flopsPerSample: Double {
        2 * Double(convolution.window.outputPositions) * Double(convolution.weightCount)
    }

    func scratchFloatCount(sampleCount: Int) -> Int { convolution.scratchFloatCount(sampleCount: sampleCount) }

    func forward(_ context: LayerContext, _ pass: ForwardPass) {
        context.kernels.convolutionInputGradient(
            convolution, sampleCount: pass.sampleCount, dy: pass.input,
            weight: context.parameters + weight.range.lowerBound, dx: pass.output, scratch: pass.scratch,
            workspace: context.workspace)
        context.kernels.addBias(
            rowCount: pass.sampleCount * convolution.window.inputPositions, columnCount: bias.count,
            rows: pass.output, rowStride: bias.count, bias: context.parameters + bias.lowerBound)
    }

    func parameterGradient(_ context: LayerContext, _ pass: GradientPass) {
        context.kernels.convolutionWeightGradient(
            convolution, sampleCount: pass.sampleCount, grainSize: pass.grainSize, x: pass.outputGradient,
            dy: pass.input, gradient: pass.gradients + weight.range.lowerBound, scratch: pass.scratch,
            workspace: context.workspace)
        let positions = convolution.window.inputPositions
        context.kernels.biasGradient(
            rowCount: pass.sampleCount * positions, columnCount: bias.count, grainSize: pass.grainSize * positions,
            rows: pass.outputGradient, rowStride: bias.count, sums: pass.gradients + bias.lowerBound,
            workspace: context.workspace)
    }

    func inputGradient(_ context: LayerContext, _ pass: BackwardPass) {
        context.kernels.convolve(
            convolution, sampleCount: pass.sampleCount, x: pass.outputGradient,
            weight: context.parameters + weight.range.lowerBound, y: pass.inputGradient, scratch: pass.scratch,
            workspace: context.workspace)
    }

    /// PyTorch computes fans from the stored shape, whose second axis are the outputs here: fanIn is taps · outputs.
    func initialize(_ parameters: UnsafeMutablePointer<Float>, by initializer: Initializer, random: KeyedWeights) {
        let taps = convolution.window.taps
        random.fill(
            parameters, weight, fanIn: taps * convolution.inputChannels, fanOut: taps * convolution.outputChannels,
            by: initializer)
    }
}
