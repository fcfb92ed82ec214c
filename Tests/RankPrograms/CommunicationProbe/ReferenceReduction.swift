import Communication
import KernelContract
import Kernels
import Tensors

/// The slow twin of a gradient reduction, and made-up gradients whose sums depend on the order of additions.
package enum ReferenceReduction {
    /// Three tensors: several blocks with a short one, a gap, and one of a block exactly.
    package static var layout: ParameterLayout {
        var layout = ParameterLayout()
        layout.append("weight", [11, 283])
        layout.append("bias", [283])
        layout.append("block", [1_024])
        return layout
    }

    /// A float of mixed sign and magnitude (2⁻⁸…2⁷) from its indices alone.
    package static func gradient(step: Int, grain: Int, index: Int) -> Float {
        var bits = UInt64(truncatingIfNeeded: (step &* 1_009 &+ grain) &* 1_000_003 &+ index) &+ 0x9e37_79b9_7f4a_7c15
        bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
        bits ^= bits >> 31
        let exponent = UInt32(119 + bits >> 40 & 15)
        return Float(bitPattern: UInt32(truncatingIfNeeded: bits) & 0x807f_ffff | exponent << 23)
    }

    /// The canonical sum over consecutive grains that form one subtree.
    package static func sum(step: Int, node: CanonicalTree.Node, index: Int) -> Float {
        CanonicalTree.sum(node.grains.map { gradient(step: step, grain: $0, index: index) }, zero: 0, +)
    }

    package static func statistics(step: Int, grain: Int) -> GrainStatistics {
        GrainStatistics(lossSum: Double(gradient(step: step, grain: grain, index: -1)), correctCount: step + 3 * grain)
    }

    /// Trains `grainCounts.count` steps by plain descent, with the gradients above.
    /// `speeds`, where they are given, divide grains and slices.
    /// Returns every step's reduced gradient (this worker's slice only), and all parameters and statistics at the end.
    package static func run(
        _ communicator: borrowing Communicator, layout: ParameterLayout, grainCounts: [Int],
        mode: ReductionMode = .tree, kernels: any KernelSet = ReferenceKernels(),
        speeds: [Double]? = nil
    ) throws -> Outcome {
        let reducer = try GradientReducer(
            communicator: communicator, layout: layout, grainCounts: grainCounts, kernels: kernels, mode: mode,
            shares: speeds, division: speeds.map { GrainDivision(costs: $0.map { 1 / $0 }) },
            pieceStarts: layout.entries.map(\.range.lowerBound))
        try reducer.setParameters { parameters in
            for entry in layout.entries { for i in entry.range { parameters[i] = Float(i) * 0.25 } }
        }
        var outcome = Outcome(
            slice: reducer.slice, isShared: reducer.whyNotShared == nil, copiedFloatCount: reducer.copiedFloatCount)
        for (step, grainCount) in grainCounts.enumerated() {
            let nodes = reducer.nodes(grainCount: grainCount)
            for node in nodes {
                for grain in node.grains { reducer.grainStatistics[grain] = statistics(step: step, grain: grain) }
            }
            for entry in layout.entries.reversed() {
                for (index, node) in nodes.enumerated() {
                    let partial = reducer.partial(index)
                    for i in entry.range { partial[i] = sum(step: step, node: node, index: i) }
                }
                try reducer.finished(from: entry.range.lowerBound, grainCount: grainCount)
            }
            var gradient: [Float] = []
            try reducer.collect(grainCount: grainCount)
            try reducer.reduce(reducer.runs(), grainCount: grainCount) { range, values in
                outcome.runs.append(range)
                for i in range {
                    gradient.append(values[i - range.lowerBound])
                    reducer.parameters[i] -= 0.125 * values[i - range.lowerBound]
                }
            }
            outcome.gradients.append(gradient)
            let all = UnsafeBufferPointer(start: reducer.grainStatistics, count: grainCount)
            outcome.statistics.append(all.map { [$0.lossSum, Double($0.correctCount)] })
            reducer.post(reducer.slice)
            try reducer.publish()
        }
        outcome.parameters = Array(UnsafeBufferPointer(start: reducer.parameters, count: layout.floatCount))
        outcome.sentByteCount = reducer.sentByteCount
        // Nobody frees what others still read.
        try communicator.barrier()
        return outcome
    }

    package struct Outcome: Sendable {
        package var slice: Range<Int>
        package var isShared: Bool
        package var copiedFloatCount = 0
        package var runs: [Range<Int>] = []
        /// By step.
        package var gradients: [[Float]] = []
        package var statistics: [[[Double]]] = []
        package var parameters: [Float] = []
        package var sentByteCount = 0
    }

    /// What `run` gives for any number of workers.
    package static func expected(layout: ParameterLayout, grainCounts: [Int]) -> Outcome {
        var outcome = Outcome(slice: 0..<layout.floatCount, isShared: true)
        outcome.parameters = [Float](repeating: 0, count: layout.floatCount)
        for entry in layout.entries { for i in entry.range { outcome.parameters[i] = Float(i) * 0.25 } }
        for (step, grainCount) in grainCounts.enumerated() {
            var gradient = [Float](repeating: 0, count: layout.floatCount)
            let root = CanonicalTree.Node(first: 0, count: grainCount)
            for entry in layout.entries {
                for i in entry.range {
                    gradient[i] = sum(step: step, node: root, index: i)
                    outcome.parameters[i] -= 0.125 * gradient[i]
                }
            }
            outcome.gradients.append(gradient)
            outcome.statistics.append(
                (0..<grainCount).map {
                    let one = statistics(step: step, grain: $0)
                    return [one.lossSum, Double(one.correctCount)]
                })
        }
        return outcome
    }
}
