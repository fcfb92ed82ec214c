import KernelContract
import Testing

@Suite("Grains divided among workers")
struct GrainDivisionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let costs: [Double]
        let grainCount: Int
        let expected: [Int]

        init(_ costs: [Double], _ grainCount: Int, _ expected: [Int]) {
            (self.costs, self.grainCount, self.expected) = (costs, grainCount, expected)
        }

        var testDescription: String { "\(grainCount) grains, costs \(costs)" }
    }

    @Test(arguments: [
        Case([1, 2], 6, [4, 2]), Case([1, 2], 16, [11, 5]), Case([2, 1, 1], 8, [2, 3, 3]),
        Case([1.0 / 3, 1, 1.0 / 2], 6, [3, 1, 2]), Case([1], 5, [5]), Case([1, 1, 1], 8, [3, 3, 2]),
        // Nobody is idle, and the first has a grain where not all have.
        Case([1, 100], 16, [15, 1]), Case([1, 100, 100], 3, [1, 1, 1]), Case([5, 1, 1], 2, [1, 1, 0]),
        Case([9, 3, 1], 2, [1, 0, 1]), Case([9, 1], 1, [1, 0]), Case([9, 1], 0, [0, 0]),
    ])
    func divisions(_ given: Case) {
        let runs = GrainDivision(costs: given.costs).runs(grainCount: given.grainCount)
        #expect(runs.map(\.count) == given.expected)
        #expect(runs.flatMap(Array.init) == Array(0..<given.grainCount))
    }

    @Test("the even division is that of a partition", arguments: 1...9)
    func even(workerCount: Int) {
        for grainCount in 0...33 {
            let partition = GrainPartition(sampleCount: 8 * grainCount, grainSize: 8)
            let division = GrainDivision.even(workerCount)
            #expect(
                division.runs(grainCount: grainCount)
                    == (0..<workerCount).map { partition.grains(of: $0, size: workerCount) })
        }
    }

    /// All ways to give every worker at least one grain.
    private static func leastTime(_ costs: ArraySlice<Double>, _ grainCount: Int) -> Double {
        guard costs.count > 1 else { return Double(grainCount) * costs.first! }
        return (1...grainCount - costs.count + 1).reduce(.infinity) {
            min($0, max(Double($1) * costs.first!, leastTime(costs.dropFirst(), grainCount - $1)))
        }
    }

    @Test("no division is done earlier", arguments: 1...4)
    func optimum(workerCount: Int) {
        let values = [1.0, 1.1, 1.5, 2, 3.7, 40]
        for choice in 0..<Int(values.count * values.count * values.count * values.count) {
            var rest = choice
            let costs = (0..<workerCount).map { _ in
                defer { rest /= values.count }
                return values[rest % values.count]
            }
            guard rest == 0 else { continue }
            for grainCount in [workerCount, 5, 8, 13] where grainCount >= workerCount {
                let runs = GrainDivision(costs: costs).runs(grainCount: grainCount)
                let time = zip(runs, costs).map { Double($0.count) * $1 }.max()!
                let least = Self.leastTime(costs[...], grainCount)
                #expect(time <= least * (1 + 1e-12), "\(costs), \(grainCount): \(runs.map(\.count))")
                #expect(runs.allSatisfy { !$0.isEmpty } && runs.flatMap(Array.init) == Array(0..<grainCount))
            }
        }
    }

    @Test("groups begin at multiples of the unit", arguments: [1, 2, 4, 8])
    func groups(unit: Int) {
        let groups = [0..<2, 2..<3, 3..<5]
        let division = GrainDivision(costs: [1, 1.5, 1, 3, 2], groups: groups, unit: unit)
        let runs = division.runs(grainCount: 61)
        #expect(runs.flatMap(Array.init) == Array(0..<61) && runs.allSatisfy { !$0.isEmpty })
        #expect(groups.allSatisfy { runs[$0.lowerBound].lowerBound.isMultiple(of: unit) })
        #expect(division.ungrouped.runs(grainCount: 61) == GrainDivision(costs: division.costs).runs(grainCount: 61))
        // Too few grains for that: nobody is idle all the same.
        #expect(division.runs(grainCount: 5).map(\.count) == [1, 1, 1, 1, 1])
    }

    @Test("with a worker of half the speed", arguments: [(48, 1.5), (8, 4.0 / 3)])
    func gain(grainCount: Int, expected: Double) {
        let runs = GrainDivision(costs: [1, 2]).runs(grainCount: grainCount)
        #expect(Double(grainCount) / max(Double(runs[0].count), 2 * Double(runs[1].count)) == expected)
    }
}
