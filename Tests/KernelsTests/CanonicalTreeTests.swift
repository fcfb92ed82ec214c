import KernelContract
import Testing

@Suite("Canonical tree")
struct CanonicalTreeTests {
    @Test(
        "the written definition",
        arguments: [
            (1, "0"), (2, "(0+1)"), (3, "((0+1)+2)"), (4, "((0+1)+(2+3))"), (5, "(((0+1)+(2+3))+4)"),
            (7, "(((0+1)+(2+3))+((4+5)+6))"), (8, "(((0+1)+(2+3))+((4+5)+(6+7)))"),
        ])
    func shape(count: Int, expected: String) {
        #expect(CanonicalTree.sum((0..<count).map(String.init), zero: "") { "(\($0)+\($1))" } == expected)
    }

    @Test("any number of workers evaluates the same tree", arguments: 1...33)
    func workers(grainCount: Int) {
        let expected = CanonicalTree.sum((0..<grainCount).map(String.init), zero: "") { "(\($0)+\($1))" }
        for workerCount in 1...12 {
            let partition = GrainPartition(sampleCount: grainCount, grainSize: 1)
            let runs = (0..<workerCount).map { partition.grains(of: $0, size: workerCount) }
            #expect(runs.flatMap(Array.init) == Array(0..<grainCount), "runs cover the grains in order")
            #expect(runs.map(\.count).max()! - runs.map(\.count).min()! <= 1, "runs are balanced to one grain")
            let leaves = runs.flatMap { CanonicalTree.maximalNodes(in: $0, grainCount: grainCount) }
            let additions = CanonicalTree.additions(leaves: leaves, grainCount: grainCount)
            var stack: [String] = []
            for (leaf, merges) in zip(leaves, additions) {
                // A leaf is T(first, count), whose shape depends on its count alone.
                stack.append(CanonicalTree.sum(leaf.grains.map(String.init), zero: "") { "(\($0)+\($1))" })
                for _ in 0..<merges {
                    let upper = stack.removeLast()
                    stack.append("(\(stack.removeLast())+\(upper))")
                }
            }
            #expect(stack == [expected], "\(workerCount) workers")
        }
    }

    @Test("grains and their samples")
    func partition() {
        let partition = GrainPartition(sampleCount: 61, grainSize: 8)
        #expect(partition.grainCount == 8)
        #expect(partition.samples(of: 0..<2) == 0..<16)
        #expect(partition.samples(of: 7..<8) == 56..<61)
        #expect(partition.samples(of: 8..<8) == 61..<61)
        #expect(GrainPartition(sampleCount: 0, grainSize: 8).grainCount == 0)
    }
}
