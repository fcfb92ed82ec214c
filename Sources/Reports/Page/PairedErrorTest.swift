import Numerics

/// Student's paired t test of two networks' squared errors on the same samples: how likely equally good ones differ so much.
package struct PairedErrorTest: Codable, Sendable, Equatable {
    /// Mean over the samples of the second's squared error − the first's: below 0 where the second is better.
    package let meanDifference: Double
    /// `meanDifference` over its standard error, with one degree of freedom fewer than samples; nil where all differences are
    /// the same.
    package let t: Double?
    /// Two-sided.
    package let p: Double

    /// - Parameter differences: Of the squared errors, by sample; two at least.
    package init(_ differences: [Double]) {
        precondition(differences.count >= 2, "PairedErrorTest: \(differences.count) differences")
        let count = Double(differences.count)
        let mean = differences.reduce(0, +) / count
        let variance = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
        meanDifference = mean
        guard variance > 0 else {
            (t, p) = (nil, mean == 0 ? 1 : 0)
            return
        }
        let t = mean / (variance / count).squareRoot()
        self.t = t
        // P(|T| ≥ t) = I(ν / (ν + t²); ν / 2, ½).
        p = BetaDistribution(a: (count - 1) / 2, b: 0.5).cumulative((count - 1) / (count - 1 + t * t))
    }
}
