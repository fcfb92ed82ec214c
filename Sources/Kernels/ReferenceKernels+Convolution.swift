import KernelContract

extension ReferenceKernels {
    package func convolve(
        _ shape: Convolution, sampleCount: Int, x: UnsafePointer<Float>, weight: UnsafePointer<Float>,
        y: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>
    ) {
        Reference.convolve(shape, sampleCount: sampleCount, x: x, weight: weight, y: y)
    }

    package func convolutionInputGradient(
        _ shape: Convolution, sampleCount: Int, dy: UnsafePointer<Float>, weight: UnsafePointer<Float>,
        dx: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>
    ) {
        Reference.convolutionInputGradient(shape, sampleCount: sampleCount, dy: dy, weight: weight, dx: dx)
    }

    package func convolutionWeightGradient(
        _ shape: Convolution, sampleCount: Int, grainSize: Int, x: UnsafePointer<Float>, dy: UnsafePointer<Float>,
        gradient: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
        workspace: UnsafeMutablePointer<Float>
    ) {
        Reference.convolutionWeightGradient(
            shape, partition: GrainPartition(sampleCount: sampleCount, grainSize: grainSize), x: x, dy: dy,
            gradient: gradient)
    }

    package func maxPool(
        _ window: SlidingWindow, channels: Int, sampleCount: Int, x: UnsafePointer<Float>,
        y: UnsafeMutablePointer<Float>
    ) {
        Reference.maxPool(window, channels: channels, sampleCount: sampleCount, x: x, y: y)
    }

    package func maxPoolGradient(
        _ window: SlidingWindow, channels: Int, sampleCount: Int, x: UnsafePointer<Float>, dy: UnsafePointer<Float>,
        dx: UnsafeMutablePointer<Float>
    ) {
        Reference.maxPoolGradient(window, channels: channels, sampleCount: sampleCount, x: x, dy: dy, dx: dx)
    }

    package func averagePool(
        _ window: SlidingWindow, channels: Int, sampleCount: Int, x: UnsafePointer<Float>,
        y: UnsafeMutablePointer<Float>
    ) {
        Reference.averagePool(window, channels: channels, sampleCount: sampleCount, x: x, y: y)
    }

    package func averagePoolGradient(
        _ window: SlidingWindow, channels: Int, sampleCount: Int, dy: UnsafePointer<Float>,
        dx: UnsafeMutablePointer<Float>
    ) {
        Reference.averagePoolGradient(window, channels: channels, sampleCount: sampleCount, dy: dy, dx: dx)
    }
}
