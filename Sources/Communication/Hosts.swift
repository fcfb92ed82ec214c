import Errors

/// Which workers see common memory, and how those that do not meet.
///
/// A host's workers are neighbours in the order of ranks, so its grains and its slices are too. A worker that may not share
/// memory with any other counts as a host of its own.
struct Hosts {
    /// By host, its workers.
    let members: [Range<Int>]
    /// The number of this worker's host.
    let own: Int
    /// The workers of this host among themselves.
    let local: Endpoint
    #if MPI
        /// All workers, for messages from host to host; nil where there is one host.
        let link: MPI.Communicator?
        /// The first workers of all hosts among themselves; nil on the others.
        let leaders: Endpoint?
        /// Whether `local` and `leaders` have communicators of their own.
        let ownsCommunicators: Bool
    #endif

    var count: Int { members.count }

    /// The worker of `host` that sends to, and receives from, `worker` of another host. A host's workers divide its
    /// traffic so.
    func partner(of worker: Int, on host: Int) -> Int {
        let home = members.first { $0.contains(worker) }!
        return members[host].lowerBound + (worker - home.lowerBound) % members[host].count
    }

    /// The workers of other hosts whose partner `worker`, one of this host, is.
    func partners(of worker: Int) -> [Int] {
        members.indices.filter { $0 != own }.flatMap { members[$0] }.filter { partner(of: $0, on: own) == worker }
    }
}

@available(*, unavailable) extension Hosts: Sendable {}

extension Endpoint {
    /// Who shares memory with whom.
    var hosts: Hosts {
        #if MPI
            if let apart { return apart }
            return Hosts(
                members: [0..<size], own: 0, local: self, link: nil, leaders: nil, ownsCommunicators: false)
        #else
            return Hosts(members: [0..<size], own: 0, local: self)
        #endif
    }

    /// The control block of the workers that share memory with this one.
    var controlBlock: ControlBlock? { hosts.local.sharedBarrier?.block }
}

#if MPI
    extension Endpoint {
        /// Every rank as a host of its own.
        func separated() -> Hosts {
            guard case .ranks(let communicator, _) = transport else {
                preconditionFailure("Endpoint: \(kind) workers share memory")
            }
            let local = Endpoint(
                rank: 0, size: 1, kind: kind, hostNames: [hostNames[rank]], hostCount: 1, transport: .alone)
            return Hosts(
                members: (0..<size).map { $0..<$0 + 1 }, own: rank, local: local, link: communicator,
                leaders: Endpoint(bare: communicator, rank: rank, hostNames: hostNames), ownsCommunicators: false)
        }

        /// The communicator of ranks.
        var communicator: MPI.Communicator? {
            guard case .ranks(let communicator, _) = transport else { return nil }
            return communicator
        }
    }

    extension Hosts {
        /// Several hosts. `local` are the ranks of this one. Collective.
        init(
            _ members: [Range<Int>], own: Int, local: MPI.Communicator, localNames: [String], _ control: SharedControl,
            _ link: MPI.Communicator, _ hostNames: [String]
        ) throws {
            let rank = try local.rank()
            let leaders = try link.split(color: min(rank, 1))
            if rank > 0 { try leaders.free() }
            self.members = members
            self.own = own
            self.link = link
            self.leaders =
                rank > 0 ? nil : Endpoint(bare: leaders, rank: own, hostNames: members.map { hostNames[$0.lowerBound] })
            self.local = Endpoint(
                rank: rank, size: localNames.count, kind: .mpi, hostNames: localNames, hostCount: 1,
                transport: localNames.count > 1 ? .ranks(local, control.barrier) : .alone)
            self.local.windows.control = control.window
            if localNames.count == 1 { try local.free() }
            ownsCommunicators = true
        }

        /// Collective on all hosts.
        func free() throws {
            try local.windows.freeAll()
            guard ownsCommunicators else { return }
            try local.communicator?.free()
            try leaders?.communicator?.free()
        }
    }
#endif

/// A region that the workers of each host see, each host its own: `SharedMemory`, or private memory on all hosts where that
/// cannot be had on one of them.
struct HostRegion: ~Copyable {
    /// As the memory has them.
    let hosts: Hosts
    let memory: SharedMemory
    /// Why there are several hosts, in a few words; nil where there is one.
    let whyNotShared: String?

    /// Collective. This worker's segment has `byteCount` bytes, and the first of each host has `commonByteCount` before them.
    init(_ endpoint: Endpoint, commonByteCount: Int, byteCount: Int) throws {
        var hosts = endpoint.hosts
        var memory = try SharedMemory(
            hosts.local, sharedByteCount: (hosts.local.rank == 0 ? commonByteCount : 0) + byteCount,
            privateByteCount: commonByteCount + byteCount)
        var whyNotShared = endpoint.whyNoSharedMemory
        #if MPI
            if endpoint.communicator != nil {
                let refusals = try endpoint.allGather(bytes: Array((memory.whyNotShared ?? "").utf8))
                if let refusal = refusals.first(where: { !$0.isEmpty }) {
                    whyNotShared = String(decoding: refusal, as: UTF8.self)
                    hosts = endpoint.separated()
                    memory = try SharedMemory(
                        hosts.local, sharedByteCount: commonByteCount + byteCount, privateByteCount: 0)
                }
            }
        #endif
        self.hosts = hosts
        self.memory = memory
        self.whyNotShared = whyNotShared
    }
}
