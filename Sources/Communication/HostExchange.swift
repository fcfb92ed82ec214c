#if MPI
    import CMachine
    import Errors
    import KernelContract
    import Tensors

    /// The messages of a step between hosts, which carry each sum once whatever the number of a host's workers.
    ///
    /// Gradients: a host's workers finish, from their partial gradients in common memory, the largest subtrees of the canonical
    /// tree that lie in the host's grains, and send each worker of the other hosts its slice of them. Parameters: each worker
    /// sends its new slice to one worker of each other host, which puts it where all of that host find it. With H hosts and
    /// grains that are one subtree for each, a host sends 2 · (H − 1) / H floats for each parameter in a step.
    final class HostExchange {
        private let hosts: Hosts
        private let local: SpinBarrier?
        private let kernels: any KernelSet
        private let leaders: MPI.Communicator?
        private let outgoing: UnsafeMutablePointer<Float>
        private let incoming: UnsafeMutablePointer<Float>
        private let batches: [Batch]
        private let parameters: MPI.Transfers
        /// The gradient in the order in which backward writes it, from its end.
        private let pieces: [Range<Int>]
        /// Of the batch under way, how many pieces have been sent.
        private var sentPieceCount = 0
        private var overlap: OverlapTrial
        private let messenger: Messenger?
        /// By host: its slice of the parameters in floats, its blocks of block sums in bytes.
        private let slices, blocks: Parts
        private let workspace = AlignedBuffer<Float>(count: KernelWorkspace.treeSumFloatCount)
        /// What this worker has sent to other hosts so far.
        private(set) var sentByteCount = 0

        /// What every host holds of something that all need.
        private struct Parts {
            let counts, offsets: [Int32]
            /// Bytes that this host sends when it shows its part to all.
            let sentByteCount: Int

            init(_ ranges: [Range<Int>], own: Int, unit: Int) {
                counts = ranges.map { Int32(truncatingIfNeeded: $0.count) }
                offsets = ranges.map { Int32(truncatingIfNeeded: $0.lowerBound) }
                sentByteCount = ranges[own].count * unit * (ranges.count - 1)
            }
        }

        /// For batches of one number of grains.
        private struct Batch {
            /// Receives first, then one message for each of `sums`.
            let transfers: MPI.Transfers
            let receiveCount: Int
            /// How what is sent is summed; nil where a worker's partial gradient is sent as it is.
            let sums: [HostSum?]
            /// By piece: the number of the first sum behind it.
            let sumEnds: [Int]
            let statistics: Parts
        }

        /// A node of the tree over a host's grains, in one worker's slice, made of the nodes of the host's workers.
        private struct HostSum {
            let sources: UnsafeMutableBufferPointer<UnsafePointer<Float>>
            let additions: UnsafeMutableBufferPointer<Int>
            let count: Int
            let total: UnsafeMutablePointer<Float>
        }

        /// - Parameters:
        ///   - pieceStarts: Offsets at which backward has written the rest of the gradient, long before its end.
        ///   - firstPartials: By worker, its first partial gradient; nil on other hosts.
        ///   - blocks: By worker, its blocks of block sums.
        ///   - own: This worker's parameters, of which its slice is sent.
        ///   - shown: Where this host's workers find the parameters of other hosts.
        init(
            _ endpoint: Endpoint, _ hosts: Hosts, slices: [Range<Int>], blocks: [Range<Int>], grainCounts: [Int],
            division: GrainDivision, pieceStarts: [Int], firstPartials: [UnsafeMutablePointer<Float>?],
            partialStride: Int, own: UnsafeMutablePointer<Float>, shown: UnsafeMutablePointer<Float>,
            kernels: any KernelSet
        ) throws {
            guard let link = hosts.link else { preconditionFailure("HostExchange: there is one host") }
            self.hosts = hosts
            self.kernels = kernels
            local = hosts.local.sharedBarrier
            leaders = hosts.leaders?.communicator
            let rank = endpoint.rank
            let slice = slices[rank]
            let others = hosts.members.indices.filter { $0 != hosts.own }
            let partners = hosts.partners(of: rank)
            let floatCount = slices.map(\.count).reduce(0, +)
            try endpoint.agree { _ = try endpoint.messageCounts([floatCount]) }

            let pieces = Self.pieces(of: floatCount, starts: pieceStarts)
            self.pieces = pieces
            overlap = try OverlapTrial(endpoint, isPossible: pieces.count > 1)
            messenger = overlap.isPossible ? Messenger() : nil

            // Room for the greediest batch.
            let trees = grainCounts.map { HostTrees(hosts, division, grainCount: $0) }
            let sliceSum = partners.reduce(0) { $0 + slices[$1].count }
            let outgoing = UnsafeMutablePointer<Float>.zeros(
                (trees.map { $0.sumCount(hosts.own) }.max() ?? 0) * sliceSum)
            let incoming = UnsafeMutablePointer<Float>.zeros(
                (trees.map { tree in others.reduce(0) { $0 + tree.nodes[$1].count } }.max() ?? 0) * slice.count)
            self.outgoing = outgoing
            self.incoming = incoming

            parameters = MPI.Transfers(link)
            for worker in partners where !slices[worker].isEmpty {
                try parameters.addReceive(shown + slices[worker].lowerBound, slices[worker].count, from: worker, tag: 0)
            }
            if !slice.isEmpty {
                for host in others {
                    let target = hosts.partner(of: rank, on: host)
                    try parameters.addSend(own + slice.lowerBound, slice.count, to: target, tag: 0)
                }
            }
            batches = try trees.map { tree in
                let transfers = MPI.Transfers(link)
                var arrival = incoming
                func tag(_ node: Int, _ piece: Int) -> Int { 1 + node * pieces.count + piece }
                for host in others {
                    let source = hosts.partner(of: rank, on: host)
                    for node in tree.nodes[host].indices {
                        for (piece, range) in pieces.enumerated() {
                            let part = slice.clamped(to: range)
                            guard !part.isEmpty else { continue }
                            try transfers.addReceive(
                                arrival + (part.lowerBound - slice.lowerBound), part.count, from: source,
                                tag: tag(node, piece))
                        }
                        arrival += slice.count
                    }
                }
                let receiveCount = transfers.count
                var sums: [HostSum?] = []
                var sumEnds: [Int] = []
                var total = outgoing
                for (piece, range) in pieces.enumerated() {
                    for target in partners {
                        let part = slices[target].clamped(to: range)
                        guard !part.isEmpty else { continue }
                        for (index, node) in tree.nodes[hosts.own].enumerated() {
                            let leaves = tree.leaves(of: node, in: hosts.members[hosts.own])
                            let sources = leaves.map { leaf in
                                UnsafePointer(
                                    firstPartials[leaf.worker]! + (leaf.index * partialStride + part.lowerBound))
                            }
                            guard leaves.count > 1 else {
                                sums.append(nil)
                                try transfers.addSend(sources[0], part.count, to: target, tag: tag(index, piece))
                                continue
                            }
                            let shifted = leaves.map {
                                CanonicalTree.Node(first: $0.node.first - node.first, count: $0.node.count)
                            }
                            sums.append(
                                HostSum(
                                    sources: .copy(of: sources),
                                    additions: .copy(
                                        of: CanonicalTree.additions(leaves: shifted, grainCount: node.count)),
                                    count: part.count, total: total))
                            try transfers.addSend(total, part.count, to: target, tag: tag(index, piece))
                            total += part.count
                        }
                    }
                    sumEnds.append(sums.count)
                }
                let stride = MemoryLayout<GrainStatistics>.stride
                return Batch(
                    transfers: transfers, receiveCount: receiveCount, sums: sums, sumEnds: sumEnds,
                    statistics: Parts(
                        tree.grains.map { $0.lowerBound * stride..<$0.upperBound * stride }, own: hosts.own, unit: 1))
            }
            func joined(_ ranges: [Range<Int>], unit: Int) -> [Range<Int>] {
                hosts.members.map {
                    ranges[$0.lowerBound].lowerBound * unit..<ranges[$0.upperBound - 1].upperBound * unit
                }
            }
            self.slices = Parts(joined(slices, unit: 1), own: hosts.own, unit: MemoryLayout<Float>.stride)
            self.blocks = Parts(joined(blocks, unit: MemoryLayout<Double>.stride), own: hosts.own, unit: 1)
        }

        deinit {
            outgoing.deallocate()
            incoming.deallocate()
            for sum in batches.flatMap(\.sums) {
                sum?.sources.deallocate()
                sum?.additions.deallocate()
            }
        }

        /// What arrives from other hosts: by host, then by node, this worker's slice.
        var arrivals: UnsafePointer<Float> { UnsafePointer(incoming) }

        /// Whether it is decided if gradients are sent while others are computed.
        var isSettled: Bool { !overlap.isPossible || overlap.decision != nil }
        /// Whether messages travel during the backward pass; nil where they cannot, and while it is tried.
        var overlaps: Bool? { overlap.decision }

        /// This worker's partial gradients of a batch of kind `index` are written from `offset` on; backward goes on. Sends what
        /// no worker of this host writes any more, but for the last piece, which `exchangeGradients` sends.
        func advance(_ index: Int, from offset: Int) throws {
            guard overlap.overlaps else { return }
            var end = sentPieceCount
            while end < pieces.count - 1 && pieces[end].lowerBound >= offset { end += 1 }
            guard end > sentPieceCount else { return }
            lockstep_stream_fence()
            try local?.wait()
            try send(index, through: end)
            messenger?.resume()
        }

        /// Sends and receives gradients and statistics of batch kind `index`. The partial gradients of this host are complete;
        /// on return all that this host's workers need is there.
        func exchangeGradients(_ index: Int, statistics: UnsafeMutablePointer<GrainStatistics>) throws {
            messenger?.pause()
            let batch = batches[index]
            try send(index, through: pieces.count)
            sentPieceCount = 0
            try gather(UnsafeMutableRawPointer(statistics), batch.statistics)
            try batch.transfers.wait()
            sentByteCount += batch.transfers.sentByteCount
            try local?.wait()
        }

        /// Sums what must be summed of the pieces before `end` that have not been sent, and sends them.
        private func send(_ index: Int, through end: Int) throws {
            let batch = batches[index]
            if sentPieceCount == 0 { try batch.transfers.start(0..<batch.receiveCount) }
            for number in (sentPieceCount == 0 ? 0 : batch.sumEnds[sentPieceCount - 1])..<batch.sumEnds[end - 1] {
                if let sum = batch.sums[number] {
                    kernels.treeSum(
                        UnsafeBufferPointer(sum.sources), additions: UnsafeBufferPointer(sum.additions), offset: 0,
                        count: sum.count, to: sum.total, workspace: workspace.base)
                }
                try batch.transfers.start(batch.receiveCount + number..<batch.receiveCount + number + 1)
            }
            sentPieceCount = end
        }

        /// Statistics alone, where gradients go another way.
        func exchangeStatistics(_ index: Int, _ statistics: UnsafeMutablePointer<GrainStatistics>) throws {
            try local?.wait()
            try gather(UnsafeMutableRawPointer(statistics), batches[index].statistics)
            try local?.wait()
        }

        /// Sends this worker's slice of the parameters and receives those of other hosts.
        func exchangeParameters() throws {
            try parameters.start(0..<parameters.count)
            try parameters.wait()
            sentByteCount += parameters.sentByteCount
            try overlap.finishStep()
        }

        /// Makes what each worker has written of its slice of `floats`, common to a host, whole on all hosts.
        func gatherSlices(_ floats: UnsafeMutablePointer<Float>) throws {
            try local?.wait()
            if let leaders {
                try leaders.allGatherInPlace(floats: floats, counts: slices.counts, offsets: slices.offsets)
                sentByteCount += slices.sentByteCount
            }
            try local?.wait()
        }

        /// The same for columns of block sums, `stride` blocks each.
        func gatherBlocks(_ sums: UnsafeMutablePointer<Double>, columns: Range<Int>, stride: Int) throws {
            try local?.wait()
            for column in columns { try gather(UnsafeMutableRawPointer(sums + column * stride), blocks) }
            try local?.wait()
        }

        /// Copies `floats`, common to a host, from the first host to all.
        func broadcast(_ floats: UnsafeMutablePointer<Float>, count: Int) throws {
            try hosts.leaders?.broadcast(
                UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(start: floats, count: count)), root: 0)
            try local?.wait()
        }

        /// `0..<floatCount` cut at `starts`, from its end.
        private static func pieces(of floatCount: Int, starts: [Int]) -> [Range<Int>] {
            var pieces: [Range<Int>] = []
            var end = floatCount
            for start in starts.sorted(by: >) where start > 0 && start < end {
                pieces.append(start..<end)
                end = start
            }
            return pieces + [0..<end]
        }

        private func gather(_ bytes: UnsafeMutableRawPointer, _ parts: Parts) throws {
            guard let leaders else { return }
            try leaders.allGatherInPlace(bytes: bytes, counts: parts.counts, offsets: parts.offsets)
            sentByteCount += parts.sentByteCount
        }
    }

    @available(*, unavailable) extension HostExchange: Sendable {}
#endif
