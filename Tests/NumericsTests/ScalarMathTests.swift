import Foundation
import Numerics
import Testing

@Suite("Scalar functions without libm")
struct ScalarMathTests {
    /// Foundation's cosine is within 1 ULP of the exact value; ours must be within 2 of it.
    @Test func cosine() {
        var worst = 0.0
        func compare(_ x: Double) {
            let exact = cos(x)
            worst = max(worst, abs(ScalarMath.cosine(x) - exact) / exact.ulp)
        }
        for i in 0...200_000 { compare(Double(i) * .pi / 200_000) }
        for i in 0..<200_000 { compare((Double(i) - 100_000) * 0.987_654_321) }
        // Near the zeros, where the reduction is all that is left.
        for n in -500...500 {
            let zero = (Double(n) + 0.5) * .pi
            for x in [zero, zero.nextUp, zero.nextDown, zero + 1e-9, zero - 1e-5] { compare(x) }
        }
        #expect(worst <= 2, "\(worst) ULP")
        #expect(ScalarMath.cosine(0) == 1 && ScalarMath.cosine(.pi) == -1)
    }

    @Test func naturalLogarithm() {
        var worst = 0.0
        for i in 1...200_000 {
            for x in [Double(i) / 1_000, 1 + Double(i - 100_000) * 1e-7, 1e300 / Double(i), 1e-300 * Double(i)] {
                let exact = log(x)
                worst = max(worst, abs(ScalarMath.naturalLogarithm(x) - exact) / exact.ulp)
            }
        }
        #expect(worst <= 2, "\(worst) ULP")
        #expect(ScalarMath.naturalLogarithm(0) == -.infinity && ScalarMath.naturalLogarithm(-1).isNaN)
        #expect(ScalarMath.naturalLogarithm(.infinity) == .infinity && ScalarMath.naturalLogarithm(1) == 0)
    }

    @Test func power() {
        for base in [0.0, 0.5, 0.9, 0.999, 1, 1.5] {
            for exponent in [0, 1, 2, 3, 10, 63, 1_000] {
                let exact = pow(base, Double(exponent))
                // At most two roundings for each bit of the exponent, each doubled by the squarings behind it.
                #expect(abs(ScalarMath.power(base, exponent) - exact) <= 2 * Double(exponent + 1) * 0x1p-53 * exact)
            }
        }
    }
}
