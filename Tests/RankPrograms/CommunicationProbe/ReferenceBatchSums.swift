import Communication
import Errors
import KernelContract
import Kernels

/// Sums over a batch in the middle of a step against their slow twin.
package enum ReferenceBatchSums {
    package static let columnLimit = 37
    package static let grainCounts = Array(1...9)

    /// Sums of other widths and batches of other sizes in turn, as layers and steps ask for them. Fewer grains than
    /// workers leave some idle.
    private static let sums = (0..<60).map { number in
        (grainCount: number * 5 % 9 + 1, columnCount: [37, 1, 16, 5, 33][number % 5])
    }

    /// - Throws: `Failure(.internal)` where a worker's result is not the canonical tree's.
    package static func run(
        _ communicator: borrowing Communicator, kernels: any KernelSet = KernelSelection.available[0]
    ) throws {
        try run(communicator, .even(communicator.size), kernels)
        try run(communicator, GrainDivision(costs: (0..<communicator.size).map { [1.0, 3, 2][$0 % 3] }), kernels)
    }

    private static func run(
        _ communicator: borrowing Communicator, _ division: GrainDivision, _ kernels: any KernelSet
    ) throws {
        let reducer = try BatchReducer(
            communicator: communicator, grainCounts: grainCounts, columnLimit: columnLimit, division: division,
            kernels: kernels)
        let rank = communicator.rank
        var wrong: String?
        for (number, (grainCount, columnCount)) in sums.enumerated() {
            let partition = GrainPartition(sampleCount: grainCount * 8, grainSize: 8)
            let nodes = CanonicalTree.maximalNodes(
                in: division.runs(grainCount: partition.grainCount)[rank], grainCount: grainCount)
            var total = [Float](repeating: .nan, count: columnCount + 1)
            var written: [Int] = []
            try reducer.sum(grainCount: grainCount, columnCount: columnCount, to: &total) { node, sums in
                written.append(node)
                for j in 0..<columnCount { sums[j] = ReferenceReduction.sum(step: number, node: nodes[node], index: j) }
            }
            let root = CanonicalTree.Node(first: 0, count: grainCount)
            let expected = (0..<columnCount).map { ReferenceReduction.sum(step: number, node: root, index: $0) }
            if written != Array(nodes.indices) { wrong = "sum \(number): nodes \(written) of \(nodes.count)" }
            if total.dropLast().map(\.bitPattern) != expected.map(\.bitPattern) || !total[columnCount].isNaN {
                wrong = "sum \(number), \(grainCount) grains × \(columnCount): not the canonical sum"
            }
        }
        // Also that nobody frees what others still read.
        try communicator.agree { if let wrong { throw Failure(.internal, wrong) } }
    }
}
