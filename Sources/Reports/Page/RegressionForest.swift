import Randomness

/// A random forest (Breiman 2001) that explains numbers by the features of their rows, and what each feature is worth to it.
///
/// Each tree grows on a bootstrap sample; a split takes the feature, of a third of them drawn by chance, that leaves the
/// least squared error. Random numbers are keyed by (seed, tree, draw): the same rows give the same forest anywhere.
package struct RegressionForest: Sendable {
    package enum Feature: Sendable {
        /// By row; NaN where the row has none, which is less than all numbers.
        case number([Double])
        /// By row a number from 0; −1 where the row has none. A split sorts them by their means.
        case choice([Int])
    }

    /// Of one feature.
    package struct Importance: Codable, Sendable, Equatable {
        /// By how much the squared error of the rows that a tree has not seen grows when the feature's values are permuted
        /// among them, in units of the target's variance: mean over the trees.
        package let value: Double
        /// Of that mean.
        package let standardError: Double
    }

    package let importances: [Importance]
    /// 1 − squared error / variance of the rows, each predicted by the trees that have not seen it; nil where all rows have
    /// one value.
    package let explained: Double?

    package static let treeCount = 100
    private static let leafSize = 3

    private enum Node: Sendable {
        case leaf(Double)
        /// Rows with a number up to `threshold`, or one of the choices `left`, go to `low`.
        case split(feature: Int, threshold: Double, left: Set<Int>, low: Int, high: Int)
    }

    package init(_ features: [Feature], target: [Double], seed: UInt64 = 1) {
        let count = target.count
        precondition(count >= 2 && !features.isEmpty, "RegressionForest: \(count) rows, \(features.count) features")
        let mean = target.reduce(0, +) / Double(count)
        let variance = target.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
        var increases = [[Double]](repeating: [], count: features.count)
        var sums = [Double](repeating: 0, count: count)
        var votes = [Int](repeating: 0, count: count)
        for tree in 0..<Self.treeCount where variance > 0 {
            var random = RandomSequence(
                KeyedRandom(seed: seed, purpose: .importance, epoch: 0, subject: UInt64(tree)))
            var isSeen = [Bool](repeating: false, count: count)
            let rows = (0..<count).map { _ in
                let row = Int(random.next(below: UInt32(count)))
                isSeen[row] = true
                return row
            }
            var growth = Growth(features: features, target: target, random: random)
            growth.grow(rows)
            let rest = (0..<count).filter { !isSeen[$0] }
            guard rest.count > 1 else { continue }
            let own = rest.map { row in growth.predict { features[$0].code(row) } }
            for (row, value) in zip(rest, own) {
                sums[row] += value
                votes[row] += 1
            }
            let error = zip(rest, own).reduce(0) { $0 + (target[$1.0] - $1.1) * (target[$1.0] - $1.1) }
            for feature in features.indices {
                var places = (0..<Int32(rest.count)).map { $0 }
                shuffle(
                    &places,
                    random: KeyedRandom(
                        seed: seed, purpose: .importance, epoch: UInt64(feature + 1), subject: UInt64(tree)))
                var permuted = 0.0
                for (place, row) in rest.enumerated() {
                    let value = growth.predict { other in
                        features[other].code(other == feature ? rest[Int(places[place])] : row)
                    }
                    permuted += (target[row] - value) * (target[row] - value)
                }
                increases[feature].append((permuted - error) / Double(rest.count) / variance)
            }
        }
        importances = increases.map { values in
            guard values.count > 1 else { return Importance(value: 0, standardError: 0) }
            let mean = values.reduce(0, +) / Double(values.count)
            let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            return Importance(
                value: mean,
                standardError: (squares / Double(values.count - 1) / Double(values.count)).squareRoot())
        }
        let voted = (0..<count).filter { votes[$0] > 0 }
        let error = voted.reduce(0.0) { sum, row in
            let difference = target[row] - sums[row] / Double(votes[row])
            return sum + difference * difference
        }
        explained = variance > 0 && !voted.isEmpty ? 1 - error / Double(voted.count) / variance : nil
    }

    /// One tree while it grows.
    private struct Growth {
        let features: [Feature]
        let target: [Double]
        var random: RandomSequence
        var nodes: [Node] = []

        mutating func grow(_ rows: [Int]) {
            nodes = [.leaf(0)]
            grow(rows, at: 0)
        }

        private mutating func grow(_ rows: [Int], at node: Int) {
            nodes[node] = .leaf(rows.reduce(0) { $0 + target[$1] } / Double(rows.count))
            guard rows.count >= 2 * RegressionForest.leafSize else { return }
            var best: (feature: Int, split: Split)?
            for feature in drawn() {
                guard let split = bestSplit(feature, rows), split.gain > best?.split.gain ?? 1e-12 else { continue }
                best = (feature, split)
            }
            guard let (feature, split) = best else { return }
            let isLow = rows.map { split.takes(features[feature].code($0), isChoice: features[feature].isChoice) }
            let low = nodes.count
            nodes += [.leaf(0), .leaf(0)]
            nodes[node] = .split(
                feature: feature, threshold: split.threshold, left: split.left, low: low, high: low + 1)
            grow(zip(rows, isLow).filter(\.1).map(\.0), at: low)
            grow(zip(rows, isLow).filter { !$0.1 }.map(\.0), at: low + 1)
        }

        /// A third of the features, at least one.
        private mutating func drawn() -> ArraySlice<Int> {
            var order = Array(features.indices)
            let count = max(1, (features.count + 2) / 3)
            for place in 0..<count {
                order.swapAt(place, place + Int(random.next(below: UInt32(order.count - place))))
            }
            return order[..<count]
        }

        struct Split {
            var gain: Double
            var threshold = -Double.infinity
            var left: Set<Int> = []

            func takes(_ code: Double, isChoice: Bool) -> Bool {
                isChoice ? left.contains(Int(code)) : code <= threshold
            }
        }

        private func bestSplit(_ feature: Int, _ rows: [Int]) -> Split? {
            let isChoice = features[feature].isChoice
            var keys = rows.map { features[feature].code($0) }
            var codes: [Int] = []
            if isChoice {
                // For squared errors the best partition lies along the order of means (Breiman et al. 1984).
                var sums: [Int: (sum: Double, count: Int)] = [:]
                for (row, key) in zip(rows, keys) {
                    sums[Int(key), default: (0, 0)].sum += target[row]
                    sums[Int(key), default: (0, 0)].count += 1
                }
                let means = sums.mapValues { $0.sum / Double($0.count) }
                codes = sums.keys.sorted { (means[$0]!, $0) < (means[$1]!, $1) }
                var ranks: [Int: Double] = [:]
                for (rank, code) in codes.enumerated() { ranks[code] = Double(rank) }
                keys = keys.map { ranks[Int($0)]! }
            }
            let order = rows.indices.sorted { (keys[$0], rows[$0], $0) < (keys[$1], rows[$1], $1) }
            let total = rows.reduce(0) { $0 + target[$1] }
            let count = Double(rows.count)
            var sum = 0.0
            var best: (place: Int, gain: Double)?
            for place in 0..<order.count - 1 {
                sum += target[rows[order[place]]]
                guard keys[order[place]] < keys[order[place + 1]], place + 1 >= RegressionForest.leafSize,
                    order.count - place - 1 >= RegressionForest.leafSize
                else { continue }
                let left = Double(place + 1)
                let gain = sum * sum / left + (total - sum) * (total - sum) / (count - left) - total * total / count
                if gain > best?.gain ?? 0 { best = (place, gain) }
            }
            guard let best else { return nil }
            let (low, high) = (keys[order[best.place]], keys[order[best.place + 1]])
            if isChoice { return Split(gain: best.gain, left: Set(codes[...Int(low)])) }
            return Split(gain: best.gain, threshold: low.isFinite ? low + (high - low) / 2 : low)
        }

        /// - Parameter code: The row's value of a feature.
        func predict(code: (Int) -> Double) -> Double {
            var node = 0
            while true {
                switch nodes[node] {
                case .leaf(let value): return value
                case .split(let feature, let threshold, let left, let low, let high):
                    let key = code(feature)
                    let isLow = features[feature].isChoice ? left.contains(Int(key)) : key <= threshold
                    node = isLow ? low : high
                }
            }
        }
    }
}

extension RegressionForest.Feature {
    fileprivate var isChoice: Bool {
        if case .choice = self { true } else { false }
    }

    /// A number's value, or a choice's.
    fileprivate func code(_ row: Int) -> Double {
        switch self {
        case .number(let values): values[row].isNaN ? -.infinity : values[row]
        case .choice(let values): Double(values[row])
        }
    }
}
