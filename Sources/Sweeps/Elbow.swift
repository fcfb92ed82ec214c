/// The elbow of an error curve over the size of a bottleneck, an estimate of the data's intrinsic dimension.
///
/// Kneedle (Satopää et al. 2011) for a falling convex curve: both axes scaled to 0 … 1, the size by its logarithm, the
/// point farthest below the chord from the first to the last point.
package enum Elbow {
    /// - Parameter points: (size, error), at least three, with positive and different sizes.
    package static func index(of points: [(size: Double, error: Double)]) -> Int? {
        guard points.count >= 3, points.allSatisfy({ $0.size > 0 }) else { return nil }
        let order = points.indices.sorted { points[$0].size < points[$1].size }
        let (first, last) = (points[order[0]], points[order[order.count - 1]])
        guard first.error > last.error, last.size > first.size else { return nil }
        let (low, high) = (binaryLogarithm(first.size), binaryLogarithm(last.size))
        var best: (index: Int, depth: Double)?
        for index in order {
            let x = (binaryLogarithm(points[index].size) - low) / (high - low)
            let y = (points[index].error - last.error) / (first.error - last.error)
            let depth = 1 - x - y
            if depth > best?.depth ?? 0 { best = (index, depth) }
        }
        return best?.index
    }

    /// Bit by bit, by squaring: without libm, to 2⁻⁴⁰.
    package static func binaryLogarithm(_ x: Double) -> Double {
        precondition(x > 0 && x.isFinite, "Elbow: the logarithm of \(x)")
        var result = Double(x.exponent)
        var significand = x.significand
        var bit = 0.5
        for _ in 0..<40 {
            significand *= significand
            if significand >= 2 {
                significand /= 2
                result += bit
            }
            bit /= 2
        }
        return result
    }

    /// A sentence for a sweep that varies the bottleneck alone (and seeds) and minimizes an error.
    static func intrinsicDimension(_ plan: SweepPlan, _ groups: [[TrialRecord]]) -> String? {
        guard plan.varying.filter({ $0 != "seed" }) == ["bottleneck"], !plan.definition.metric.isMaximized else {
            return nil
        }
        func elbow(_ error: (TrialRecord) -> Double?) -> String? {
            let points = groups.compactMap { group -> (size: Double, error: Double)? in
                guard let size = group[0].trial.value(of: "bottleneck")?.number,
                    let mean = Statistics(group.compactMap(error))?.mean
                else { return nil }
                return (size, mean)
            }
            return index(of: points).map { "\(Int(points[$0].size))" }
        }
        guard let own = elbow(\.value) else { return nil }
        let baseline = elbow { $0.measures["pcaTestLoss"] }.map { ", that of PCA's curve at \($0)" } ?? ""
        return "Estimate of the intrinsic dimension: the error curve has its elbow at bottleneck \(own)\(baseline)."
    }
}
