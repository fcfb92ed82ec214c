/// What the slow twins compute in: Float, whose bits the kernels have, or Double, in which formulas are checked against
/// differences. Functions are our own, without libm.
package protocol ReferenceScalar: BinaryFloatingPoint, BitwiseCopyable, Sendable {
    static func exponential(_ x: Self) -> Self
    static func naturalLogarithm(_ x: Self) -> Self
    /// eˣ − 1, for x ≤ 0.
    static func exponentialMinusOne(_ x: Self) -> Self
    /// ln(1 + z), for 0 ≤ z ≤ 1.
    static func logarithmOfOnePlus(_ z: Self) -> Self
    /// Φ(x) = (1 + erf(x / √2)) / 2 and e^(−x²/2).
    static func normalDistribution(_ x: Self) -> (distribution: Self, bell: Self)

    /// Φ(−limit) and e^−limit are the least numbers that gelu and silu multiply with: x is bounded there, so that −∞
    /// gives no NaN.
    static var normalDistributionLimit: Self { get }
    static var exponentialLimit: Self { get }
    /// 1 / √(2π)
    static var inverseRootOfTwoPi: Self { get }
}

extension Float: ReferenceScalar {
    package static func exponential(_ x: Float) -> Float { ReferenceMath.exponential(x) }
    package static func naturalLogarithm(_ x: Float) -> Float { ReferenceMath.naturalLogarithm(x) }
    package static func exponentialMinusOne(_ x: Float) -> Float { ReferenceMath.exponentialMinusOne(x) }
    package static func logarithmOfOnePlus(_ z: Float) -> Float { ReferenceMath.logarithmOfOnePlus(z) }
    package static func normalDistribution(_ x: Float) -> (distribution: Float, bell: Float) {
        ReferenceMath.normalDistribution(x)
    }
    package static var normalDistributionLimit: Float { 15 }
    package static var exponentialLimit: Float { 104 }
    package static var inverseRootOfTwoPi: Float { 0.398_942_280_401_432_7 }
}
