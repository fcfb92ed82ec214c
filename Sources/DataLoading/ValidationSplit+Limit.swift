import Errors
import Randomness

extension ValidationSplit {
    /// How many samples are trained on.
    package enum Limit: Sendable, Equatable {
        case count(Int)
        /// Of what is not held out, rounded down, one at least.
        case fraction(Double)

        package func count(of available: Int) -> Int {
            switch self {
            case .count(let count): min(count, available)
            // `nextUp` as for the held-out part.
            case .fraction(let fraction): min(max(Int((fraction * Double(available)).nextUp), 1), available)
            }
        }
    }

    /// With fewer samples to train on, and the same held out: the first of a permutation keyed by `seed`, so that a smaller
    /// number's samples are among a greater one's. With `labels`, those of all samples, the same share of every class, each
    /// class's first ones.
    package func limited(to limit: Limit, seed: UInt64, labels: [UInt8]? = nil) throws -> ValidationSplit {
        if case .count(let wanted) = limit, wanted > train.count {
            throw Failure(.data, "--samples \(wanted): there are \(grouped(train.count)) samples to train on")
        }
        let kept = limit.count(of: train.count)
        // Another stream than the one that holds samples out.
        let order = permutation(
            count: train.count, random: KeyedRandom(seed: seed, purpose: .validationSplit, subject: 1))
        var isKept = [Bool](repeating: false, count: train.count)
        if let labels {
            var shares = Self.shares(of: train.map { labels[Int($0)] }, total: kept)
            for place in order {
                let label = Int(labels[Int(train[Int(place)])])
                guard shares[label] > 0 else { continue }
                shares[label] -= 1
                isKept[Int(place)] = true
            }
        } else {
            for place in order.prefix(kept) { isKept[Int(place)] = true }
        }
        return ValidationSplit(train: train.indices.filter { isKept[$0] }.map { train[$0] }, validation: validation)
    }

    /// Of each class, how many of `total` samples are its share of `labels`. Where shares are not whole, the classes with the
    /// greatest remainders give one more (of equal ones the first).
    static func shares(of labels: [UInt8], total: Int) -> [Int] {
        var counts = [Int](repeating: 0, count: 256)
        for label in labels { counts[Int(label)] += 1 }
        // Whole numbers: share = total · count / all.
        var shares = counts.map { labels.isEmpty ? 0 : total * $0 / labels.count }
        let remainders = counts.map { labels.isEmpty ? 0 : total * $0 % labels.count }
        let order = remainders.indices.sorted { (remainders[$0], $1) > (remainders[$1], $0) }
        for label in order.prefix(total - shares.reduce(0, +)) { shares[label] += 1 }
        return shares
    }
}
