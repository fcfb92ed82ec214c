import Communication
import Tensors

/// How often values of a tensor lie in each of many ranges.
package struct TensorHistogram: Sendable, Equatable {
    package struct Bucket: Sendable, Equatable {
        package let low: Double
        package let high: Double
        package let count: Int
    }

    /// Such as `weights/0.weight`.
    package let name: String
    /// Ascending and without gaps; those at both ends are not empty.
    package let buckets: [Bucket]
}

/// Counts the floats of tensors by sign, exponent and the first two bits behind it: whole numbers, which do not depend on who
/// counted what.
final class HistogramCounts {
    /// Ranges of one sign.
    private static let half = 1 << 10
    private static let shift: UInt32 = 21

    /// Whether `add` counts.
    var isOn = false
    private let entries: [ParameterLayout.Entry]
    /// `[entry, range]`; a range is the upper 11 bits of a float.
    private var counts: [UInt32]

    init(_ layout: ParameterLayout) {
        entries = layout.entries
        counts = [UInt32](repeating: 0, count: entries.count * 2 * Self.half)
    }

    /// Counts a part of the flat buffer, whose first float is at `values`.
    func add(_ range: Range<Int>, _ values: UnsafePointer<Float>) {
        guard isOn else { return }
        for (number, entry) in entries.enumerated() where entry.range.overlaps(range) {
            let first = number * 2 * Self.half
            for index in entry.range.clamped(to: range) {
                counts[first + Int(values[index - range.lowerBound].bitPattern >> Self.shift)] += 1
            }
        }
    }

    /// What all workers have counted, which begins anew. Collective.
    func take(_ prefix: String, _ communicator: borrowing Communicator) throws -> [TensorHistogram] {
        let all = try communicator.allGather(counts)
        for index in counts.indices { counts[index] = 0 }
        isOn = false
        guard communicator.rank == 0 else { return [] }
        return entries.indices.map { number in
            let first = number * 2 * Self.half
            let sums = (first..<first + 2 * Self.half).map { index in all.reduce(0) { $0 + Int($1[index]) } }
            return TensorHistogram(name: "\(prefix)/\(entries[number].name)", buckets: Self.buckets(sums))
        }
    }

    /// From the most negative to the greatest, runs of empty ranges as one. What is not finite is left out.
    private static func buckets(_ sums: [Int]) -> [TensorHistogram.Bucket] {
        func edge(_ index: Int) -> Double {
            Double(min(Float(bitPattern: UInt32(index) << shift), .greatestFiniteMagnitude))
        }
        let finite = 0..<half - 4
        let negative = finite.reversed().map {
            TensorHistogram.Bucket(low: -edge($0 + 1), high: -edge($0), count: sums[half + $0])
        }
        let positive = finite.map { TensorHistogram.Bucket(low: edge($0), high: edge($0 + 1), count: sums[$0]) }
        let all = negative + positive
        guard let first = all.firstIndex(where: { $0.count > 0 }), let last = all.lastIndex(where: { $0.count > 0 })
        else { return [] }
        var buckets: [TensorHistogram.Bucket] = []
        for bucket in all[first...last] {
            if bucket.count == 0, let before = buckets.last, before.count == 0 {
                buckets[buckets.count - 1] = TensorHistogram.Bucket(low: before.low, high: bucket.high, count: 0)
            } else {
                buckets.append(bucket)
            }
        }
        return buckets
    }
}
