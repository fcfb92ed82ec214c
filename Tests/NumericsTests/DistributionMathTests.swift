import Foundation
import Numerics
import Testing

@Suite("Exponential, gamma and beta")
struct DistributionMathTests {
    @Test("the exponential agrees with the system's to the last bit but one")
    func exponential() {
        for step in -3_000...3_000 {
            let x = Double(step) * 0.236_7
            let (ours, system) = (ScalarMath.exponential(x), exp(x))
            guard system.isFinite else {
                #expect(ours == system)
                continue
            }
            #expect(abs(ours - system) <= max(system.ulp, .leastNonzeroMagnitude), "e^\(x): \(ours), \(system)")
        }
        #expect(ScalarMath.exponential(0) == 1 && ScalarMath.exponential(-.infinity) == 0)
        #expect(ScalarMath.exponential(710) == .infinity && ScalarMath.exponential(-746) == 0)
        #expect(ScalarMath.exponential(.nan).isNaN)
        #expect(ScalarMath.power(10, -2.5) / pow(10, -2.5) - 1 < 1e-14)
    }

    @Test("ln Γ agrees with the system's", arguments: [1e-3, 0.1, 0.5, 0.9, 1, 1.5, 2, 3.3, 10, 57.3, 1_000])
    func logGamma(x: Double) {
        #expect(abs(ScalarMath.logGamma(x) - lgamma(x)) <= 2e-13 * max(1, abs(lgamma(x))))
    }

    @Test(
        "the incomplete beta function is the integral of its density, and the quantile its inverse",
        arguments: [(1, 1), (2, 5), (0.5, 0.3), (8, 0.7), (40, 60)])
    func beta(a: Double, b: Double) {
        let beta = BetaDistribution(a: a, b: b)
        for p in [0, 1e-9, 0.01, 0.2, 0.5, 0.77, 0.999, 1] {
            let x = beta.quantile(p)
            #expect((0...1).contains(x))
            #expect(abs(beta.cumulative(x) - p) < 1e-9, "p \(p), x \(x)")
        }
        // By Simpson's rule, inside, where the density is smooth.
        let (low, high) = (0.2, 0.7)
        let factor = exp(lgamma(a + b) - lgamma(a) - lgamma(b))
        func density(_ x: Double) -> Double { factor * pow(x, a - 1) * pow(1 - x, b - 1) }
        let h = (high - low) / 2_000
        var sum = density(low) + density(high)
        for i in 1..<2_000 { sum += density(low + Double(i) * h) * (i % 2 == 1 ? 4 : 2) }
        #expect(abs(sum * h / 3 - (beta.cumulative(high) - beta.cumulative(low))) < 1e-10)
    }
}
