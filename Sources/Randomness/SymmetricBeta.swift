import Numerics

extension KeyedRandom {
    /// One number of the distribution Beta(α, α), from the Doubles at `position` on, as many as it takes: x / (x + y) of two
    /// of the gamma distribution, in logarithms, since for a small α they may be 10⁻¹⁰⁰⁰.
    package func symmetricBeta(_ alpha: Double, at position: UInt64) -> Double {
        precondition(alpha > 0 && alpha.isFinite, "KeyedRandom: Beta(\(alpha), \(alpha))")
        var place = position
        let x = logarithmOfGamma(alpha, at: &place)
        let y = logarithmOfGamma(alpha, at: &place)
        return 1 / (1 + ScalarMath.exponential(y - x))
    }

    /// ln of one number of the gamma distribution. Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables"
    /// (2000); a shape below 1 by that of shape + 1 times u^(1 / shape).
    private func logarithmOfGamma(_ shape: Double, at place: inout UInt64) -> Double {
        var boost = 0.0
        if shape < 1 {
            boost = ScalarMath.naturalLogarithm(positiveDouble(at: &place)) / shape
        }
        let d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = standardNormal(at: place)
            place += 1
            let root = 1 + c * x
            guard root > 0 else { continue }
            let v = root * root * root
            let logarithm = ScalarMath.naturalLogarithm(v)
            let u = ScalarMath.naturalLogarithm(positiveDouble(at: &place))
            if u < 0.5 * x * x + d - d * v + d * logarithm { return ScalarMath.naturalLogarithm(d) + logarithm + boost }
        }
    }

    /// In (0, 1].
    private func positiveDouble(at place: inout UInt64) -> Double {
        defer { place += 1 }
        return 1 - uniformDouble(at: place)
    }
}
