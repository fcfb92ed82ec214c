import DataLoading

/// How often a network is wrong, and between which rates the true one lies with 95 % confidence.
package struct ErrorRate: Codable, Sendable, Equatable {
    package let wrongCount: Int
    package let sampleCount: Int
    package let rate: Double
    package let low: Double
    package let high: Double

    /// Wilson's interval: `(p + z²/2n ± z √(p (1 − p) / n + z²/4n²)) / (1 + z²/n)`.
    package init(wrongCount: Int, of sampleCount: Int) {
        precondition(
            sampleCount > 0 && (0...sampleCount).contains(wrongCount), "ErrorRate: \(wrongCount) of \(sampleCount)")
        // The normal distribution's quantile at 97.5 %.
        let z = 1.959_963_984_540_054
        let (n, p) = (Double(sampleCount), Double(wrongCount) / Double(sampleCount))
        let centre = p + z * z / (2 * n)
        let reach = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        let scale = 1 + z * z / n
        self.wrongCount = wrongCount
        self.sampleCount = sampleCount
        rate = p
        // None and all are ends in themselves, whatever the rounding.
        low = wrongCount == 0 ? 0 : max(0, (centre - reach) / scale)
        high = wrongCount == sampleCount ? 1 : min(1, (centre + reach) / scale)
    }
}

/// The errors on samples that have something in common, such as their writer.
package struct GroupError: Codable, Sendable, Equatable {
    /// As the data number it.
    package let group: Int
    package let error: ErrorRate

    /// One for each value among `groups`, ascending.
    ///
    /// - Parameters:
    ///   - groups: By sample.
    ///   - isWrong: By sample.
    package static func all(groups: [Int32], isWrong: [Bool]) -> [GroupError] {
        precondition(groups.count == isWrong.count, "GroupError: \(groups.count) groups of \(isWrong.count) samples")
        var counts: [Int32: (wrong: Int, all: Int)] = [:]
        for (group, isWrong) in zip(groups, isWrong) {
            counts[group, default: (0, 0)].all += 1
            if isWrong { counts[group, default: (0, 0)].wrong += 1 }
        }
        return counts.sorted { $0.key < $1.key }.map {
            GroupError(group: Int($0.key), error: ErrorRate(wrongCount: $0.value.wrong, of: $0.value.all))
        }
    }
}

/// How a network's errors spread over the writers of the samples.
package struct WriterErrors: Codable, Sendable, Equatable {
    package let writerCount: Int
    /// Of the writers' rates, each counting once.
    package let mean: Double
    /// Of the writers' rates at 25, 50 and 75 %, between neighbours by their distance.
    package let quartiles: [Double]
    /// Those whose rate is surely highest (`ErrorRate.low`), at most ten: one wrong digit of one proves little.
    package let worst: [GroupError]

    package static let worstCount = 10

    /// `writers` has one at least.
    package init(_ writers: [GroupError]) {
        let rates = writers.map(\.error.rate).sorted()
        writerCount = writers.count
        mean = rates.reduce(0, +) / Double(rates.count)
        quartiles = [0.25, 0.5, 0.75].map { share in
            let place = share * Double(rates.count - 1)
            let below = Int(place)
            let above = min(below + 1, rates.count - 1)
            return rates[below] + (place - Double(below)) * (rates[above] - rates[below])
        }
        let order = writers.filter { $0.error.wrongCount > 0 }.sorted {
            ($1.error.low, $0.group) < ($0.error.low, $1.group)
        }
        worst = Array(order.prefix(Self.worstCount))
    }
}
