import CMachine
import Errors
import KernelContract
import Tensors

/// How gradients are summed.
package enum ReductionMode: String, Sendable, CaseIterable {
    /// Along the canonical tree: the same bits for any number of workers.
    case tree
    /// By `MPI_Allreduce`, in an order of its own, for comparison. The numerics contract is off.
    case mpi
}

/// Sums the workers' gradients along the canonical tree and keeps the parameters that all of them read.
///
/// One step: every worker writes its nodes' gradients (`nodes`, `partial`) and its grains' statistics; `collect` brings
/// them in reach; `reduce` sums the worker's slice and hands it to the optimizer run by run; `post` shows the new
/// parameters to the others, which take them in `publish`. Where memory is shared, each worker reads the others' gradients
/// in place and there are two barriers and no message.
package struct GradientReducer: ~Copyable {
    /// The flat parameters that forward reads, this worker's own copy. It writes its slice only, between `collect` and
    /// `publish`, and posts what it writes.
    package let parameters: UnsafeMutablePointer<Float>
    /// What this worker sums and updates.
    package let slice: Range<Int>
    /// By grain of the batch. A worker writes its own grains before `reduce` and may read all of them from the begin of
    /// `reduce` on until `publish`.
    package let grainStatistics: UnsafeMutablePointer<GrainStatistics>
    /// Columns of one Double for each block of the layout; a worker writes its own blocks. Empty unless asked for.
    package let blockSums: UnsafeMutablePointer<Double>
    /// Columns beside the parameters, each as long, for what is rarely gathered: averages, snapshots of the optimizer's
    /// state. A worker writes its slice; `gather` shows it to the others.
    private let columns: UnsafeMutablePointer<Float>
    private let columnCount: Int
    private let columnStride: Int
    package let mode: ReductionMode
    /// Why gradients travel in messages, in a few words; nil where memory is shared.
    package let whyNotShared: String?

    let endpoint: Endpoint
    private let memory: SharedMemory
    /// Present when the workers share memory.
    let barrier: SpinBarrier?
    let floatCount: Int
    let partials: UnsafeMutablePointer<Float>
    let partialCount: Int
    let plans: UnsafeMutableBufferPointer<ReductionPlan>
    let kernels: any KernelSet
    let workspace = AlignedBuffer<Float>(count: kernelWorkspaceFloatCount)
    let exchange: Exchange
    /// Blocks of the layout, and by rank the messages that hold a worker's.
    let blockCount: Int
    let blockCounts, blockOffsets: UnsafeMutablePointer<Int32>

    private let layout: ParameterLayout
    private let ownParameters: ParameterMemory
    /// Where workers of one host put their slices for the others; nil for one worker and for messages.
    private let shelf: UnsafeMutablePointer<Float>?
    private let summed: AlignedBuffer<Float>
    /// Parameters begin with a page, so that whole blocks of them are pages.
    private static let pageSize = 4_096
    /// Floats of a run: 16 KiB, so that four sources, the sum and the optimizer's state fit L2.
    private static let runLimit = 4 * ParameterLayout.blockSize + 4 * ParameterLayout.alignment

    /// Collective. `grainCounts` are the numbers of grains that a batch may have, `costs` what slices are balanced by
    /// (`ParameterLayout.blockRanges`), the same on all workers. `readInPlace` are tensors whose readers ask for memory ahead:
    /// of them the other workers' parameters are not copied, where memory is shared.
    package init(
        communicator: borrowing Communicator, layout: ParameterLayout, grainCounts: [Int], kernels: any KernelSet,
        mode: ReductionMode = .tree, blockSumColumns: Int = 0, columnCount: Int = 0,
        costs: [Double]? = nil, readInPlace: [Range<Int>] = []
    ) throws {
        let endpoint = communicator.endpoint
        let (rank, size) = (endpoint.rank, endpoint.size)
        let grainCounts = Set(grainCounts).sorted()
        precondition(!grainCounts.isEmpty && grainCounts[0] > 0, "GradientReducer: grain counts \(grainCounts)")
        try endpoint.agree {
            guard mode == .tree || endpoint.kind == .mpi else {
                throw Failure(
                    .usage, "--reduction mpi needs ranks: start the program with mpirun, or use --reduction tree")
            }
        }
        let partialCount =
            grainCounts.map { ReductionPlan.nodes(of: rank, size: size, grainCount: $0).count }.max() ?? 0

        // Parameters and statistics, where this worker keeps them, come before its partial gradients.
        let parameterBytes = (layout.floatCount * MemoryLayout<Float>.stride + 63) / 64 * 64
        let statisticsBytes = (grainCounts.last! * MemoryLayout<GrainStatistics>.stride + 63) / 64 * 64
        let blocks = layout.blockRanges(size: size, costs: costs)
        let blockBytes = blocks[size - 1].upperBound * MemoryLayout<Double>.stride
        let blockSumBytes = (blockSumColumns * blockBytes + 63) / 64 * 64
        let commonBytes = Self.pageSize + (1 + columnCount) * parameterBytes + statisticsBytes + blockSumBytes
        let partialBytes = parameterBytes * partialCount
        let memory = try SharedMemory(
            communicator, sharedByteCount: (rank == 0 ? commonBytes : 0) + partialBytes,
            privateByteCount: commonBytes + partialBytes)
        let isShared = memory.isShared
        let slices = blocks.map { layout.slice(ofBlocks: $0) }
        let exchange = try Exchange(
            endpoint, slices: slices, partialCount: partialCount, grainCounts: grainCounts, mode: mode,
            isShared: isShared, floatCount: layout.floatCount)

        self.endpoint = endpoint
        self.kernels = kernels
        self.mode = mode
        self.partialCount = partialCount
        floatCount = layout.floatCount
        // At the same place of a page in every process.
        let common = memory.segment(of: isShared ? 0 : rank).alignedUp(toMultipleOf: Self.pageSize)
        shelf = isShared && size > 1 ? common.assumingMemoryBound(to: Float.self) : nil
        ownParameters = ParameterMemory(
            floatCount: layout.floatCount,
            shelf: isShared && size > 1 ? common.assumingMemoryBound(to: Float.self) : nil,
            others: (0..<size).filter { $0 != rank }.map { slices[$0] }, inPlace: readInPlace)
        parameters = ownParameters.base
        grainStatistics = (common + parameterBytes).assumingMemoryBound(to: GrainStatistics.self)
        let afterStatistics = common + (parameterBytes + statisticsBytes)
        blockSums = afterStatistics.assumingMemoryBound(to: Double.self)
        columns = (afterStatistics + blockSumBytes).assumingMemoryBound(to: Float.self)
        self.columnCount = columnCount
        columnStride = parameterBytes / MemoryLayout<Float>.stride
        blockCount = blocks[size - 1].upperBound
        blockCounts = .copy(of: blocks.map { Int32($0.count * MemoryLayout<Double>.stride) })
        blockOffsets = .copy(of: blocks.map { Int32($0.lowerBound * MemoryLayout<Double>.stride) })
        // By rank; nil out of reach.
        var firstPartials: [UnsafeMutablePointer<Float>?] = []
        for other in 0..<size {
            let isKeeper = isShared ? other == 0 : true
            let segment = isShared || other == rank ? memory.segment(of: other) : nil
            firstPartials.append(
                segment.map { ($0 + (isKeeper ? commonBytes : 0)).assumingMemoryBound(to: Float.self) })
        }
        partials = firstPartials[rank]!
        whyNotShared = memory.whyNotShared
        barrier = isShared ? endpoint.sharedBarrier : nil
        self.memory = memory

        slice = slices[rank]
        self.layout = layout
        summed = AlignedBuffer(count: Self.runLimit)
        self.exchange = exchange
        plans = .copy(
            of: grainCounts.map {
                ReductionPlan(
                    grainCount: $0, rank: rank, slices: slices, firstPartials: firstPartials,
                    partialStride: parameterBytes / MemoryLayout<Float>.stride, incoming: exchange.incoming)
            })
    }

    deinit {
        for plan in plans { plan.deallocate() }
        plans.deinitialize().deallocate()
        exchange.deallocate()
        blockCounts.deallocate()
        blockOffsets.deallocate()
    }

    /// This worker's maximal subtrees of a batch of `grainCount` grains; empty when it is idle.
    package func nodes(grainCount: Int) -> [CanonicalTree.Node] { plans[planIndex(grainCount)].nodes }

    /// Where the gradient of this worker's node `index` goes. The gaps between tensors stay zero.
    package func partial(_ index: Int) -> UnsafeMutablePointer<Float> {
        precondition(
            index >= 0 && index < partialCount, "GradientReducer: node \(index) is outside 0..<\(partialCount)")
        return partials + index * partialStride
    }

    /// The slice without the parts `factored`, in pieces that begin at blocks of `ParameterLayout.blockSize` and stay in
    /// L1 and L2 between the sum and the update.
    package func runs(without factored: [Range<Int>] = []) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var begin = slice.lowerBound
        for gap in factored.sorted(by: { $0.lowerBound < $1.lowerBound }) + [slice.upperBound..<slice.upperBound] {
            let rest = begin..<max(begin, gap.lowerBound)
            // What lies between two tensors belongs to none.
            if layout.entries.contains(where: { $0.range.overlaps(rest) }) {
                runs += layout.runs(of: rest, limit: Self.runLimit)
            }
            begin =
                (gap.upperBound + ParameterLayout.alignment - 1) / ParameterLayout.alignment * ParameterLayout.alignment
        }
        return runs
    }

    /// Returns when what this worker needs of all partial gradients is in reach. Collective.
    package func collect(grainCount: Int) throws {
        lockstep_stream_fence()
        if mode == .mpi {
            try barrier?.wait()
            try allReduce(planIndex(grainCount))
        } else if let barrier {
            try barrier.wait()
        } else {
            try exchangeNodes(planIndex(grainCount))
        }
    }

    /// After `collect`: sums each of `runs` over all workers' nodes and calls `apply` with it. `gradient[0]` belongs to
    /// the run's first parameter.
    package func reduce(
        _ runs: [Range<Int>], grainCount: Int,
        _ apply: (_ range: Range<Int>, _ gradient: UnsafePointer<Float>) throws -> Void
    ) throws {
        let plan = planIndex(grainCount)
        switch mode {
        case .tree:
            let sources = UnsafeBufferPointer(plans[plan].sources)
            let additions = UnsafeBufferPointer(plans[plan].additions)
            for run in runs {
                let offset = run.lowerBound - slice.lowerBound
                guard sources.count > 1 else {
                    try apply(run, sources[0] + offset)
                    continue
                }
                kernels.treeSum(
                    sources, additions: additions, offset: offset, count: run.count, to: summed.base,
                    workspace: workspace.base)
                try apply(run, UnsafePointer(summed.base))
            }
        case .mpi:
            for run in runs { try apply(run, UnsafePointer(exchange.flat + run.lowerBound)) }
        }
    }

    /// Makes the given columns of `blockSums`, of which each worker has written its own blocks, whole for all, which may
    /// read them until `publish`. A column is exchanged once in a step.
    package func exchangeBlockSums(_ columns: Range<Int>) throws {
        if let barrier { try barrier.wait() } else { try exchangeColumns(columns) }
    }

    /// One of the columns beside the parameters, `floatCount` floats.
    package func column(_ index: Int) -> UnsafeMutablePointer<Float> {
        precondition(
            index >= 0 && index < columnCount, "GradientReducer: column \(index) is outside 0..<\(columnCount)")
        return columns + index * columnStride
    }

    /// Makes all workers' slices of some columns visible to all. Collective, between steps.
    package func gather(columns: Range<Int>) throws {
        if isShared { return try endpoint.barrier() }
        for index in columns { try exchangeSlices(of: column(index)) }
    }

    /// Sets a whole column: `body` runs once per job, on worker 0. Collective.
    package func setColumn(_ index: Int, _ body: (UnsafeMutablePointer<Float>) throws -> Void) throws {
        try endpoint.agree { if endpoint.rank == 0 { try body(column(index)) } }
        if isShared { try endpoint.barrier() } else { try broadcast(column(index)) }
    }

    /// Ends a batch whose gradient is kept for a later update: all may then overwrite their partial gradients.
    package func release() throws { try barrier?.wait() }

    /// Puts new parameters, a part of the slice, where the other workers find them after `publish`.
    package func post(_ range: Range<Int>) {
        guard let shelf else { return }
        kernels.post(parameters + range.lowerBound, count: range.count, to: shelf + range.lowerBound)
    }

    /// Takes the slices of the parameters that the other workers have posted; all may then overwrite their partial
    /// gradients. What is read in place changes between `collect` and here.
    package func publish() throws {
        guard let barrier else { return try exchangeSlices(of: parameters) }
        guard let shelf else { return try barrier.wait() }
        lockstep_stream_fence()
        try barrier.wait()
        for part in ownParameters.copied {
            (parameters + part.lowerBound).update(from: shelf + part.lowerBound, count: part.count)
        }
    }

    /// Sets all parameters: `body` runs once per job, on worker 0. Collective; throws one failure on all workers.
    package func setParameters(_ body: (UnsafeMutablePointer<Float>) throws -> Void) throws {
        try endpoint.barrier()
        try endpoint.agree { if endpoint.rank == 0 { try body(parameters) } }
        try broadcast(parameters)
    }

    private func broadcast(_ values: UnsafeMutablePointer<Float>) throws {
        try endpoint.broadcast(
            UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(start: values, count: floatCount)), root: 0)
    }

    /// Floats that `publish` copies: the other workers' slices, but for what is read in place.
    package var copiedFloatCount: Int {
        isShared ? ownParameters.copied.reduce(0) { $0 + $1.count } : floatCount - slice.count
    }

    var isShared: Bool { whyNotShared == nil }
    var partialStride: Int { (floatCount + 15) / 16 * 16 }

    private func planIndex(_ grainCount: Int) -> Int {
        for index in plans.indices where plans[index].grainCount == grainCount { return index }
        preconditionFailure("GradientReducer: not prepared for \(grainCount) grains")
    }
}

@available(*, unavailable) extension GradientReducer: Sendable {}
