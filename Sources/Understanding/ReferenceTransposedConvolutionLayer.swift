import KernelContract
import Kernels
import Models
import Tensors

/// PyTorch's `ConvTranspose2d`, channels last.
package struct ReferenceTransposedConvolution<Scalar: ReferenceScalar>: ReferenceLayer {
    package let inputShape: Shape
    package let outputShape: Shape
    /// From the layer's output to its input (see `Reference.convolveTransposed`).
    private let shape: Convolution
    private let weight: Range<Int>
    private let bias: Range<Int>

    package init(
        kernel: KernelSize, stride: Int, padding: Int, inputShape: Shape, outputShape: Shape, weight: Range<Int>,
        bias: Range<Int>
    ) {
        let image = ImageWindow(
            outputShape, inputShape, kernel: kernel, stride: stride, paddingTop: padding, paddingLeft: padding)
        shape = Convolution(
            window: image.window, inputChannels: image.inputChannels,
            outputChannels: inputShape.extents.count == 3 ? inputShape.extents[2] : 1)
        self.inputShape = inputShape
        self.outputShape = outputShape
        self.weight = weight
        self.bias = bias
    }

    package var formula: LayerFormula {
        LayerFormula(
            forward: "z = Σ w · x + b, over the inputs whose windows meet z",
            backward: [
                "dL/dw = Σ dL/dz · x, over all z that w is in", "dL/db = Σ dL/dz, over the channel's z",
                "dL/dx = Σ dL/dz · w, over all z that x is in",
            ])
    }

    package func forward(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Scalar] {
        var y = [Scalar](repeating: 0, count: batch.sampleCount * outputFeatures)
        Reference.convolveTransposed(
            shape, sampleCount: batch.sampleCount, x: x, weight: Array(parameters[weight]), y: &y)
        Reference.addBias(
            rowCount: batch.sampleCount * shape.window.inputPositions, columnCount: bias.count, rows: &y,
            rowStride: bias.count, bias: Array(parameters[bias]))
        return y
    }

    package func backward(
        _ pass: ReferencePass<Scalar>, parameters: [Scalar], batch: ReferenceBatch, gradients: inout [Scalar]
    ) -> [Scalar] {
        gradients.withUnsafeMutableBufferPointer { gradients in
            guard let base = gradients.baseAddress else { return }
            Reference.transposedWeightGradient(
                shape, partition: batch.partition, x: pass.x, dy: pass.dy, gradient: base + weight.lowerBound)
            Reference.biasGradient(
                columnCount: bias.count, partition: batch.partition.rows(shape.window.inputPositions), rows: pass.dy,
                rowStride: bias.count, sums: base + bias.lowerBound)
        }
        var dx = pass.x
        Reference.transposedInputGradient(
            shape, sampleCount: batch.sampleCount, dy: pass.dy, weight: Array(parameters[weight]), dx: &dx)
        return dx
    }

    package func terms(_ x: [Scalar]) -> [OutputTerms]? {
        let window = shape.window
        var inputs = [[Int]](repeating: [], count: outputFeatures)
        var weights = inputs
        for position in 0..<window.outputPositions {
            for channel in 0..<shape.outputChannels {
                for tap in 0..<window.taps {
                    let (r, c) = tap.quotientAndRemainder(dividingBy: window.kernelWidth)
                    guard
                        let at = window.input(position / window.outputWidth, position % window.outputWidth, r, c)
                    else { continue }
                    for o in 0..<shape.inputChannels {
                        let output = at * shape.inputChannels + o
                        inputs[output].append(position * shape.outputChannels + channel)
                        weights[output].append(weight.lowerBound + shape.weightIndex(r, c, o, channel))
                    }
                }
            }
        }
        return inputs.indices.map {
            OutputTerms(
                kind: .weightedSum(weights: weights[$0], bias: bias.lowerBound + $0 % bias.count), inputs: inputs[$0])
        }
    }
}
