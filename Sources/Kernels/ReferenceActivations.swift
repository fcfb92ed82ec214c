import KernelContract
import Randomness

/// The slow twins of activations and dropout, one element each, for Float and Double alike.
extension Reference {
    package static func rectify<Scalar: ReferenceScalar>(_ x: Scalar) -> Scalar { x > 0 ? x : 0 }

    package static func rectifyGradient<Scalar: ReferenceScalar>(y: Scalar, dy: Scalar) -> Scalar { y > 0 ? dy : 0 }

    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func activation<Scalar: ReferenceScalar>(_ function: ActivationFunction, _ x: Scalar) -> Scalar {
        let constant = Scalar(function.constant)
        switch function.kind {
        case .leakyReLU: return x > 0 ? x : constant * x
        case .elu: return x < 0 ? constant * Scalar.exponentialMinusOne(x) : x
        case .selu:
            return x < 0 ? Scalar(SELU.scaleAlpha) * Scalar.exponentialMinusOne(x) : Scalar(SELU.scale) * x
        case .gelu:
            let limit = Scalar.normalDistributionLimit
            return (x < -limit ? -limit : x) * Scalar.normalDistribution(x).distribution
        case .silu:
            return (x < -Scalar.exponentialLimit ? -Scalar.exponentialLimit : x) * ReferenceMath.sigmoid(x).value
        case .sigmoid: return ReferenceMath.sigmoid(x).value
        case .tanh: return ReferenceMath.tanh(x)
        case .softplus: return ReferenceMath.softplus(x)
        case .identity: return x
        }
    }

    /// - Parameter source: the input where `gradientNeedsInput`, else the output.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func activationGradient<Scalar: ReferenceScalar>(
        _ function: ActivationFunction, source: Scalar, dy: Scalar
    ) -> Scalar {
        switch function.kind {
        case .leakyReLU: return source > 0 ? dy : Scalar(function.constant) * dy
        case .elu: return source > 0 ? dy : dy * (source + Scalar(function.constant))
        case .selu: return source > 0 ? Scalar(SELU.scale) * dy : dy * (source + Scalar(SELU.scaleAlpha))
        case .gelu:
            let (distribution, bell) = Scalar.normalDistribution(source)
            let bounded = bound(source, Scalar.normalDistributionLimit)
            return dy * distribution.addingProduct(bounded * Scalar.inverseRootOfTwoPi, bell)
        case .silu:
            let (value, complement) = ReferenceMath.sigmoid(source)
            return dy * (value * Scalar(1).addingProduct(bound(source, Scalar.exponentialLimit), complement))
        case .sigmoid: return dy * (source * (1 - source))
        case .tanh: return dy * Scalar(1).addingProduct(-source, source)
        case .softplus: return dy * -Scalar.exponentialMinusOne(-source)
        case .identity: return dy
        }
    }

    /// x within ±limit; NaN stays.
    private static func bound<Scalar: ReferenceScalar>(_ x: Scalar, _ limit: Scalar) -> Scalar {
        x < -limit ? -limit : x > limit ? limit : x
    }

    /// What dropout multiplies the element at `position` of the stream with.
    package static func dropoutFactor<Scalar: ReferenceScalar>(
        _ stream: DropoutStream, position: UInt64, threshold: UInt32, scale: Scalar
    ) -> Scalar {
        let block = position / 4
        let words = Philox4x32.block(
            counter: SIMD4(
                UInt32(truncatingIfNeeded: block), stream.counter1 | UInt32(block >> 32), stream.counter2,
                stream.counter3),
            key: stream.key)
        return words[Int(position % 4)] >> 8 >= threshold ? scale : 0
    }
}
