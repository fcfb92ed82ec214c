/// wandb's early termination after Li et al. 2017, "Hyperband": at certain iterations, the bands, a trial goes on only
/// while
/// it is among the best 1/eta. An iteration is one value of the metric: an epoch.
package struct Hyperband: Hashable, Sendable {
    /// Ascending numbers of iterations.
    package let bands: [Int]
    package let eta: Double
    /// Whether a trial is judged by its value at the band; otherwise by its best so far.
    package let isStrict: Bool

    /// Bands from `minimum` up, each `eta` times the one before.
    package init(minimum: Int, eta: Double = 3, isStrict: Bool = true) {
        precondition(minimum >= 1 && eta > 1, "Hyperband: from \(minimum) by \(eta)")
        var bands: [Int] = []
        var band = Double(minimum)
        // Nobody trains 2³¹ epochs.
        while bands.count < 100 && band < 0x1p31 {
            bands.append(Int(band))
            band *= eta
        }
        self.bands = bands
        self.eta = eta
        self.isStrict = isStrict
    }

    /// `count` bands below `maximum`, each the one after it divided by `eta`; nil where none is left.
    package init?(maximum: Int, count: Int, eta: Double = 3, isStrict: Bool = true) {
        precondition(maximum >= 1 && eta > 1, "Hyperband: to \(maximum) by \(eta)")
        var bands: [Int] = []
        var band = Double(maximum) / eta
        while bands.count < count && band >= 1 {
            bands.append(Int(band))
            band /= eta
        }
        guard !bands.isEmpty else { return nil }
        self.bands = bands.reversed()
        self.eta = eta
        self.isStrict = isStrict
    }

    /// Whether a trial stops after the last value of `history`.
    ///
    /// - Parameters:
    ///   - history: Its values so far, smaller is better.
    ///   - others: Those of the trials that it is compared with; it is counted among them.
    package func stops(_ history: [Double], others: [[Double]]) -> Bool {
        let own = history.filter(\.isFinite)
        guard let band = bands.last(where: { $0 <= own.count }) else { return false }
        let all = others.map { $0.filter(\.isFinite) } + [own]
        let values = all.filter { $0.count >= band }.map { $0[band - 1] }.sorted()
        let threshold = values[Int(1 / eta * Double(values.count))]
        return (isStrict ? own[band - 1] : own.min()!) > threshold
    }
}
