import KernelContract
import Kernels
import Models
import Tensors

/// Both shapes of an image layer with the window between them, found from the description and not from the layer: a
/// twin of the layer's own arithmetic.
struct ImageWindow {
    let window: SlidingWindow
    let inputChannels: Int

    init(_ input: Shape, _ output: Shape, kernel: KernelSize, stride: Int, paddingTop: Int = 0, paddingLeft: Int = 0) {
        window = SlidingWindow(
            inputHeight: input.extents[0], inputWidth: input.extents[1], kernelHeight: kernel.height,
            kernelWidth: kernel.width, stride: stride, paddingTop: paddingTop, paddingLeft: paddingLeft,
            outputHeight: output.extents[0], outputWidth: output.extents[1])
        inputChannels = input.extents.count == 3 ? input.extents[2] : 1
    }
}

/// The slow twin of `Convolution2D`.
struct ReferenceConvolution<Scalar: ReferenceScalar>: ReferenceLayer {
    let inputShape: Shape
    let outputShape: Shape
    private let shape: Convolution
    private let weight: Range<Int>
    private let bias: Range<Int>

    init(
        _ description: ConvolutionDescription, inputShape: Shape, outputShape: Shape, weight: Range<Int>,
        bias: Range<Int>
    ) {
        let padding: (top: Int, left: Int)
        switch description.padding {
        case .zeros(let count): padding = (count, count)
        case .same: padding = ((description.kernel.height - 1) / 2, (description.kernel.width - 1) / 2)
        }
        let image = ImageWindow(
            inputShape, outputShape, kernel: description.kernel, stride: description.stride, paddingTop: padding.top,
            paddingLeft: padding.left)
        shape = Convolution(
            window: image.window, inputChannels: image.inputChannels, outputChannels: description.outputChannels)
        self.inputShape = inputShape
        self.outputShape = outputShape
        self.weight = weight
        self.bias = bias
    }

    var formula: LayerFormula {
        LayerFormula(
            forward: "z = Σ w · x + b, over the window's rows, columns and channels",
            backward: [
                "dL/dw = Σ dL/dz · x, over all z that w is in", "dL/db = Σ dL/dz, over the channel's z",
                "dL/dx = Σ dL/dz · w, over all z that x is in",
            ])
    }

    func forward(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Scalar] {
        var y = [Scalar](repeating: 0, count: batch.sampleCount * outputFeatures)
        Reference.convolve(shape, sampleCount: batch.sampleCount, x: x, weight: Array(parameters[weight]), y: &y)
        Reference.addBias(
            rowCount: batch.sampleCount * shape.window.outputPositions, columnCount: bias.count, rows: &y,
            rowStride: bias.count, bias: Array(parameters[bias]))
        return y
    }

    func backward(
        _ pass: ReferencePass<Scalar>, parameters: [Scalar], batch: ReferenceBatch, gradients: inout [Scalar]
    ) -> [Scalar] {
        let positions = shape.window.outputPositions
        gradients.withUnsafeMutableBufferPointer { gradients in
            guard let base = gradients.baseAddress else { return }
            Reference.convolutionWeightGradient(
                shape, partition: batch.partition, x: pass.x, dy: pass.dy, gradient: base + weight.lowerBound)
            Reference.biasGradient(
                columnCount: bias.count, partition: batch.partition.rows(positions), rows: pass.dy,
                rowStride: bias.count, sums: base + bias.lowerBound)
        }
        var dx = pass.x
        Reference.convolutionInputGradient(
            shape, sampleCount: batch.sampleCount, dy: pass.dy, weight: Array(parameters[weight]), dx: &dx)
        return dx
    }

    func terms(_ x: [Scalar]) -> [OutputTerms]? {
        let window = shape.window
        return (0..<outputFeatures).map { output in
            let (position, o) = output.quotientAndRemainder(dividingBy: shape.outputChannels)
            var (inputs, weights): ([Int], [Int]) = ([], [])
            for tap in 0..<window.taps {
                let (r, c) = tap.quotientAndRemainder(dividingBy: window.kernelWidth)
                guard let at = window.input(position / window.outputWidth, position % window.outputWidth, r, c) else {
                    continue
                }
                for channel in 0..<shape.inputChannels {
                    inputs.append(at * shape.inputChannels + channel)
                    weights.append(weight.lowerBound + shape.weightIndex(r, c, channel, o))
                }
            }
            return OutputTerms(kind: .weightedSum(weights: weights, bias: bias.lowerBound + o), inputs: inputs)
        }
    }
}

extension GrainPartition {
    /// The same grains over rows, with `count` rows for each sample.
    func rows(_ count: Int) -> GrainPartition {
        GrainPartition(sampleCount: sampleCount * count, grainSize: grainSize * count)
    }
}

/// The slow twin of `MaxPool2D`.
struct ReferenceMaxPool<Scalar: ReferenceScalar>: ReferenceLayer {
    let inputShape: Shape
    let outputShape: Shape
    private let image: ImageWindow

    init(_ description: PoolDescription, inputShape: Shape, outputShape: Shape) {
        image = ImageWindow(
            inputShape, outputShape, kernel: description.kernel, stride: description.stride,
            paddingTop: description.padding, paddingLeft: description.padding)
        self.inputShape = inputShape
        self.outputShape = outputShape
    }

    var formula: LayerFormula {
        LayerFormula(
            forward: "a = the greatest z of the window",
            backward: ["dL/dz = Σ dL/da, over the windows whose greatest is z"])
    }

    func forward(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Scalar] {
        var y = [Scalar](repeating: 0, count: batch.sampleCount * outputFeatures)
        Reference.maxPool(
            image.window, channels: image.inputChannels, sampleCount: batch.sampleCount, x: x, y: &y)
        return y
    }

    func backward(
        _ pass: ReferencePass<Scalar>, parameters: [Scalar], batch: ReferenceBatch, gradients: inout [Scalar]
    ) -> [Scalar] {
        var dx = pass.x
        Reference.maxPoolGradient(
            image.window, channels: image.inputChannels, sampleCount: batch.sampleCount, x: pass.x, dy: pass.dy,
            dx: &dx)
        return dx
    }

    func branches(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Int] {
        Reference.maxPoolSources(image.window, channels: image.inputChannels, sampleCount: batch.sampleCount, x: x)
    }

    func terms(_ x: [Scalar]) -> [OutputTerms]? {
        let windows = Reference.windows(image.window, channels: image.inputChannels, sampleCount: 1)
        let sources = Reference.maxPoolSources(
            image.window, channels: image.inputChannels, sampleCount: 1, x: x)
        return zip(windows, sources).map { OutputTerms(kind: .greatest($1), inputs: $0) }
    }
}

/// The slow twin of `AveragePool2D`, over windows or over the whole image.
struct ReferenceAveragePool<Scalar: ReferenceScalar>: ReferenceLayer {
    let inputShape: Shape
    let outputShape: Shape
    private let image: ImageWindow

    init(_ description: PoolDescription, inputShape: Shape, outputShape: Shape) {
        image = ImageWindow(inputShape, outputShape, kernel: description.kernel, stride: description.stride)
        self.inputShape = inputShape
        self.outputShape = outputShape
    }

    init(overAllOf inputShape: Shape, outputShape: Shape) {
        image = ImageWindow(
            inputShape, [1, 1], kernel: KernelSize(inputShape.extents[0], inputShape.extents[1]), stride: 1)
        self.inputShape = inputShape
        self.outputShape = outputShape
    }

    var formula: LayerFormula {
        let taps = image.window.taps
        return LayerFormula(
            forward: "a = (Σ z of the window) / \(taps)",
            backward: ["dL/dz = Σ dL/da / \(taps), over the windows that z is in"])
    }

    func forward(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Scalar] {
        var y = [Scalar](repeating: 0, count: batch.sampleCount * outputFeatures)
        Reference.averagePool(
            image.window, channels: image.inputChannels, sampleCount: batch.sampleCount, x: x, y: &y)
        return y
    }

    func backward(
        _ pass: ReferencePass<Scalar>, parameters: [Scalar], batch: ReferenceBatch, gradients: inout [Scalar]
    ) -> [Scalar] {
        var dx = pass.x
        Reference.averagePoolGradient(
            image.window, channels: image.inputChannels, sampleCount: batch.sampleCount, dy: pass.dy, dx: &dx)
        return dx
    }

    func terms(_ x: [Scalar]) -> [OutputTerms]? {
        Reference.windows(image.window, channels: image.inputChannels, sampleCount: 1)
            .map { OutputTerms(kind: .mean, inputs: $0) }
    }
}
