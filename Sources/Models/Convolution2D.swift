import Errors
import KernelContract
import Tensors

/// PyTorch's `Conv2d` over images with channels last: `y[i, j, o] = b[o] + Σ x[i s − p + r, j s − p + c, k] W[r, c, k, o]`
/// over the kernel's rows r, columns c and input channels k; what lies outside the image is not in the sum.
/// Backward: `dx = Σ dy W` over the outputs that met the input, `dW = Σ x dy` and `db = Σ dy` over samples and positions
/// (canonical tree, docs/NUMERICS.md).
///
/// In memory `W: [kernelHeight, kernelWidth, inputChannels, outputChannels]`; files store PyTorch's
/// `[outputChannels, inputChannels, kernelHeight, kernelWidth]`.
struct Convolution2D: Layer {
    let inputShape: Shape
    let outputShape: Shape
    private let convolution: Convolution
    private let weight: ParameterLayout.Entry
    private let bias: Range<Int>

    init(
        _ description: ConvolutionDescription, inputShape: Shape, name: String, layout: inout ParameterLayout
    ) throws {
        let image = try ImageShape(inputShape)
        let kernel = description.kernel
        var padding = (rows: 0, columns: 0)
        switch description.padding {
        case .zeros(let count): padding = (2 * count, 2 * count)
        case .same:
            guard description.stride == 1 else {
                throw Failure(
                    .data,
                    "has \"padding same\", which needs stride 1 and not \(description.stride); write the padding as a "
                        + "number, such as \(kernel.height / 2)")
            }
            padding = (kernel.height - 1, kernel.width - 1)
        }
        let window = try image.window(
            kernel: kernel, stride: description.stride, padding: padding,
            before: (padding.rows / 2, padding.columns / 2))
        let channels = description.outputChannels
        let weights = Double(kernel.height * kernel.width) * Double(image.channels) * Double(channels)
        let outputs = Double(window.outputPositions) * Double(channels)
        try checkConvolutionSize(weights: weights, outputs: outputs, inputShape: inputShape)
        convolution = Convolution(window: window, inputChannels: image.channels, outputChannels: channels)
        self.inputShape = inputShape
        outputShape = [window.outputHeight, window.outputWidth, channels]
        layout.append(
            "\(name).weight", [kernel.height, kernel.width, image.channels, channels],
            storage: .init(shape: [channels, image.channels, kernel.height, kernel.width], axes: [3, 2, 0, 1]))
        weight = layout.entries[layout.entries.count - 1]
        bias = layout.append("\(name).bias", [channels])
    }

    var hasParameters: Bool { true }
    var isSampleWise: Bool { true }
    var drawsWeight: Bool { true }

    var flopsPerSample: Double {
        2 * Double(convolution.window.outputPositions) * Double(convolution.weightCount)
    }

    func scratchFloatCount(sampleCount: Int) -> Int { convolution.scratchFloatCount(sampleCount: sampleCount) }

    func forward(_ context: LayerContext, _ pass: ForwardPass) {
        context.kernels.convolve(
            convolution, sampleCount: pass.sampleCount, x: pass.input,
            weight: context.parameters + weight.range.lowerBound, y: pass.output, scratch: pass.scratch,
            workspace: context.workspace)
        context.kernels.addBias(
            rowCount: pass.sampleCount * convolution.window.outputPositions, columnCount: bias.count,
            rows: pass.output, rowStride: bias.count, bias: context.parameters + bias.lowerBound)
    }

    func parameterGradient(_ context: LayerContext, _ pass: GradientPass) {
        context.kernels.convolutionWeightGradient(
            convolution, sampleCount: pass.sampleCount, grainSize: pass.grainSize, x: pass.input,
            dy: pass.outputGradient, gradient: pass.gradients + weight.range.lowerBound, scratch: pass.scratch,
            workspace: context.workspace)
        // The chain of a grain runs over its samples' positions.
        let positions = convolution.window.outputPositions
        context.kernels.biasGradient(
            rowCount: pass.sampleCount * positions, columnCount: bias.count, grainSize: pass.grainSize * positions,
            rows: pass.outputGradient, rowStride: bias.count, sums: pass.gradients + bias.lowerBound,
            workspace: context.workspace)
    }

    func inputGradient(_ context: LayerContext, _ pass: BackwardPass) {
        context.kernels.convolutionInputGradient(
            convolution, sampleCount: pass.sampleCount, dy: pass.outputGradient,
            weight: context.parameters + weight.range.lowerBound, dx: pass.inputGradient, scratch: pass.scratch,
            workspace: context.workspace)
    }

    func initialize(_ parameters: UnsafeMutablePointer<Float>, by initializer: Initializer, random: KeyedWeights) {
        let taps = convolution.window.taps
        random.fill(
            parameters, weight, fanIn: taps * convolution.inputChannels, fanOut: taps * convolution.outputChannels,
            by: initializer)
    }
}

/// Refuses what is far beyond any machine's memory, before a product of sizes overflows.
func checkConvolutionSize(weights: Double, outputs: Double, inputShape: Shape) throws {
    guard max(weights, outputs) < 0x1p36 else {
        throw Failure(
            .data,
            "would have \(Int64(weights)) weights and \(Int64(outputs)) outputs for each sample, for an input of "
                + "\(inputShape): make it smaller")
    }
}
