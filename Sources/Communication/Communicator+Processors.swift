extension Communicator {
    /// The processors of all hosts that some worker may run on. Collective. (A thread may be bound to one of them.)
    package func processorCount() throws -> Int {
        let sets = try allGather(bytes: ProcessorSet.allowed().bytes).map(ProcessorSet.init(bytes:))
        var total = 0
        for (rank, host) in hostNames.enumerated() where hostNames.firstIndex(of: host) == rank {
            let own = sets.indices.filter { hostNames[$0] == host }.map { sets[$0] }
            total += own.dropFirst().reduce(own[0]) { $0.union($1) }.count
        }
        return total
    }
}
