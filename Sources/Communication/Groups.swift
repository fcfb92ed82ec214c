import Errors
import Glibc
import Tensors

/// How workers are divided: neighbours together, the last group with what is left.
package struct GroupPlan: Hashable, Sendable {
    package let workerCount: Int
    package let groupSize: Int

    /// `groupSize` above `workerCount` means one group of all.
    package init(workerCount: Int, groupSize: Int) {
        precondition(workerCount >= 1 && groupSize >= 1, "GroupPlan: \(workerCount) workers by \(groupSize)")
        self.workerCount = workerCount
        self.groupSize = min(groupSize, workerCount)
    }

    package var groupCount: Int { (workerCount + groupSize - 1) / groupSize }
    package func group(of worker: Int) -> Int { worker / groupSize }

    package func workers(of group: Int) -> Range<Int> {
        group * groupSize..<min((group + 1) * groupSize, workerCount)
    }
}

extension Communicator {
    /// Runs `body` with the communicator of this worker's group. Collective; groups do not wait for each other before
    /// the end of `body`, nor after it.
    package func inGroup<T>(of plan: GroupPlan, _ body: (borrowing Communicator) throws -> T) throws -> T {
        precondition(plan.workerCount == size, "inGroup: \(plan.workerCount) workers of \(size)")
        let group = try endpoint.group(of: plan)
        group.firstRank = plan.workers(of: plan.group(of: rank)).lowerBound
        group.jobSize = size
        let value: T
        do throws(Failure) {
            value = try group.run(body)
        } catch {
            if group.size > 1 && error != group.agreedFailure { endpoint.placedFailure = error }
            throw error
        }
        try group.leaveGroup()
        return value
    }
}

extension Endpoint {
    fileprivate func group(of plan: GroupPlan) throws -> Endpoint {
        let number = plan.group(of: rank)
        let members = plan.workers(of: number)
        let names = Array(hostNames[members])
        switch transport {
        case .alone:
            return Endpoint(rank: 0, size: 1, kind: kind, hostNames: names, hostCount: 1, transport: .alone)
        case .threads(let barrier):
            // Collective, though groups of one do without.
            let control = try sharedGroupControl(plan, members)
            guard members.count > 1 else {
                return Endpoint(rank: 0, size: 1, kind: kind, hostNames: names, hostCount: 1, transport: .alone)
            }
            let own = SpinBarrier(
                block: control.block, rank: rank - members.lowerBound, size: members.count,
                processorCount: barrier.isOversubscribed ? 0 : members.count)
            let endpoint = Endpoint(
                rank: rank - members.lowerBound, size: members.count, kind: kind, hostNames: names, hostCount: 1,
                transport: .threads(own))
            endpoint.groupControl = control
            return endpoint
        #if MPI
            case .ranks(let world, _):
                let communicator = try world.split(color: number)
                guard members.count > 1 else {
                    try communicator.free()
                    return Endpoint(rank: 0, size: 1, kind: kind, hostNames: names, hostCount: 1, transport: .alone)
                }
                let endpoint = try Endpoint.ofRanks(
                    communicator, rank: rank - members.lowerBound, hostNames: names,
                    firstRank: members.lowerBound, transport: wantedTransport,
                    isOversubscribed: hosts.local.sharedBarrier?.isOversubscribed ?? false)
                endpoint.isGroup = true
                endpoint.wantedTransport = wantedTransport
                return endpoint
        #endif
        }
    }

    /// Collective in the group.
    fileprivate func leaveGroup() throws {
        #if MPI
            guard isGroup, case .ranks(let communicator, _) = transport else { return }
            try barrier()
            try apart?.free()
            try windows.freeAll()
            try communicator.free()
        #endif
    }

    /// The first of each group makes its control block and the others take references of their own.
    private func sharedGroupControl(_ plan: GroupPlan, _ members: Range<Int>) throws -> GroupControl {
        let own = rank == members.lowerBound ? GroupControl(size: members.count) : nil
        if let own {
            let reference = Unmanaged.passUnretained(own)
            for _ in members.dropFirst() { _ = reference.retain() }
        }
        let addresses = try allGather(
            value: own.map { UInt(bitPattern: Unmanaged.passUnretained($0).toOpaque()) } ?? 0)
        if let own { return own }
        let address = UnsafeRawPointer(bitPattern: addresses[members.lowerBound])!
        return Unmanaged<GroupControl>.fromOpaque(address).takeRetainedValue()
    }
}

/// The control block of a group of threads, which they own together.
final class GroupControl {
    private let memory: AlignedBuffer<UInt8>
    let block: ControlBlock

    init(size: Int) {
        memory = AlignedBuffer(count: ControlBlock.byteCount(size: size))
        block = ControlBlock(base: UnsafeMutableRawPointer(memory.base))
        block.initializeHeader()
        for rank in 0..<size { block.initializeLine(of: rank, process: getpid()) }
    }
}
