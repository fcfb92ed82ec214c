import Foundation
import Randomness
import Testing

@Suite("Normal distribution function")
struct NormalCumulativeTests {
    @Test("agrees with the system's error function") func cumulative() {
        for step in -380...380 {
            let x = Double(step) / 10 + 0.013
            let expected = erfc(-x / 2.0.squareRoot()) / 2
            let found = NormalDistribution.cumulative(x)
            // Where it is small its own digits count; the system's argument is rounded there.
            #expect(
                abs(found - expected) <= max(expected * 1e-12 * max(1, x * x / 100), .leastNonzeroMagnitude),
                "Φ(\(x)): \(found), \(expected)")
        }
        #expect(NormalDistribution.cumulative(-50) == 0 && NormalDistribution.cumulative(50) == 1)
        #expect(NormalDistribution.cumulative(0) == 0.5)
    }

    @Test("is the inverse of the quantile") func inverse() {
        for p in [1e-200, 1e-15, 0.001, 0.3, 0.5, 0.8, 0.999_9] {
            let found = NormalDistribution.cumulative(NormalDistribution.quantile(p))
            #expect(abs(found / p - 1) < 1e-11, "\(p): \(found)")
        }
    }
}
