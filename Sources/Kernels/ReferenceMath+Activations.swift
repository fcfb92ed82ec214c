import KernelContract

/// One lane of the functions under the activations: the same operations in the same order.
extension ReferenceMath {
    /// For x ≤ 0.
    package static func exponentialMinusOne(_ x: Float) -> Float {
        guard !x.isNaN else { return x }
        let bounded = x < -40 ? -40 : x
        let (exponent, q) = reduced(bounded)
        let power = powerOfTwo(exponent)
        return (power - 1).addingProduct(power, q)
    }

    /// For 0 ≤ z ≤ 1.
    package static func logarithmOfOnePlus(_ z: Float) -> Float {
        let w = z / (2 + z)
        let square = w * w
        let coefficients: [Float] = [
            0.108_528_196_811_676_03, 0.142_962_038_516_998_3, 0.199_998_527_765_274_05, 0.333_333_343_267_440_8,
        ]
        let l = horner(0.116_145_633_161_067_96, coefficients, square)
        let twice = w + w
        return twice.addingProduct(twice * square, l)
    }

    package static func sigmoid<Scalar: ReferenceScalar>(_ x: Scalar) -> (value: Scalar, complement: Scalar) {
        let z = Scalar.exponential(-x.magnitude)
        let denominator = 1 + z
        return ((x >= 0 ? 1 : z) / denominator, (x >= 0 ? z : 1) / denominator)
    }

    package static func tanh<Scalar: ReferenceScalar>(_ x: Scalar) -> Scalar {
        let t = Scalar.exponentialMinusOne(-2 * x.magnitude)
        return Scalar(signOf: x, magnitudeOf: t.magnitude / (2 + t))
    }

    /// ln(1 + eˣ)
    package static func softplus<Scalar: ReferenceScalar>(_ x: Scalar) -> Scalar {
        (x > 0 ? x : 0) + Scalar.logarithmOfOnePlus(Scalar.exponential(-x.magnitude))
    }

    /// Φ(x) and e^(−x²/2).
    package static func normalDistribution(_ x: Float) -> (distribution: Float, bell: Float) {
        let a = x.magnitude > 15 ? 15 : x.magnitude
        let half = a * 0.5
        let exponent = a * half
        let rest = (-exponent).addingProduct(a, half)
        let power = exponential(-exponent)
        let bell = power.addingProduct(-power, rest)
        let t = 1 / Float(1).addingProduct(a, 0.375)
        let coefficients: [Float] = [
            -0.039_980_109_781_026_84, -0.003_079_406_218_603_253_4, 0.064_357_973_635_196_69,
            -0.019_500_683_993_101_12, -0.102_590_866_386_890_41, 0.021_935_863_420_367_24, 0.248_706_892_132_759_1,
            0.346_108_168_363_571_17, 0.268_182_277_679_443_36,
        ]
        let tail = bell * (t * horner(0.020_935_194_566_845_894, coefficients, t - 0.5))
        return (x > 0 ? 1 - tail : tail, bell)
    }
}
