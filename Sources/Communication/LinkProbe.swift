extension Communicator {
    /// Each host sends `messageCount` messages of `floatCount` floats to the next and receives as many from the one before, all hosts
    /// at once: microseconds by repetition, on worker 0. Collective; empty where there is one host.
    package func timeOfExchange(floatCount: Int, messageCount: Int = 1, repetitions: Int) throws -> [Double] {
        var times: [Double] = []
        #if MPI
            let hosts = endpoint.hosts
            if let leaders = hosts.leaders, hosts.count > 1, let communicator = leaders.communicator {
                let (next, last) = ((hosts.own + 1) % hosts.count, (hosts.own + hosts.count - 1) % hosts.count)
                let out = UnsafeMutablePointer<Float>.zeros(floatCount * messageCount)
                let arrived = UnsafeMutablePointer<Float>.zeros(floatCount * messageCount)
                defer {
                    out.deallocate()
                    arrived.deallocate()
                }
                let transfers = MPI.Transfers(communicator)
                for message in 0..<messageCount {
                    try transfers.addReceive(arrived + message * floatCount, floatCount, from: last, tag: message)
                    try transfers.addSend(out + message * floatCount, floatCount, to: next, tag: message)
                }
                // The first one opens connections.
                for repetition in 0...repetitions {
                    try leaders.barrier()
                    let begin = ContinuousClock.now
                    try transfers.start(0..<transfers.count)
                    try transfers.wait()
                    if repetition > 0 { times.append((ContinuousClock.now - begin) / .microseconds(1)) }
                }
            }
        #endif
        try barrier()
        return rank == 0 ? times : []
    }
}
