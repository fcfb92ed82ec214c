import Errors

/// One worker's view of a run's workers: ranks under a launcher, threads of one process, or itself alone.
///
/// Every worker calls the same collectives in the same order. Results do not depend on what the workers are.
package struct Communicator: ~Copyable {
    let endpoint: Endpoint

    init(_ endpoint: Endpoint) { self.endpoint = endpoint }

    package var rank: Int { endpoint.rank }
    package var size: Int { endpoint.size }
    /// Workers of the job, of which these may be a group, and these among them.
    package var jobSize: Int { endpoint.jobSize ?? size }
    package var placesInJob: Range<Int> { endpoint.firstRank..<endpoint.firstRank + size }
    package var kind: WorkerKind { endpoint.kind }
    /// This worker's host.
    package var hostName: String { endpoint.hostNames[endpoint.rank] }
    /// Every worker's host, by rank.
    package var hostNames: [String] { endpoint.hostNames }
    package var hostCount: Int { endpoint.hostCount }

    /// Whether all workers are on one host and see common memory. One worker does.
    package var sharesMemory: Bool { endpoint.whyNoSharedMemory == nil }
    /// Why ranks send messages instead, in a few words; nil where memory is shared.
    package var whyNoSharedMemory: String? { endpoint.whyNoSharedMemory }

    /// Workers that share memory, host by host.
    package var hostMembers: [Range<Int>] { endpoint.hosts.members }

    /// Returns when all workers have called it. Throws when one of them failed alone or is gone.
    package func barrier() throws { try endpoint.barrier() }

    /// Every worker's value, by rank.
    package func allGather<T: BitwiseCopyable>(_ value: T) throws -> [T] { try endpoint.allGather(value: value) }

    /// Every worker's bytes, by rank; their numbers may differ.
    package func allGather(bytes: [UInt8]) throws -> [[UInt8]] { try endpoint.allGather(bytes: bytes) }

    /// The bytes of worker `root`; what others pass is ignored.
    package func broadcast(bytes: [UInt8], root: Int) throws -> [UInt8] {
        checkRoot(root)
        var result = bytes
        let count = try broadcast(bytes.count, root: root)
        if rank != root { result = [UInt8](repeating: 0, count: count) }
        try result.withUnsafeMutableBytes { try endpoint.broadcast($0, root: root) }
        return result
    }

    /// The value of worker `root`; what others pass is ignored.
    package func broadcast<T: BitwiseCopyable>(_ value: T, root: Int) throws -> T {
        checkRoot(root)
        return try withUnsafeTemporaryAllocation(of: T.self, capacity: 1) { buffer in
            buffer.initialize(repeating: value)
            try endpoint.broadcast(UnsafeMutableRawBufferPointer(buffer), root: root)
            return buffer[0]
        }
    }

    /// The values of worker `root`; what others pass, as many, is ignored.
    package func broadcast<T: BitwiseCopyable>(_ values: [T], root: Int) throws -> [T] {
        checkRoot(root)
        var result = values
        try result.withUnsafeMutableBytes { try endpoint.broadcast($0, root: root) }
        return result
    }

    /// Runs `body` on every worker, then all compare notes: if it failed on any, all throw the same `Failure`, that of
    /// the lowest failing rank, with its rank and host in front unless all failed alike.
    package func agree<T>(_ body: () throws -> T) throws -> T { try endpoint.agree(body) }

    /// Runs `body` on worker 0 alone; when it fails, all workers throw the same `Failure`.
    package func onRoot(_ body: () throws -> Void) throws { try endpoint.onRoot(body) }

    /// Whether `failure` is what all workers have thrown together in the last `agree` or `onRoot`: all of them can then go on.
    package func hasAgreed(on failure: Failure) -> Bool { endpoint.agreedFailure == failure }

    private func checkRoot(_ root: Int) {
        precondition(root >= 0 && root < size, "broadcast: root \(root) is outside 0..<\(size)")
    }
}

@available(*, unavailable) extension Communicator: Sendable {}
