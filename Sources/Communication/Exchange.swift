import Errors
import KernelContract
import Tensors

/// Buffers of a reducer whose workers send messages, or sum by `MPI_Allreduce`; empty otherwise.
struct Exchange {
    /// Partial gradients for the others: by rank, then by this worker's nodes, the rank's slice.
    fileprivate let outgoing: UnsafeMutablePointer<Float>
    /// Partial gradients of the others: by rank, then by its nodes, this worker's slice.
    let incoming: UnsafeMutablePointer<Float>
    /// The whole gradient, for `MPI_Allreduce`.
    let flat: UnsafeMutablePointer<Float>
    /// `[0, 1, 1, …]`: one node after the other.
    fileprivate let sequence: UnsafeMutableBufferPointer<Int>
    fileprivate let ownSources: UnsafeMutableBufferPointer<UnsafePointer<Float>>
    fileprivate let slices: UnsafeMutableBufferPointer<Range<Int>>
    fileprivate let parameterCounts: UnsafeMutablePointer<Int32>
    fileprivate let parameterOffsets: UnsafeMutablePointer<Int32>

    init(
        _ endpoint: Endpoint, slices: [Range<Int>], partialCount: Int, grainCounts: [Int], mode: ReductionMode,
        isShared: Bool, floatCount: Int
    ) throws {
        let slice = slices[endpoint.rank]
        let nodesOfAll = grainCounts.map { grainCount in
            (0..<endpoint.size).reduce(0) {
                $0 + ReductionPlan.nodes(of: $1, size: endpoint.size, grainCount: grainCount).count
            }
        }
        let outgoingCount = isShared || mode == .mpi ? 0 : partialCount * floatCount
        let incomingCount = isShared || mode == .mpi ? 0 : nodesOfAll.max()! * slice.count
        let flatCount = mode == .mpi ? floatCount : 0
        // Every rank compares the largest message of all, so that all refuse together.
        let largest = try endpoint.allGather(value: max(outgoingCount, incomingCount, flatCount)).max()!
        try endpoint.agree { _ = try endpoint.messageCounts([max(largest, isShared ? 0 : floatCount)]) }

        func buffer(_ count: Int) -> UnsafeMutablePointer<Float> {
            let pointer = UnsafeMutablePointer<Float>.allocate(capacity: max(count, 1))
            pointer.initialize(repeating: 0, count: max(count, 1))
            return pointer
        }
        outgoing = buffer(outgoingCount)
        incoming = buffer(incomingCount)
        flat = buffer(flatCount)
        sequence = .copy(of: (0..<partialCount).map { min($0, 1) })
        ownSources = .allocate(capacity: partialCount)
        self.slices = .copy(of: slices)
        parameterCounts = .copy(of: slices.map { Int32(truncatingIfNeeded: $0.count) })
        parameterOffsets = .copy(of: slices.map { Int32(truncatingIfNeeded: $0.lowerBound) })
    }

    func deallocate() {
        outgoing.deallocate()
        incoming.deallocate()
        flat.deallocate()
        sequence.deallocate()
        ownSources.deallocate()
        slices.deallocate()
        parameterCounts.deallocate()
        parameterOffsets.deallocate()
    }
}

extension ReductionPlan.Messages {
    init(nodes: [[CanonicalTree.Node]], slices: [Range<Int>], rank: Int, grainCount: Int) {
        let size = nodes.count
        // A worker keeps its own part, and leaves its place in the buffers empty.
        func counts(_ count: (Int) -> Int) -> (UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>) {
            let all = (0..<size).map(count)
            let offsets = (0..<size).map { all[..<$0].reduce(0, +) }
            let sent = (0..<size).map { $0 == rank ? 0 : all[$0] }
            return (
                .copy(of: sent.map { Int32(truncatingIfNeeded: $0) }),
                .copy(of: offsets.map { Int32(truncatingIfNeeded: $0) })
            )
        }
        (sendCounts, sendOffsets) = counts { nodes[rank].count * slices[$0].count }
        (receiveCounts, receiveOffsets) = counts { nodes[$0].count * slices[rank].count }
        let grains = (0..<size).map { ReductionPlan.grains(of: $0, size: size, grainCount: grainCount) }
        let stride = MemoryLayout<GrainStatistics>.stride
        statisticsCounts = .copy(of: grains.map { Int32($0.count * stride) })
        statisticsOffsets = .copy(of: grains.map { Int32($0.lowerBound * stride) })
    }
}

extension GradientReducer {
    /// Sends each node's slices to their owners, and the statistics to all.
    func exchangeNodes(_ plan: Int) throws {
        #if MPI
            guard case .ranks(let world, let barrier) = endpoint.transport, let messages = plans[plan].messages else {
                return
            }
            try barrier?.wait()
            for other in 0..<endpoint.size where other != endpoint.rank {
                let slice = exchange.slices[other]
                var target = exchange.outgoing + Int(messages.sendOffsets[other])
                for index in plans[plan].nodes.indices {
                    target.update(from: partials + (index * partialStride + slice.lowerBound), count: slice.count)
                    target += slice.count
                }
            }
            try world.allToAll(
                exchange.outgoing, counts: messages.sendCounts, offsets: messages.sendOffsets, into: exchange.incoming,
                receiveCounts: messages.receiveCounts, receiveOffsets: messages.receiveOffsets)
            try exchangeStatistics(plan)
        #endif
    }

    /// Sends each slice of the parameters, or of what lies like them, to all.
    func exchangeSlices(of values: UnsafeMutablePointer<Float>) throws {
        #if MPI
            guard case .ranks(let world, let barrier) = endpoint.transport else { return }
            try barrier?.wait()
            try world.allGatherInPlace(
                floats: values, counts: exchange.parameterCounts, offsets: exchange.parameterOffsets)
        #endif
    }

    /// Sends each worker's block sums to all, column by column.
    func exchangeColumns(_ columns: Range<Int>) throws {
        #if MPI
            guard case .ranks(let world, let barrier) = endpoint.transport else { return }
            try barrier?.wait()
            for column in columns {
                try world.allGatherInPlace(
                    bytes: UnsafeMutableRawPointer(blockSums + column * blockCount), counts: blockCounts,
                    offsets: blockOffsets)
            }
        #endif
    }

    /// `exchange.flat` = the whole gradient, summed over this worker's nodes and then by `MPI_Allreduce`.
    func allReduce(_ plan: Int) throws {
        #if MPI
            let count = plans[plan].nodes.count
            for index in 0..<count { exchange.ownSources[index] = UnsafePointer(partials + index * partialStride) }
            if count == 0 {
                exchange.flat.update(repeating: 0, count: floatCount)
            } else {
                kernels.treeSum(
                    UnsafeBufferPointer(rebasing: exchange.ownSources[..<count]),
                    additions: UnsafeBufferPointer(rebasing: exchange.sequence[..<count]), offset: 0, count: floatCount,
                    to: exchange.flat, workspace: workspace.base)
            }
            if case .ranks(let world, _) = endpoint.transport {
                try world.allReduceInPlace(exchange.flat, count: Int32(floatCount))
                if !isShared { try exchangeStatistics(plan) }
            }
        #endif
    }

    private func exchangeStatistics(_ plan: Int) throws {
        #if MPI
            guard case .ranks(let world, _) = endpoint.transport, let messages = plans[plan].messages else { return }
            try world.allGatherInPlace(
                bytes: UnsafeMutableRawPointer(grainStatistics), counts: messages.statisticsCounts,
                offsets: messages.statisticsOffsets)
        #endif
    }
}
