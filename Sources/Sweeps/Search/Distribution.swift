import Numerics
import Randomness

/// A distribution of numbers: wandb's, which draws a value as the quantile of a uniform number.
package struct Distribution: Hashable, Sendable {
    package enum Family: Hashable, Sendable {
        /// Every whole number from `min` to `max`.
        case whole(min: Int, max: Int)
        case uniform(min: Double, max: Double)
        /// `min` and `max` are natural logarithms.
        case logUniform(min: Double, max: Double)
        case normal(mean: Double, deviation: Double)
        /// Of the logarithm: `mean` and `deviation`.
        case logNormal(mean: Double, deviation: Double)
        case beta(BetaDistribution)
    }

    package let family: Family
    /// Values are rounded to multiples of it, half to even.
    package let step: Double?

    package init(_ family: Family, step: Double? = nil) {
        self.family = family
        self.step = step
    }

    /// Whether all values are whole numbers.
    package var isWhole: Bool {
        if case .whole = family { return true }
        return step.map { $0 == $0.rounded() } ?? false
    }

    /// The value at a place u from 0 to 1: the quantile, rounded.
    package func value(at u: Double) -> Double {
        let value = quantile(u)
        guard let step else { return value }
        return (value / step).rounded(.toNearestOrEven) * step
    }

    /// The place from 0 to 1 of a value: where it lies in the distribution; of a whole number the middle of its cell.
    package func place(of value: Double) -> Double {
        let place =
            switch family {
            case .whole(let min, let max): (value - Double(min) + 0.5) / (Double(max) - Double(min) + 1)
            case .uniform(let min, let max): (value - min) / (max - min)
            case .logUniform(let min, let max): (ScalarMath.naturalLogarithm(value) - min) / (max - min)
            case .normal(let mean, let deviation): NormalDistribution.cumulative((value - mean) / deviation)
            case .logNormal(let mean, let deviation):
                NormalDistribution.cumulative((ScalarMath.naturalLogarithm(value) - mean) / deviation)
            case .beta(let beta): beta.cumulative(value)
            }
        // The logarithm of a value below 0 is NaN: it is farther left than all others.
        return place >= 0 ? min(place, 1) : 0
    }

    private func quantile(_ u: Double) -> Double {
        switch family {
        case .whole(let min, let max):
            let count = Double(max) - Double(min) + 1
            return Swift.min(Double(min) + (u * count).rounded(.down), Double(max))
        case .uniform(let min, let max): return min + u * (max - min)
        case .logUniform(let min, let max): return ScalarMath.exponential(min + u * (max - min))
        case .normal(let mean, let deviation): return mean + deviation * Self.standardNormal(u)
        case .logNormal(let mean, let deviation):
            return ScalarMath.exponential(mean + deviation * Self.standardNormal(u))
        case .beta(let beta): return beta.quantile(u)
        }
    }

    /// Where the tails have no end they end at 2⁻⁵⁴.
    private static func standardNormal(_ u: Double) -> Double {
        NormalDistribution.quantile(min(max(u, 0x1p-54), 1 - 0x1p-53))
    }

    /// All values in ascending order, if there are at most `limit`; nil where there are more, or no end of them.
    package func values(limit: Int) -> [Double]? {
        switch (family, step) {
        case (.whole(let low, let high), nil):
            guard high.subtractingReportingOverflow(low).overflow == false, high - low < limit else { return nil }
            return (low...high).map(Double.init)
        case (.normal, _), (.logNormal, _), (_, nil): return nil
        case (_, let step?):
            let first = (quantile(0) / step).rounded(.toNearestOrEven)
            let last = (quantile(1) / step).rounded(.toNearestOrEven)
            guard last - first < Double(limit) else { return nil }
            return (0...Int(last - first)).map { (first + Double($0)) * step }
        }
    }
}
