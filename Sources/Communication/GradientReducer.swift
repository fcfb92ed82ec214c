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
/// parameters to the others, which see them after `publish`. Where memory is shared, each worker reads the others' gradients
/// in place and there are two barriers and no message; hosts send each other their sums (`HostExchange`).
package struct GradientReducer: ~Copyable {
    /// The flat parameters that forward reads: the own slice, and the others' as they are posted. A worker writes its slice only,
    /// between `collect` and `publish`, and posts what it writes.
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
    private let region: HostRegion
    /// Between the workers of this host; nil for one.
    let barrier: SpinBarrier?
    let floatCount: Int
    let partials: UnsafeMutablePointer<Float>
    let partialCount: Int
    let plans: UnsafeMutableBufferPointer<ReductionPlan>
    let kernels: any KernelSet
    let workspace = AlignedBuffer<Float>(count: KernelWorkspace.treeSumFloatCount)
    private let plainSum: PlainSum
    #if MPI
        /// With the other hosts; nil where there are none.
        private let exchange: HostExchange?
    #endif
    /// Blocks of the layout.
    let blockCount: Int

    private let layout: ParameterLayout
    private let ownParameters: ParameterMemory
    /// Others' parameters that `publish` asks for.
    private let asked: [Range<Int>]
    /// Where all slices are put for the workers of this host; nil where it has one.
    private let shelf: UnsafeMutablePointer<Float>?
    private let summed: AlignedBuffer<Float>
    /// Parameters begin with a page, so that whole blocks of them are pages.
    private static let pageSize = 4_096
    /// Floats of a run: 16 KiB, so that four sources, the sum and the optimizer's state fit L2.
    private static let runLimit = 4 * ParameterLayout.blockSize + 4 * ParameterLayout.alignment

    /// Collective. `grainCounts` are the numbers of grains that a batch may have, `costs` what slices are balanced by
    /// (`ParameterLayout.blockRanges`) by `shares`, nil for equal ones, all the same on all workers. `division` is the even one where it
    /// is nil. `readAhead` are parts of tensors, each to the tensor's end, whose readers ask for memory ahead; of the rest `publish` asks for what
    /// workers posted, where memory is shared. `pieceStarts` are the offsets that `finished(from:)` may be called with.
    package init(
        communicator: borrowing Communicator, layout: ParameterLayout, grainCounts: [Int], kernels: any KernelSet,
        mode: ReductionMode = .tree, blockSumColumns: Int = 0, columnCount: Int = 0,
        costs: [Double]? = nil, shares: [Double]? = nil, division: GrainDivision? = nil,
        readAhead: [Range<Int>] = [], pieceStarts: [Int] = []
    ) throws {
        let endpoint = communicator.endpoint
        let (rank, size) = (endpoint.rank, endpoint.size)
        let grainCounts = Set(grainCounts).sorted()
        let division = division ?? .even(size)
        precondition(
            !grainCounts.isEmpty && grainCounts[0] > 0 && division.workerCount == size,
            "GradientReducer: grain counts \(grainCounts) for \(division.workerCount) of \(size) workers")
        try endpoint.agree {
            guard mode == .tree || endpoint.kind == .mpi else {
                throw Failure(
                    .usage, "--reduction mpi needs ranks: start the program with mpirun, or use --reduction tree")
            }
        }
        let partialCount =
            grainCounts.map { division.nodes(grainCount: $0)[rank].count }.max() ?? 0

        // Parameters and statistics, where this worker keeps them, come before its partial gradients.
        let parameterBytes = (layout.floatCount * MemoryLayout<Float>.stride + 63) / 64 * 64
        let statisticsBytes = (grainCounts.last! * MemoryLayout<GrainStatistics>.stride + 63) / 64 * 64
        let blocks = layout.blockRanges(size: size, costs: costs, shares: shares)
        let blockBytes = blocks[size - 1].upperBound * MemoryLayout<Double>.stride
        let blockSumBytes = (blockSumColumns * blockBytes + 63) / 64 * 64
        let commonBytes = Self.pageSize + (1 + columnCount) * parameterBytes + statisticsBytes + blockSumBytes
        let partialBytes = parameterBytes * partialCount
        let region = try HostRegion(endpoint, commonByteCount: commonBytes, byteCount: partialBytes)
        let hosts = region.hosts
        let members = hosts.members[hosts.own]
        let slices = blocks.map { layout.slice(ofBlocks: $0) }

        // At the same place of a page in every process.
        let common = region.memory.segment(of: 0).alignedUp(toMultipleOf: Self.pageSize)
        let shelf = members.count > 1 ? common.assumingMemoryBound(to: Float.self) : nil
        let ownParameters = ParameterMemory(floatCount: layout.floatCount, shelf: shelf, own: slices[rank])
        // By rank; nil on other hosts.
        let firstPartials = (0..<size).map { other -> UnsafeMutablePointer<Float>? in
            guard members.contains(other) else { return nil }
            let place = other - members.lowerBound
            return (region.memory.segment(of: place) + (place == 0 ? commonBytes : 0)).assumingMemoryBound(
                to: Float.self)
        }
        let partialStride = parameterBytes / MemoryLayout<Float>.stride
        var arrivals: UnsafePointer<Float>?
        #if MPI
            var exchange: HostExchange?
            if hosts.count > 1 {
                exchange = try HostExchange(
                    endpoint, hosts, slices: slices, blocks: blocks, grainCounts: grainCounts, division: division,
                    pieceStarts: mode == .tree ? pieceStarts : [], firstPartials: firstPartials,
                    partialStride: partialStride, own: ownParameters.base, shown: shelf ?? ownParameters.base,
                    kernels: kernels)
                arrivals = exchange?.arrivals
            }
            self.exchange = exchange
        #endif

        self.endpoint = endpoint
        self.kernels = kernels
        self.mode = mode
        self.partialCount = partialCount
        floatCount = layout.floatCount
        self.shelf = shelf
        parameters = ownParameters.base
        self.ownParameters = ownParameters
        asked = shelf == nil ? [] : Self.asked(layout, own: slices[rank], readAhead: readAhead)
        grainStatistics = (common + parameterBytes).assumingMemoryBound(to: GrainStatistics.self)
        let afterStatistics = common + (parameterBytes + statisticsBytes)
        blockSums = afterStatistics.assumingMemoryBound(to: Double.self)
        columns = (afterStatistics + blockSumBytes).assumingMemoryBound(to: Float.self)
        self.columnCount = columnCount
        columnStride = partialStride
        blockCount = blocks[size - 1].upperBound
        partials = firstPartials[rank]!
        whyNotShared = region.whyNotShared
        barrier = hosts.local.sharedBarrier
        self.region = region

        slice = slices[rank]
        self.layout = layout
        summed = AlignedBuffer(count: Self.runLimit)
        plainSum = PlainSum(
            partials: partials, partialCount: partialCount, partialStride: partialStride,
            floatCount: mode == .mpi ? layout.floatCount : 0)
        plans = .copy(
            of: grainCounts.map {
                ReductionPlan(
                    grainCount: $0, division: division, rank: rank, slice: slices[rank], hosts: hosts,
                    firstPartials: firstPartials, partialStride: partialStride, arrivals: arrivals)
            })
    }

    deinit {
        for plan in plans { plan.deallocate() }
        plans.deinitialize().deallocate()
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

    /// This worker's partial gradients of a batch are written from `offset` on, and others will follow: they may be sent. All
    /// workers call it with the same offsets. Collective.
    package func finished(from offset: Int, grainCount: Int) throws {
        #if MPI
            try exchange?.advance(planIndex(grainCount), from: offset)
        #endif
    }

    /// Whether steps go the way now that all later ones go.
    package var isSettled: Bool {
        #if MPI
            return exchange?.isSettled ?? true
        #else
            return true
        #endif
    }

    /// Whether gradients travel to other hosts during the backward pass; nil where they cannot, and while it is tried.
    package var overlaps: Bool? {
        #if MPI
            return exchange?.overlaps
        #else
            return nil
        #endif
    }

    /// Returns when what this worker needs of all partial gradients is in reach. Collective.
    package func collect(grainCount: Int) throws {
        let plan = planIndex(grainCount)
        lockstep_stream_fence()
        try barrier?.wait()
        if mode == .mpi {
            try plainSum.sum(
                endpoint, nodeCount: plans[plan].nodes.count, kernels: kernels, workspace: workspace.base)
        }
        #if MPI
            switch mode {
            case .tree: try exchange?.exchangeGradients(plan, statistics: grainStatistics)
            case .mpi: try exchange?.exchangeStatistics(plan, grainStatistics)
            }
        #endif
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
            for run in runs { try apply(run, UnsafePointer(plainSum.total.base + run.lowerBound)) }
        }
    }

    /// Makes the given columns of `blockSums`, of which each worker has written its own blocks, whole for all, which may
    /// read them until `publish`. A column is exchanged once in a step.
    package func exchangeBlockSums(_ columns: Range<Int>) throws {
        #if MPI
            if let exchange { return try exchange.gatherBlocks(blockSums, columns: columns, stride: blockCount) }
        #endif
        try barrier?.wait()
    }

    /// One of the columns beside the parameters, `floatCount` floats.
    package func column(_ index: Int) -> UnsafeMutablePointer<Float> {
        precondition(
            index >= 0 && index < columnCount, "GradientReducer: column \(index) is outside 0..<\(columnCount)")
        return columns + index * columnStride
    }

    /// Makes all workers' slices of some columns visible to all. Collective, between steps.
    package func gather(columns: Range<Int>) throws {
        #if MPI
            if let exchange {
                for index in columns { try exchange.gatherSlices(column(index)) }
                return
            }
        #endif
        try endpoint.barrier()
    }

    /// Sets a whole column: `body` runs once per job, on worker 0. Collective.
    package func setColumn(_ index: Int, _ body: (UnsafeMutablePointer<Float>) throws -> Void) throws {
        try endpoint.agree { if endpoint.rank == 0 { try body(column(index)) } }
        #if MPI
            if let exchange { return try exchange.broadcast(column(index), count: floatCount) }
        #endif
        try endpoint.barrier()
    }

    /// Ends a batch whose gradient is kept for a later update: all may then overwrite their partial gradients.
    package func release() throws { try barrier?.wait() }

    /// The parameters that this worker writes itself. The others are written past its processor's caches where they are posted.
    package var nearParameters: Range<Int> { shelf == nil ? 0..<floatCount : slice }

    /// Where new parameters of the slice go, each to its place, before `publish`; nil where nobody else reads them in memory.
    package var posted: UnsafeMutablePointer<Float>? { shelf }

    /// Puts new parameters, a part of the slice, where the other workers find them after `publish`.
    package func post(_ range: Range<Int>) {
        guard let shelf else { return }
        kernels.post(parameters + range.lowerBound, count: range.count, to: shelf + range.lowerBound)
    }

    /// Of what no reader asks for ahead, what is not own: 64 KiB at most, which stay in L2 until they are read.
    private static func asked(_ layout: ParameterLayout, own: Range<Int>, readAhead: [Range<Int>]) -> [Range<Int>] {
        var room = 16_384
        return layout.entries.flatMap { entry in
            // A reader of a tensor asks for it from some place to its end.
            let start = readAhead.first { entry.range.contains($0.lowerBound) }?.lowerBound ?? entry.range.upperBound
            let range = entry.range.lowerBound..<start
            let others = [
                range.clamped(to: 0..<own.lowerBound), range.clamped(to: own.upperBound..<layout.floatCount),
            ]
            return others.compactMap { part in
                let count = min(part.count, room)
                room -= count
                return count > 0 ? part.lowerBound..<part.lowerBound + count : nil
            }
        }
    }

    /// Returns when all workers have posted their slices of the parameters, which are then seen here; all may then overwrite
    /// their partial gradients. Other workers' parameters change between `collect` and here.
    package func publish() throws {
        lockstep_stream_fence()
        #if MPI
            try exchange?.exchangeParameters()
        #endif
        try barrier?.wait()
        guard let shelf else { return }
        for part in ownParameters.copied {
            (parameters + part.lowerBound).update(from: shelf + part.lowerBound, count: part.count)
        }
        for part in asked {
            for line in stride(from: part.lowerBound, to: part.upperBound, by: 16) {
                lockstep_prefetch(parameters + line)
            }
        }
    }

    /// Sets all parameters: `body` runs once per job, on worker 0. Collective; throws one failure on all workers.
    package func setParameters(_ body: (UnsafeMutablePointer<Float>) throws -> Void) throws {
        try endpoint.barrier()
        try endpoint.agree { if endpoint.rank == 0 { try body(parameters) } }
        try endpoint.broadcast(
            UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(start: parameters, count: floatCount)), root: 0)
    }

    /// Bytes that this worker has sent to other hosts in steps.
    package var sentByteCount: Int {
        #if MPI
            return exchange?.sentByteCount ?? 0
        #else
            return 0
        #endif
    }

    /// Floats that `publish` copies: where memory is shared, those that share a page with own ones.
    package var copiedFloatCount: Int {
        shelf == nil ? floatCount - slice.count : ownParameters.copied.reduce(0) { $0 + $1.count }
    }

    var partialStride: Int { (floatCount + 15) / 16 * 16 }

    private func planIndex(_ grainCount: Int) -> Int {
        for index in plans.indices where plans[index].grainCount == grainCount { return index }
        preconditionFailure("GradientReducer: not prepared for \(grainCount) grains")
    }
}

@available(*, unavailable) extension GradientReducer: Sendable {}
