import Errors
import KernelContract
import Tensors

/// Sums of columns over all workers' grains of a batch, along the canonical tree, in the middle of a step: what batch norm
/// needs. Every worker gets the whole result.
///
/// Where memory is shared a sum costs one barrier: workers write in turns to two halves of their segments, so that nobody
/// overwrites what another still reads.
package final class BatchReducer {
    private let endpoint: Endpoint
    private let memory: SharedMemory
    private let barrier: SpinBarrier?
    private let kernels: any KernelSet
    private let workspace = AlignedBuffer<Float>(count: KernelWorkspace.treeSumFloatCount)
    private let columnLimit: Int
    private let plans: [Plan]
    private var half = 0

    /// For batches of one number of grains.
    private struct Plan {
        let grainCount: Int
        let nodeCount: Int
        let additions: [Int]
        /// By half: where this worker's sums begin, and where all workers' lie in the tree's order.
        let own: [UnsafeMutablePointer<Float>]
        let sources: [[UnsafePointer<Float>]]
        /// Bytes by rank, for messages.
        let messages: (counts: [Int32], offsets: [Int32])
    }

    /// Collective. `grainCounts` are the numbers of grains that a batch may have; nil is the even division.
    package init(
        communicator: borrowing Communicator, grainCounts: [Int], columnLimit: Int,
        division: GrainDivision? = nil, kernels: any KernelSet
    ) throws {
        let endpoint = communicator.endpoint
        let (rank, size) = (endpoint.rank, endpoint.size)
        let stride = (columnLimit + 15) / 16 * 16
        let division = division ?? .even(size)
        let nodes = grainCounts.map { division.nodes(grainCount: $0) }
        let nodeLimits = (0..<size).map { rank in nodes.map { $0[rank].count }.max() ?? 0 }
        let allCount = nodes.map { $0.reduce(0) { $0 + $1.count } }.max() ?? 0
        let floatBytes = MemoryLayout<Float>.stride
        let memory = try SharedMemory(
            communicator, sharedByteCount: 2 * nodeLimits[rank] * stride * floatBytes,
            privateByteCount: allCount * stride * floatBytes)
        plans = zip(grainCounts, nodes).map { grainCount, nodes in
            // Shared: by rank its segment, both halves behind each other. Private: one buffer that holds all.
            var own: [UnsafeMutablePointer<Float>] = []
            var sources: [[UnsafePointer<Float>]] = []
            for half in 0..<2 {
                var all: [UnsafePointer<Float>] = []
                for other in 0..<size {
                    let segment = memory.segment(of: memory.isShared ? other : rank).assumingMemoryBound(to: Float.self)
                    let first = segment + (memory.isShared ? half * nodeLimits[other] : all.count) * stride
                    if other == rank { own.append(first) }
                    all += nodes[other].indices.map { UnsafePointer(first + $0 * stride) }
                }
                sources.append(all)
            }
            let counts = nodes.map { $0.count * stride * floatBytes }
            return Plan(
                grainCount: grainCount, nodeCount: nodes[rank].count,
                additions: CanonicalTree.additions(leaves: nodes.flatMap { $0 }, grainCount: grainCount), own: own,
                sources: sources,
                messages: (
                    counts.map { Int32($0) }, counts.indices.map { Int32(counts[..<$0].reduce(0, +)) }
                ))
        }
        self.endpoint = endpoint
        self.kernels = kernels
        self.columnLimit = stride
        barrier = memory.isShared ? endpoint.sharedBarrier : nil
        self.memory = memory
    }

    /// `total[j]` = the sum over the batch. `write` puts `columnCount` sums of the worker's node of the tree, by its number,
    /// where it is told. Collective; workers without a node write nothing.
    package func sum(
        grainCount: Int, columnCount: Int, to total: UnsafeMutablePointer<Float>,
        _ write: (_ node: Int, _ sums: UnsafeMutablePointer<Float>) -> Void
    ) throws {
        guard let plan = plans.first(where: { $0.grainCount == grainCount }), columnCount <= columnLimit else {
            preconditionFailure("BatchReducer: not prepared for \(columnCount) columns of \(grainCount) grains")
        }
        half = 1 - half
        for node in 0..<plan.nodeCount { write(node, plan.own[half] + node * columnLimit) }
        if let barrier { try barrier.wait() } else { try exchange(plan) }
        plan.sources[half].withUnsafeBufferPointer { sources in
            plan.additions.withUnsafeBufferPointer { additions in
                kernels.treeSum(
                    sources, additions: additions, offset: 0, count: columnCount, to: total, workspace: workspace.base)
            }
        }
    }

    private func exchange(_ plan: Plan) throws {
        #if MPI
            guard case .ranks(let world, let barrier) = endpoint.transport else { return }
            try barrier?.wait()
            try plan.messages.counts.withUnsafeBufferPointer { counts in
                try plan.messages.offsets.withUnsafeBufferPointer { offsets in
                    try world.allGatherInPlace(
                        bytes: memory.segment(of: endpoint.rank), counts: counts.baseAddress!,
                        offsets: offsets.baseAddress!)
                }
            }
        #endif
    }
}

@available(*, unavailable) extension BatchReducer: Sendable {}
