/// Spearman's ρ: the correlation of ranks, where equal values share their mean rank.
package enum RankCorrelation {
    /// Nil below three pairs, or where one side is the same everywhere.
    package static func spearman(_ x: [Double], _ y: [Double]) -> Double? {
        precondition(x.count == y.count, "RankCorrelation: \(x.count) and \(y.count) values")
        guard x.count >= 3 else { return nil }
        let (a, b) = (ranks(x), ranks(y))
        let mean = Double(x.count + 1) / 2
        var (product, squareA, squareB) = (0.0, 0.0, 0.0)
        for (a, b) in zip(a, b) {
            product += (a - mean) * (b - mean)
            squareA += (a - mean) * (a - mean)
            squareB += (b - mean) * (b - mean)
        }
        guard squareA > 0, squareB > 0 else { return nil }
        return product / (squareA * squareB).squareRoot()
    }

    /// From 1.
    package static func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
        var ranks = [Double](repeating: 0, count: values.count)
        var first = 0
        while first < order.count {
            var last = first
            while last + 1 < order.count, values[order[last + 1]] == values[order[first]] { last += 1 }
            for place in first...last { ranks[order[place]] = Double(first + last) / 2 + 1 }
            first = last + 1
        }
        return ranks
    }
}
