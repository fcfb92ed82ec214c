import KernelContract

/// The slow twins of the transposed convolution (PyTorch's `ConvTranspose2d`), for Float and Double alike: `shape` is the
/// convolution from the layer's *output* to its *input*, so forward is that one's input gradient and the other way round.
///
/// For a layer `[H, W, in] → [(H − 1) stride − 2 padding + kernel + outputPadding, …, out]`, `shape.window` slides over the
/// layer's output, `shape.inputChannels` is `out` and `shape.outputChannels` is `in`; the weight lies as
/// `[kernelHeight, kernelWidth, out, in]`, where PyTorch stores `[in, out, kernelHeight, kernelWidth]`.
extension Reference {
    /// `y[i, j, o]` = chain over the input's (row, column, channel) of `x · weight`; the bias is not added.
    package static func convolveTransposed<Scalar: BinaryFloatingPoint>(
        _ shape: Convolution, sampleCount: Int, x: UnsafePointer<Scalar>, weight: UnsafePointer<Scalar>,
        y: UnsafeMutablePointer<Scalar>
    ) {
        convolutionInputGradient(shape, sampleCount: sampleCount, dy: x, weight: weight, dx: y)
    }

    /// `dx` = chain over (kernel row, column, output channel) of `dy · weight`.
    package static func transposedInputGradient<Scalar: BinaryFloatingPoint>(
        _ shape: Convolution, sampleCount: Int, dy: UnsafePointer<Scalar>, weight: UnsafePointer<Scalar>,
        dx: UnsafeMutablePointer<Scalar>
    ) {
        convolve(shape, sampleCount: sampleCount, x: dy, weight: weight, y: dx)
    }

    /// `T` over grains of the chain over a grain's (sample, input row, input column) of `dy · x`.
    package static func transposedWeightGradient<Scalar: BinaryFloatingPoint>(
        _ shape: Convolution, partition: GrainPartition, x: UnsafePointer<Scalar>, dy: UnsafePointer<Scalar>,
        gradient: UnsafeMutablePointer<Scalar>
    ) {
        convolutionWeightGradient(shape, partition: partition, x: dy, dy: x, gradient: gradient)
    }
}
