import CMachine
import Glibc

extension Communicator {
    /// Runs `body` with a communicator of this host's workers, those that share memory with this one. No worker waits for
    /// another host.
    package func onHost<T>(_ body: (borrowing Communicator) throws -> T) rethrows -> T {
        try body(Communicator(endpoint.hosts.local))
    }

    /// Runs `body` on worker 0, as if it were the only one; the others sleep meanwhile. When it fails, all workers throw the same
    /// `Failure`.
    package func aloneOnRoot<T>(_ body: (borrowing Communicator) throws -> T) throws -> T? {
        let result = rank == 0 ? Result { try body(Communicator(.solo())) } : nil
        try endpoint.sleepUntilAllAreHere()
        return try agree { try result?.get() }
    }

    /// Runs `body` on all workers at once, on each as if it were the only one. When it fails on any, all throw the same `Failure`.
    package func eachAlone<T>(_ body: (borrowing Communicator) throws -> T) throws -> T {
        try barrier()
        return try agree { try body(Communicator(.solo())) }
    }
}

extension Endpoint {
    /// A barrier that leaves the processor to those who have not come.
    fileprivate func sleepUntilAllAreHere() throws {
        #if MPI
            if let communicator {
                let arrival = try communicator.beginBarrier()
                while try !arrival.isComplete() { usleep(500) }
                return
            }
        #endif
        // Threads sleep when they have waited for a while.
        try barrier()
    }
}
