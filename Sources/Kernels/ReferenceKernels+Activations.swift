import KernelContract

extension ReferenceKernels {
    package func activate(
        _ function: ActivationFunction, _ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count { y[i] = Reference.activation(function, x[i]) }
    }

    package func activationGradient(
        _ function: ActivationFunction, source: UnsafePointer<Float>, dy: UnsafePointer<Float>, count: Int,
        to dx: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count { dx[i] = Reference.activationGradient(function, source: source[i], dy: dy[i]) }
    }

    package func dropoutMask(
        _ stream: DropoutStream, position: UInt64, count: Int, threshold: UInt32, scale: Float,
        to mask: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count {
            mask[i] = Reference.dropoutFactor(
                stream, position: position + UInt64(i), threshold: threshold, scale: scale)
        }
    }

    package func multiplyElements(
        _ x: UnsafePointer<Float>, by factors: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count { y[i] = x[i] * factors[i] }
    }
}
