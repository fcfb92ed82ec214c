import Training

/// A rate with the range that holds the true one with 95 % confidence.
package struct RateInterval: Codable, Sendable, Equatable {
    package let value: Double
    package let low: Double
    package let high: Double

    /// Wilson's; nil of nothing.
    package init?(_ count: Int, of total: Int) {
        guard total > 0 else { return nil }
        let rate = ErrorRate(wrongCount: count, of: total)
        (value, low, high) = (rate.rate, rate.low, rate.high)
    }

    private init(value: Double, low: Double, high: Double) { (self.value, self.low, self.high) = (value, low, high) }

    /// F1 = 2 J / (1 + J) rises with J, the share of true positives among the samples that have the class or were given
    /// it. J is a rate, so its Wilson interval becomes that of F1.
    static func f1(truePositives: Int, union: Int) -> RateInterval? {
        RateInterval(truePositives, of: union).map { share in
            func f1(_ share: Double) -> Double { 2 * share / (1 + share) }
            return RateInterval(value: f1(share.value), low: f1(share.low), high: f1(share.high))
        }
    }
}

/// What a confusion matrix says of one class.
package struct ClassScore: Codable, Sendable, Equatable {
    package let name: String
    /// Samples of the class, and samples that were taken for it.
    package let support: Int
    package let predictedCount: Int
    package let truePositives: Int
    /// Nil where nothing was taken for the class.
    package let precision: RateInterval?
    /// Nil where there is no sample of it.
    package let recall: RateInterval?
    /// Nil where there is neither.
    package let f1: RateInterval?

    /// - Parameter matrix: `[class, predicted]`, counts.
    package static func all(_ matrix: [[Int]], names: [String]) -> [ClassScore] {
        matrix.indices.map { index in
            let support = matrix[index].reduce(0, +)
            let predicted = matrix.reduce(0) { $0 + $1[index] }
            let right = matrix[index][index]
            return ClassScore(
                name: names[index], support: support, predictedCount: predicted, truePositives: right,
                precision: RateInterval(right, of: predicted), recall: RateInterval(right, of: support),
                f1: .f1(truePositives: right, union: support + predicted - right))
        }
    }
}

/// How well the probabilities of predictions agree with how often these are right.
package struct Calibration: Codable, Sendable, Equatable {
    package struct Bin: Codable, Sendable, Equatable {
        /// Confidences above `low`, up to `high`; 0 belongs to the first bin.
        package let low: Double
        package let high: Double
        package let count: Int
        package let meanConfidence: Double?
        package let accuracy: Double?
    }

    /// Of equal width.
    package static let binCount = 15

    package let bins: [Bin]
    /// Σ over bins of |accuracy − mean confidence| · count / samples.
    package let expectedError: Double
    /// The greatest of these differences.
    package let greatestError: Double

    /// Of at least one sample: the probability of the predicted class, and whether it is right.
    package init(confidences: [Double], isRight: [Bool]) {
        precondition(
            confidences.count == isRight.count && !confidences.isEmpty,
            "Calibration: \(confidences.count) confidences, \(isRight.count) outcomes")
        let edges = (0...Self.binCount).map { $0 == Self.binCount ? 1 : Double($0) * (1 / Double(Self.binCount)) }
        var counts = [Int](repeating: 0, count: Self.binCount)
        var rightCounts = counts
        var sums = [Double](repeating: 0, count: Self.binCount)
        for (confidence, isRight) in zip(confidences, isRight) {
            let bin = edges[1..<Self.binCount].count { $0 < confidence }
            counts[bin] += 1
            if isRight { rightCounts[bin] += 1 }
            sums[bin] += confidence
        }
        bins = (0..<Self.binCount).map { index in
            let count = counts[index]
            return Bin(
                low: edges[index], high: edges[index + 1], count: count,
                meanConfidence: count > 0 ? sums[index] / Double(count) : nil,
                accuracy: count > 0 ? Double(rightCounts[index]) / Double(count) : nil)
        }
        var expected = 0.0
        var greatest = 0.0
        for bin in bins {
            guard let confidence = bin.meanConfidence, let accuracy = bin.accuracy else { continue }
            expected += abs(accuracy - confidence) * Double(bin.count) / Double(confidences.count)
            greatest = max(greatest, abs(accuracy - confidence))
        }
        (expectedError, greatestError) = (expected, greatest)
    }
}
