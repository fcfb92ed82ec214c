/// How the grains of a batch are divided among workers: contiguous runs in the order of ranks. No bit depends on it.
package struct GrainDivision: Hashable, Sendable {
    package let workerCount: Int
    /// By worker, what a grain costs it, in any unit; empty for the even division.
    package let costs: [Double]
    /// Neighbours whose grains together begin at multiples of `unit`, as far as that leaves nobody idle.
    package let groups: [Range<Int>]
    package let unit: Int

    /// Balanced to one grain (`GrainPartition.grains`).
    package static func even(_ workerCount: Int) -> GrainDivision {
        GrainDivision(workerCount: workerCount, costs: [], groups: [], unit: 1)
    }

    /// The worker that is last is done as early as can be, and none is idle where there are enough grains. Worker 0 always has
    /// one.
    package init(costs: [Double], groups: [Range<Int>] = [], unit: Int = 1) {
        precondition(
            !costs.isEmpty && costs.allSatisfy { $0 > 0 && $0.isFinite } && unit > 0,
            "GrainDivision: costs \(costs), unit \(unit)")
        precondition(groups.isEmpty || Array(groups.joined()) == Array(costs.indices), "GrainDivision: \(groups)")
        self.init(workerCount: costs.count, costs: costs, groups: groups, unit: unit)
    }

    private init(workerCount: Int, costs: [Double], groups: [Range<Int>], unit: Int) {
        (self.workerCount, self.costs, self.groups, self.unit) = (workerCount, costs, groups, unit)
    }

    package var isEven: Bool { costs.isEmpty }

    /// The same without groups.
    package var ungrouped: GrainDivision { isEven ? self : GrainDivision(costs: costs) }

    /// By worker.
    package func runs(grainCount: Int) -> [Range<Int>] {
        guard !isEven else {
            let partition = GrainPartition(sampleCount: grainCount, grainSize: 1)
            return (0..<workerCount).map { partition.grains(of: $0, size: workerCount) }
        }
        var begin = 0
        return counts(grainCount).map { count in
            defer { begin += count }
            return begin..<begin + count
        }
    }

    /// The maximal subtrees of the canonical tree in each worker's grains.
    package func nodes(grainCount: Int) -> [[CanonicalTree.Node]] {
        runs(grainCount: grainCount).map { CanonicalTree.maximalNodes(in: $0, grainCount: grainCount) }
    }

    private func counts(_ grainCount: Int) -> [Int] {
        let free = Self.counts(grainCount, costs)
        guard unit > 1, groups.count > 1 else { return free }
        // A group is as fast as its workers together.
        let groupCosts = groups.map { 1 / costs[$0].reduce(0) { $0 + 1 / $1 } }
        let units = Self.counts((grainCount + unit - 1) / unit, groupCosts)
        var (begin, counts) = (0, [Int]())
        for (group, count) in zip(groups, units) {
            let grains = min(count * unit, grainCount - begin)
            guard grains >= group.count else { return free }
            counts += Self.counts(grains, Array(costs[group]))
            begin += grains
        }
        return counts
    }

    /// How many of `count` equal pieces each gets whom one piece costs so much: one after the other to whom is done with it first,
    /// which makes the last as early as can be.
    private static func counts(_ count: Int, _ costs: [Double]) -> [Int] {
        guard count >= costs.count else { return dealt(count, costs, begin: costs.indices.map { $0 == 0 ? 1 : 0 }) }
        // Nobody is done earlier than if pieces could be cut.
        let ideal = Double(count) / costs.reduce(0) { $0 + 1 / $1 }
        let certain = costs.map { max(1, Int(ideal / $0)) }
        return dealt(count, costs, begin: certain.reduce(0, +) <= count ? certain : costs.map { _ in 1 })
    }

    private static func dealt(_ count: Int, _ costs: [Double], begin: [Int]) -> [Int] {
        var counts = count == 0 ? costs.map { _ in 0 } : begin
        for _ in 0..<count - counts.reduce(0, +) {
            var next = 0
            for worker in costs.indices
            where Double(counts[worker] + 1) * costs[worker] < Double(counts[next] + 1) * costs[next] { next = worker }
            counts[next] += 1
        }
        return counts
    }
}
