import Errors

/// What a worker is.
package enum WorkerKind: String, Sendable {
    case mpi, threads, solo
}

/// One worker's end of the connections to the others: what `Communicator` lends to the program and what outlives the
/// loan inside a `GradientReducer`.
final class Endpoint {
    enum Transport {
        /// One worker.
        case alone
        case threads(SpinBarrier)
        #if MPI
            /// With a barrier in shared memory when all ranks are on one host and may share it.
            case ranks(MPI.Communicator, SpinBarrier?)
        #endif
    }

    let rank: Int
    let size: Int
    let kind: WorkerKind
    /// By rank.
    let hostNames: [String]
    let hostCount: Int
    let transport: Transport
    /// Why the ranks of this job send messages; nil where they share memory.
    let whyNoSharedMemory: String?
    #if MPI
        let windows = WindowList()
        /// Looks after the other ranks of the job.
        var lifeWatch: LifeWatch?
        /// Whether these ranks are a part of a job, whose communicator ends before the job.
        var isGroup = false
        /// What the user asks for.
        var wantedTransport = Transport.Wanted.shared
        /// Where not all of these ranks share memory: which do.
        var apart: Hosts?
    #endif
    /// Of a group: the number that its first worker has among all, and how many those are.
    var firstRank = 0
    var jobSize: Int?
    /// The failure of a worker of this worker's group, which says where it was.
    var placedFailure: Failure?
    /// What keeps the barrier of a group of threads alive.
    var groupControl: GroupControl?
    /// The last failure that all workers threw together.
    var agreedFailure: Failure?

    init(
        rank: Int, size: Int, kind: WorkerKind, hostNames: [String], hostCount: Int, transport: Transport,
        whyNoSharedMemory: String? = nil
    ) {
        self.rank = rank
        self.size = size
        self.kind = kind
        self.hostNames = hostNames
        self.hostCount = hostCount
        self.transport = transport
        self.whyNoSharedMemory = whyNoSharedMemory
    }

    static func solo() -> Endpoint {
        Endpoint(rank: 0, size: 1, kind: .solo, hostNames: [hostName()], hostCount: 1, transport: .alone)
    }

    /// The barrier in memory that all workers see; nil for one worker, and for ranks that send messages.
    var sharedBarrier: SpinBarrier? {
        switch transport {
        case .alone: nil
        case .threads(let barrier): barrier
        #if MPI
            case .ranks(_, let barrier): barrier
        #endif
        }
    }

    /// Tells workers that wait, or will wait, for this one why it is not coming.
    func poison(_ failure: Failure) { controlBlock?.poison(failure) }
}

@available(*, unavailable) extension Endpoint: Sendable {}

// MARK: Collectives

extension Endpoint {
    func barrier() throws {
        switch transport {
        case .alone: break
        case .threads(let barrier): try barrier.wait()
        #if MPI
            case .ranks(let communicator, nil): try communicator.barrier()
            case .ranks(_, let barrier?): try barrier.wait()
        #endif
        }
    }

    /// Gathers `counts[r]` bytes of each rank `r` in rank order; `source` holds this rank's.
    func allGather(
        _ source: UnsafeRawBufferPointer, counts: [Int], into destination: UnsafeMutableRawBufferPointer
    ) throws {
        precondition(
            counts.count == size && source.count == counts[rank] && destination.count == counts.reduce(0, +),
            "allGather: \(source.count) bytes for counts \(counts) into \(destination.count) bytes")
        switch transport {
        case .alone:
            destination.copyMemory(from: source)
        case .threads(let barrier):
            barrier.block.posted(by: rank).pointee = source.baseAddress
            try barrier.wait()
            var offset = 0
            for other in 0..<size {
                let part = UnsafeRawBufferPointer(
                    start: barrier.block.posted(by: other).pointee, count: counts[other])
                UnsafeMutableRawBufferPointer(rebasing: destination[offset..<offset + counts[other]])
                    .copyMemory(from: part)
                offset += counts[other]
            }
            try barrier.wait()
        #if MPI
            case .ranks(let communicator, let barrier):
                // A rank that is gone or has failed alone is noticed here; in a call of MPI it would not be.
                try barrier?.wait()
                let (counts, offsets) = try messageCounts(counts)
                try communicator.allGather(
                    source.baseAddress, count: counts[rank], into: destination.baseAddress, counts: counts,
                    offsets: offsets)
        #endif
        }
    }

    /// Replaces every worker's bytes by those of `root`; all have the same number.
    func broadcast(_ bytes: UnsafeMutableRawBufferPointer, root: Int) throws {
        switch transport {
        case .alone: break
        case .threads(let barrier):
            barrier.block.posted(by: rank).pointee = UnsafeRawPointer(bytes.baseAddress)
            try barrier.wait()
            if rank != root {
                let source = barrier.block.posted(by: root).pointee
                bytes.copyMemory(from: UnsafeRawBufferPointer(start: source, count: bytes.count))
            }
            try barrier.wait()
        #if MPI
            case .ranks(let communicator, let barrier):
                try barrier?.wait()
                // 1 GiB at a time: a count of MPI is an Int32.
                for start in stride(from: 0, to: bytes.count, by: 1 << 30) {
                    let count = min(bytes.count - start, 1 << 30)
                    try communicator.broadcast(bytes.baseAddress! + start, count: Int32(count), root: root)
                }
        #endif
        }
    }

    func allGather(bytes: [UInt8]) throws -> [[UInt8]] {
        let counts = try allGather(value: bytes.count)
        let total = counts.reduce(0, +)
        let all = try [UInt8](unsafeUninitializedCapacity: total) { buffer, initializedCount in
            try bytes.withUnsafeBytes {
                try allGather(
                    $0, counts: counts, into: UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: total))
            }
            initializedCount = total
        }
        var offset = 0
        return counts.map { count in
            offset += count
            return Array(all[offset - count..<offset])
        }
    }

    func allGather<T: BitwiseCopyable>(value: T) throws -> [T] {
        let counts = [Int](repeating: MemoryLayout<T>.stride, count: size)
        return try [T](unsafeUninitializedCapacity: size) { buffer, initializedCount in
            // A value's stride may exceed its size; the padding travels too.
            try withUnsafeTemporaryAllocation(of: T.self, capacity: 1) { own in
                own.initialize(repeating: value)
                let destination = UnsafeMutableRawBufferPointer(
                    start: buffer.baseAddress, count: size * MemoryLayout<T>.stride)
                try allGather(UnsafeRawBufferPointer(own), counts: counts, into: destination)
            }
            initializedCount = size
        }
    }

    /// MPI's counts and offsets, which are `Int32`.
    func messageCounts(_ counts: [Int]) throws(Failure) -> (counts: [Int32], offsets: [Int32]) {
        var offset = 0
        var offsets: [Int32] = []
        for count in counts {
            offsets.append(Int32(truncatingIfNeeded: offset))
            offset += count
        }
        guard offset <= Int(Int32.max) else {
            throw Failure(
                .data,
                "a message of \(offset) elements is longer than MPI can send (\(Int32.max)): use one host, or fewer parameters"
            )
        }
        return (counts.map { Int32($0) }, offsets)
    }
}
