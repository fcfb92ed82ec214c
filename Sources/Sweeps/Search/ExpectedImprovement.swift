import Numerics
import Randomness

/// ln of the improvement on a value that is to be expected at a place: ln σ + ln h(z) with z = (best − μ) / σ and
/// h(z) = φ(z) + z Φ(z). In logarithms it has a slope where improvement is as good as impossible (Ament et al. 2023).
package struct ExpectedImprovement {
    let process: GaussianProcess
    /// The least value so far.
    let best: Double

    package init(process: GaussianProcess, best: Double) {
        self.process = process
        self.best = best
    }

    package func callAsFunction(_ x: [Double]) -> Double {
        let (mean, variance) = process.predict(x)
        let deviation = variance.squareRoot()
        return Self.logarithm((best - mean) / deviation).value + ScalarMath.naturalLogarithm(deviation)
    }

    /// Also its derivatives by the coordinates of `free`.
    package func callAsFunction(_ x: [Double], free: [Int], gradient: inout [Double]) -> Double {
        var ofMean = [Double](repeating: 0, count: x.count)
        var ofVariance = ofMean
        let (mean, variance) = process.predict(x, free: free, meanGradient: &ofMean, varianceGradient: &ofVariance)
        let deviation = variance.squareRoot()
        let z = (best - mean) / deviation
        let (value, slope) = Self.logarithm(z)
        for k in free {
            let ofDeviation = ofVariance[k] / (2 * deviation)
            gradient[k] = slope * -(ofMean[k] + z * ofDeviation) / deviation + ofDeviation / deviation
        }
        return value + ScalarMath.naturalLogarithm(deviation)
    }

    /// ln h(z) and its derivative Φ(z) / h(z).
    package static func logarithm(_ z: Double) -> (value: Double, slope: Double) {
        guard z < -2 else {
            let cumulative = NormalDistribution.cumulative(z)
            let h = NormalDistribution.density(z) + z * cumulative
            return (ScalarMath.naturalLogarithm(h), cumulative / h)
        }
        // h(z) = φ(z) K / (K − z) with the tail's continued fraction K: no difference of nearly equal numbers.
        let fraction = NormalDistribution.tailFraction(-z)
        return (
            -0.5 * z * z - 0.918_938_533_204_672_74 + ScalarMath.naturalLogarithm(fraction / (fraction - z)),
            1 / fraction
        )
    }
}
