import Randomness

/// Whether two classifiers err equally often on the same samples, by those of which just one is right.
package struct McNemarTest: Codable, Sendable, Equatable {
    package enum Method: String, Codable, Sendable {
        /// The binomial distribution, two-sided.
        case exact = "exact binomial"
        /// (|b − c| − 1)² / (b + c) after Edwards, 0 where b = c; the χ² distribution with one degree of freedom.
        case corrected = "χ², continuity-corrected"
    }

    /// Samples that only the first, or only the second, has right.
    package let onlyFirst: Int
    package let onlySecond: Int
    package let method: Method
    package let statistic: Double?
    package let p: Double

    /// Below so many samples of which just one is right the test is exact.
    package static let exactLimit = 25

    package init(onlyFirst: Int, onlySecond: Int) {
        precondition(onlyFirst >= 0 && onlySecond >= 0, "McNemarTest: \(onlyFirst) and \(onlySecond) samples")
        (self.onlyFirst, self.onlySecond) = (onlyFirst, onlySecond)
        let count = onlyFirst + onlySecond
        if count < Self.exactLimit {
            method = .exact
            statistic = nil
            // Whole numbers up to 2²⁴: exact.
            var coefficient = 1
            var sum = 0
            for k in 0...min(onlyFirst, onlySecond) {
                sum += coefficient
                coefficient = coefficient * (count - k) / (k + 1)
            }
            p = min(1, 2 * Double(sum) / Double(1 << count))
        } else {
            method = .corrected
            let difference = Double(max(abs(onlyFirst - onlySecond) - 1, 0))
            let statistic = difference * difference / Double(count)
            self.statistic = statistic
            p = min(1, 2 * NormalDistribution.cumulative(-statistic.squareRoot()))
        }
    }

    package init(firstIsRight: [Bool], secondIsRight: [Bool]) {
        precondition(
            firstIsRight.count == secondIsRight.count,
            "McNemarTest: \(firstIsRight.count) and \(secondIsRight.count) samples")
        let pairs = zip(firstIsRight, secondIsRight)
        self.init(onlyFirst: pairs.count { $0 && !$1 }, onlySecond: pairs.count { !$0 && $1 })
    }
}
