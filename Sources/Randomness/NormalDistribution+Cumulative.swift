import Numerics

extension NormalDistribution {
    /// The density φ(x).
    package static func density(_ x: Double) -> Double {
        0.398_942_280_401_432_68 * ScalarMath.exponential(-0.5 * x * x)
    }

    /// Φ(x), with about 14 digits also where it is small.
    package static func cumulative(_ x: Double) -> Double {
        guard abs(x) < 2.5 else {
            guard abs(x) < 38.6 else { return x > 0 ? 1 : x < 0 ? 0 : x }
            let tail = density(x) / (abs(x) + tailFraction(abs(x)))
            return x < 0 ? tail : 1 - tail
        }
        // ½ + φ(x) (x + x³/3 + x⁵/(3·5) + …)
        var term = x
        var sum = x
        var k = 1.0
        while abs(term) > 1e-17 * abs(sum) {
            k += 2
            term *= x * x / k
            sum += term
        }
        return 0.5 + density(x) * sum
    }

    /// K(t) = 1/(t + 2/(t + 3/(t + …))) for t ≥ 1, with which the upper tail is φ(t) / (t + K(t)).
    package static func tailFraction(_ t: Double) -> Double {
        precondition(t >= 1, "NormalDistribution: the fraction of \(t)")
        var k = Double(Int(8 + 220 / (t * t)))
        var fraction = t
        while k >= 2 {
            fraction = t + k / fraction
            k -= 1
        }
        return 1 / fraction
    }
}
