import Numerics

/// The functions in Double, within a few units of the last place: series with as many terms as Double can hold.
extension Double: ReferenceScalar {
    package static var normalDistributionLimit: Double { 39 }
    package static var exponentialLimit: Double { 746 }
    package static var inverseRootOfTwoPi: Double { 0.398_942_280_401_432_677_94 }

    /// ln 2 in two parts (FreeBSD's msun, `e_exp.c`); the first has 33 bits, so that its products with n are exact.
    private static var logarithmOfTwo: (high: Double, low: Double) {
        (0x1.62e4_2fee_0000_0p-1, 0x1.a39e_f357_93c7_6p-33)
    }

    package static func exponential(_ x: Double) -> Double {
        guard !x.isNaN else { return x }
        let bounded = min(max(x, -exponentialLimit), 710)
        let (exponent, q) = reduced(bounded)
        let half = exponent >> 1
        return (1 + q) * powerOfTwo(half) * powerOfTwo(exponent - half)
    }

    package static func exponentialMinusOne(_ x: Double) -> Double {
        guard !x.isNaN else { return x }
        let (exponent, q) = reduced(max(x, -40))
        let power = powerOfTwo(exponent)
        return (power - 1).addingProduct(power, q)
    }

    /// x = n ln 2 + r with |r| ≤ ln 2 / 2: n, and e^r − 1 = r + r² (1/2! + r/3! + …); r¹⁴/15! is below 2⁻⁶⁰.
    private static func reduced(_ x: Double) -> (exponent: Int, exponentialMinusOne: Double) {
        let n = (x * 1.442_695_040_888_963_4).rounded(.toNearestOrEven)
        let r = x.addingProduct(n, -logarithmOfTwo.high).addingProduct(n, -logarithmOfTwo.low)
        var p = 0.0
        for k in stride(from: 15.0, through: 3, by: -1) { p = (p + 1) * r / k }
        return (Int(n), r.addingProduct(r * r, (p + 1) / 2))
    }

    package static func naturalLogarithm(_ x: Double) -> Double { ScalarMath.naturalLogarithm(x) }

    /// 2 (w + w³/3 + w⁵/5 + …) with w = z / (2 + z) ≤ 1/3; w⁴⁰ is below 2⁻⁶³.
    package static func logarithmOfOnePlus(_ z: Double) -> Double {
        let w = z / (2 + z)
        let square = w * w
        var l = 0.0
        for k in stride(from: 41.0, through: 3, by: -2) { l = (l + 1 / k) * square }
        return (w + w).addingProduct(w + w, l)
    }

    /// Below 1, Φ(a) = ½ + φ(a) (a + a³/3 + a⁵/(3·5) + …); above, Φ(−a) = φ(a) / (a + 1/(a + 2/(a + 3/(a + …)))),
    /// Laplace's continued fraction, whose error falls as e^(−2a √(2n)) after n steps.
    package static func normalDistribution(_ x: Double) -> (distribution: Double, bell: Double) {
        guard !x.isNaN else { return (x, x) }
        let a = min(x.magnitude, normalDistributionLimit)
        let square = a * a / 2
        let rest = (-square).addingProduct(a, a / 2)
        let power = exponential(-square)
        let bell = power.addingProduct(-power, rest)
        let density = bell * inverseRootOfTwoPi
        if a < 1 {
            var sum = 0.0
            for k in stride(from: 41.0, through: 3, by: -2) { sum = (sum + 1) * (a * a) / k }
            let half = density * (a + a * sum)
            return (x > 0 ? 0.5 + half : 0.5 - half, bell)
        }
        var fraction = a
        for k in stride(from: (40 + 400 / (a * a)).rounded(.up), through: 1, by: -1) { fraction = a + k / fraction }
        let tail = density / fraction
        return (x > 0 ? 1 - tail : tail, bell)
    }

    private static func powerOfTwo(_ n: Int) -> Double { Double(sign: .plus, exponent: n, significand: 1) }
}
