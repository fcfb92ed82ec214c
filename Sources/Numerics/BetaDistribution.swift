/// The beta distribution on 0 … 1, without libm.
package struct BetaDistribution: Hashable, Sendable {
    package let a: Double
    package let b: Double
    private let logNormalizer: Double

    /// - Precondition: both are positive and finite.
    package init(a: Double, b: Double) {
        precondition(a > 0 && b > 0 && a.isFinite && b.isFinite, "BetaDistribution: a = \(a), b = \(b)")
        self.a = a
        self.b = b
        logNormalizer = ScalarMath.logGamma(a + b) - ScalarMath.logGamma(a) - ScalarMath.logGamma(b)
    }

    /// The regularized incomplete beta function Iₓ(a, b), to about 12 digits.
    package func cumulative(_ x: Double) -> Double {
        guard x > 0 else { return 0 }
        guard x < 1 else { return 1 }
        let front = ScalarMath.exponential(
            logNormalizer + a * ScalarMath.naturalLogarithm(x) + b * ScalarMath.naturalLogarithm(1 - x))
        // The fraction converges fast on the nearer side of the mean.
        return x < (a + 1) / (a + b + 2)
            ? front * Self.fraction(a, b, x) / a : 1 - front * Self.fraction(b, a, 1 - x) / b
    }

    /// The x with `cumulative(x)` = `probability`, by bisection down to neighbouring numbers.
    package func quantile(_ probability: Double) -> Double {
        guard probability > 0 else { return 0 }
        guard probability < 1 else { return 1 }
        var low = 0.0
        var high = 1.0
        while true {
            // Between numbers of different size the geometric mean: the quantile may be 1e-200.
            let middle = low > 0 && high / low > 4 ? (low * high).squareRoot() : low == 0 ? high / 16 : (low + high) / 2
            guard middle > low && middle < high else { return high }
            if cumulative(middle) < probability { low = middle } else { high = middle }
        }
    }

    /// Lentz's evaluation of the continued fraction (Abramowitz and Stegun 26.5.8).
    private static func fraction(_ a: Double, _ b: Double, _ x: Double) -> Double {
        let tiny = 1e-300
        func nonzero(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
        var c = 1.0
        var d = 1 / nonzero(1 - (a + b) * x / (a + 1))
        var result = d
        for step in 1...10_000 {
            let m = Double(step)
            let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            d = 1 / nonzero(1 + even * d)
            c = nonzero(1 + even / c)
            result *= d * c
            let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            d = 1 / nonzero(1 + odd * d)
            c = nonzero(1 + odd / c)
            let factor = d * c
            result *= factor
            if abs(factor - 1) < 1e-15 { break }
        }
        return result
    }
}
