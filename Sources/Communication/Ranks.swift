#if MPI
    import CMachine
    import Errors
    import Foundation
    import Glibc
    import Synchronization

    /// `messages` makes ranks of one host send messages, as ranks of several do; for tests and comparison.
    private let transportVariable = "LOCKSTEP_TRANSPORT"

    /// Runs `body` as one rank of a launcher's job.
    func runRank<T>(
        watch: RankWatch?, onFailure: (Failure) -> Void, _ body: (borrowing Communicator) throws -> T
    ) throws(Failure) -> T {
        let endpoint: Endpoint
        do {
            try dieWithParent()
            let launch = Launcher.detect(environment: ProcessInfo.processInfo.environment)
            let lifeWatch =
                launch.size == 1 ? nil : watch.map { LifeWatch($0, rank: launch.rank, size: launch.size ?? 2) }
            endpoint = try Endpoint.startMPI()
            try endpoint.beginWatch(lifeWatch)
        } catch {
            let failure = Failure(wrapping: error)
            onFailure(failure)
            throw failure
        }
        do throws(Failure) {
            let value = try endpoint.run { communicator in
                try communicator.endpoint.checkTransportVariable()
                return try body(communicator)
            }
            try endpoint.leave()
            return value
        } catch {
            if error == endpoint.agreedFailure {
                if endpoint.rank == 0 { onFailure(error) }
                // All ranks are here, so this ends in order; if it does not, the first failure matters more.
                try? endpoint.leave()
            } else if endpoint.sharedBarrier?.block.claimReport() ?? true {
                // MPI_Finalize would wait for ranks that do not come. The exit code makes the launcher end the job.
                onFailure(error)
            }
            throw error
        }
    }

    /// A rank that spins does not notice the end of its launcher, so the kernel must end it.
    private func dieWithParent() throws(Failure) {
        let parent = getppid()
        guard lockstep_set_parent_death_signal(SIGKILL) == 0 else {
            throw Failure(.internal, "prctl(PR_SET_PDEATHSIG) failed: \(String(cString: strerror(errno)))")
        }
        guard getppid() == parent else { throw Failure(.stopped, "the launcher ended while this rank started") }
    }

    extension Endpoint {
        fileprivate static func startMPI() throws -> Endpoint {
            MPI.threadSupport = try MPI.initialize()
            guard MPI.threadSupport != .none else {
                throw Failure(.internal, "this MPI library does not provide MPI_THREAD_FUNNELED: use another one")
            }
            let world = MPI.world
            try world.returnErrors()
            let (rank, size) = (try world.rank(), try world.size())
            guard size > 1 else {
                return Endpoint(
                    rank: 0, size: 1, kind: .mpi, hostNames: [hostName()], hostCount: 1, transport: .alone)
            }
            let bare = Endpoint(bare: world, rank: rank, hostNames: [String](repeating: "", count: size))
            let hostNames = try bare.allGather(bytes: Array(hostName().utf8)).map {
                String(decoding: $0, as: UTF8.self)
            }
            // Asking on any rank is enough: a launcher need not pass the environment on to all.
            let asks = getenv(transportVariable).map { String(cString: $0) } == "messages"
            let asked = try bare.allGather(value: asks).contains(true)
            return try ofRanks(
                world, rank: rank, hostNames: hostNames, whyMessages: asked ? "\(transportVariable)=messages" : nil,
                isOversubscribed: false)
        }

        /// One that can only send messages.
        private convenience init(bare communicator: MPI.Communicator, rank: Int, hostNames: [String]) {
            self.init(
                rank: rank, size: hostNames.count, kind: .mpi, hostNames: hostNames, hostCount: 0,
                transport: .ranks(communicator, nil))
        }

        /// Several ranks, with a barrier in common memory where they are on one host. Collective among them.
        ///
        /// - Parameter whyMessages: Why they are to do without common memory; nil where nothing speaks against it.
        static func ofRanks(
            _ communicator: MPI.Communicator, rank: Int, hostNames: [String], whyMessages: String?,
            isOversubscribed: Bool
        ) throws -> Endpoint {
            let bare = Endpoint(bare: communicator, rank: rank, hostNames: hostNames)
            let host = try communicator.splitByHost()
            let hostCount = try bare.allGather(value: try host.rank()).count { $0 == 0 }
            try host.free()
            var control = SharedControl(barrier: nil, window: nil, whyNot: "the ranks are on \(hostCount) hosts")
            if hostCount == 1 {
                control = try SharedControl(
                    bare, communicator, whyMessages: whyMessages, isOversubscribed: isOversubscribed)
            }
            let endpoint = Endpoint(
                rank: rank, size: hostNames.count, kind: .mpi, hostNames: hostNames, hostCount: hostCount,
                transport: .ranks(communicator, control.barrier), whyNoSharedMemory: control.whyNot)
            endpoint.windows.control = control.window
            return endpoint
        }

        fileprivate func checkTransportVariable() throws {
            try agree {
                guard let value = getenv(transportVariable).map({ String(cString: $0) }) else { return }
                guard ["messages", "shared"].contains(value) else {
                    throw Failure(.usage, "\(transportVariable)=\(value): it is messages or shared (the default)")
                }
            }
        }

        /// Each rank looks after the others from here on. Collective.
        fileprivate func beginWatch(_ watch: LifeWatch?) throws {
            guard size > 1 else {
                watch?.end()
                return
            }
            guard let watch else { return }
            watch.begin(try circle(timeoutSeconds: watch.watch.timeoutSeconds))
            lifeWatch = watch
        }

        /// Ends MPI on all ranks together.
        fileprivate func leave() throws(Failure) {
            do {
                try barrier()
                lifeWatch?.forgetMemory()
                try windows.freeAll()
                try MPI.finalize()
                lifeWatch?.end()
            } catch {
                throw Failure(wrapping: error)
            }
        }
    }
#endif
