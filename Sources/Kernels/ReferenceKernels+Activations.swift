import KernelContract
import Randomness

extension ReferenceKernels {
    package func activate(
        _ function: ActivationFunction, _ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count { y[i] = Self.activation(function, x[i]) }
    }

    package func activationGradient(
        _ function: ActivationFunction, source: UnsafePointer<Float>, dy: UnsafePointer<Float>, count: Int,
        to dx: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count { dx[i] = Self.activationGradient(function, source[i], dy[i]) }
    }

    private static func activation(_ function: ActivationFunction, _ x: Float) -> Float {
        switch function.kind {
        case .leakyReLU: x > 0 ? x : function.constant * x
        case .elu: x < 0 ? function.constant * ReferenceMath.exponentialMinusOne(x) : x
        case .selu: x < 0 ? SELU.scaleAlpha * ReferenceMath.exponentialMinusOne(x) : SELU.scale * x
        case .gelu: (x < -15 ? -15 : x) * ReferenceMath.normalDistribution(x).distribution
        case .silu: (x < -104 ? -104 : x) * ReferenceMath.sigmoid(x).value
        case .sigmoid: ReferenceMath.sigmoid(x).value
        case .tanh: ReferenceMath.tanh(x)
        case .softplus:
            (x > 0 ? x : 0) + ReferenceMath.logarithmOfOnePlus(ReferenceMath.exponential(-x.magnitude))
        case .identity: x
        }
    }

    private static func activationGradient(_ function: ActivationFunction, _ source: Float, _ dy: Float) -> Float {
        switch function.kind {
        case .leakyReLU: return source > 0 ? dy : function.constant * dy
        case .elu: return source > 0 ? dy : dy * (source + function.constant)
        case .selu: return source > 0 ? SELU.scale * dy : dy * (source + SELU.scaleAlpha)
        case .gelu:
            let (distribution, bell) = ReferenceMath.normalDistribution(source)
            return dy * distribution.addingProduct(bound(source, 15) * 0.398_942_280_401_432_7, bell)
        case .silu:
            let (value, complement) = ReferenceMath.sigmoid(source)
            return dy * (value * Float(1).addingProduct(bound(source, 104), complement))
        case .sigmoid: return dy * (source * (1 - source))
        case .tanh: return dy * Float(1).addingProduct(-source, source)
        case .softplus: return dy * -ReferenceMath.exponentialMinusOne(-source)
        case .identity: return dy
        }
    }

    /// x within ±limit; NaN stays.
    private static func bound(_ x: Float, _ limit: Float) -> Float {
        x < -limit ? -limit : x > limit ? limit : x
    }

    package func dropoutMask(
        _ stream: DropoutStream, position: UInt64, count: Int, threshold: UInt32, scale: Float,
        to mask: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count {
            let place = position + UInt64(i)
            let block = place / 4
            let words = Philox4x32.block(
                counter: SIMD4(
                    UInt32(truncatingIfNeeded: block), stream.counter1 | UInt32(block >> 32), stream.counter2,
                    stream.counter3),
                key: stream.key)
            mask[i] = words[Int(place % 4)] >> 8 >= threshold ? scale : 0
        }
    }

    package func multiplyElements(
        _ x: UnsafePointer<Float>, by factors: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count { y[i] = x[i] * factors[i] }
    }
}
