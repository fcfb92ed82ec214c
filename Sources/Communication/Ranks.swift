#if MPI
    import CMachine
    import Errors
    import Foundation
    import Glibc
    import Synchronization

    /// How ranks of one host meet, for tests and comparison.
    private let transportVariable = "LOCKSTEP_TRANSPORT"

    extension Endpoint.Transport {
        /// What `LOCKSTEP_TRANSPORT` says.
        enum Wanted: Equatable {
            case shared
            /// All ranks send messages, as if each were on a host of its own: `messages`.
            case messages
            /// As if ranks were on hosts of the first with so many of them, the second with so many …, and then from the front
            /// again: `hosts:2,1`.
            case hosts([Int])

            init?(_ text: String) {
                switch text {
                case "", "shared": self = .shared
                case "messages": self = .messages
                default:
                    let counts = text.dropFirst(6).split(separator: ",", omittingEmptySubsequences: false).map {
                        Int($0)
                    }
                    guard text.hasPrefix("hosts:"), counts.allSatisfy({ $0 ?? 0 > 0 }) else { return nil }
                    self = .hosts(counts.map { $0! })
                }
            }

            /// The number of the host that `rank` counts as one of; nil for its own.
            func host(of rank: Int) -> Int? {
                switch self {
                case .shared: return nil
                case .messages: return rank
                case .hosts(let counts):
                    var (host, rest) = (0, rank)
                    while rest >= counts[host % counts.count] {
                        rest -= counts[host % counts.count]
                        host += 1
                    }
                    return host
                }
            }
        }
    }

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
                try communicator.endpoint.checkVariables()
                return try body(communicator)
            }
            try endpoint.leave()
            return value
        } catch {
            if error == endpoint.agreedFailure {
                if endpoint.rank == 0 { onFailure(error) }
                // All ranks are here, so this ends in order; if it does not, the first failure matters more.
                try? endpoint.leave()
            } else if endpoint.controlBlock?.claimReport() ?? true {
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
            let (communicator, place) = try inHostOrder(Endpoint(bare: world, rank: rank, size: size), world)
            let bare = Endpoint(bare: communicator, rank: place, size: size)
            let hostNames = try bare.allGather(bytes: Array(hostName().utf8)).map {
                String(decoding: $0, as: UTF8.self)
            }
            // Asking on any rank is enough: a launcher need not pass the environment on to all.
            let asked = try bare.allGather(bytes: Array(transportText.utf8)).first { !$0.isEmpty }
            let transport = asked.flatMap { Transport.Wanted(String(decoding: $0, as: UTF8.self)) } ?? .shared
            let endpoint = try ofRanks(
                communicator, rank: place, hostNames: hostNames, transport: transport, isOversubscribed: false)
            endpoint.wantedTransport = transport
            return endpoint
        }

        /// The ranks with those of a host beside each other, in the order of hosts' first ranks: a launcher may deal them out in turn.
        private static func inHostOrder(
            _ endpoint: Endpoint, _ world: MPI.Communicator
        ) throws -> (MPI.Communicator, rank: Int) {
            let host = try world.splitByHost()
            let local = Endpoint(bare: host, rank: try host.rank(), size: try host.size())
            let first = try local.allGather(value: endpoint.rank)[0]
            try host.free()
            let firsts = try endpoint.allGather(value: first)
            let order = firsts.indices.sorted { (firsts[$0], $0) < (firsts[$1], $1) }
            guard order != Array(firsts.indices) else { return (world, endpoint.rank) }
            let place = order.firstIndex(of: endpoint.rank)!
            return (try world.split(color: 0, key: place), place)
        }

        private static var transportText: String { getenv(transportVariable).map { String(cString: $0) } ?? "" }

        /// One that can only send messages.
        convenience init(bare communicator: MPI.Communicator, rank: Int, hostNames: [String]) {
            self.init(
                rank: rank, size: hostNames.count, kind: .mpi, hostNames: hostNames, hostCount: 0,
                transport: .ranks(communicator, nil))
        }

        fileprivate convenience init(bare communicator: MPI.Communicator, rank: Int, size: Int) {
            self.init(bare: communicator, rank: rank, hostNames: [String](repeating: "", count: size))
        }

        /// Several ranks, those of a host beside each other, with a barrier in common memory for those of each host. Collective
        /// among them.
        ///
        /// - Parameter firstRank: What the first of them is called in the job.
        static func ofRanks(
            _ communicator: MPI.Communicator, rank: Int, hostNames: [String], firstRank: Int = 0,
            transport: Transport.Wanted, isOversubscribed: Bool
        ) throws -> Endpoint {
            let bare = Endpoint(bare: communicator, rank: rank, hostNames: hostNames)
            var host = try communicator.splitByHost()
            let hostCount = try bare.allGather(value: try host.rank()).count { $0 == 0 }
            if let wanted = transport.host(of: rank) {
                let part = try host.split(color: wanted)
                try host.free()
                host = part
            }
            let places = try bare.allGather(value: try host.rank())
            let firsts = places.indices.filter { places[$0] == 0 }
            let members = firsts.indices.map { firsts[$0]..<($0 + 1 < firsts.count ? firsts[$0 + 1] : places.count) }
            precondition(
                zip(places.indices, places).allSatisfy { rank, place in
                    members.contains { $0.contains(rank) && rank - $0.lowerBound == place }
                }, "Endpoint: ranks of a host are not neighbours: \(places)")

            let own = members.firstIndex { $0.contains(rank) }!
            let local = Endpoint(bare: host, rank: places[rank], hostNames: Array(hostNames[members[own]]))
            var control = SharedControl()
            if local.size > 1 {
                control = try SharedControl(
                    local, host, firstRank: firstRank + members[own].lowerBound, isOversubscribed: isOversubscribed)
            }
            let refusal = try bare.allGather(bytes: Array((control.whyNot ?? "").utf8)).first { !$0.isEmpty }.map {
                String(decoding: $0, as: UTF8.self)
            }
            func endpoint(_ barrier: SpinBarrier?, whyNot: String?) -> Endpoint {
                Endpoint(
                    rank: rank, size: hostNames.count, kind: .mpi, hostNames: hostNames, hostCount: hostCount,
                    transport: .ranks(communicator, barrier), whyNoSharedMemory: whyNot)
            }
            if let refusal {
                try control.window?.free()
                try host.free()
                let result = endpoint(nil, whyNot: refusal)
                result.apart = result.separated()
                return result
            }
            guard members.count > 1 else {
                try host.free()
                let result = endpoint(control.barrier, whyNot: nil)
                result.windows.control = control.window
                return result
            }
            let result = endpoint(
                nil,
                whyNot: hostCount > 1
                    ? "the ranks are on \(hostCount) hosts" : "\(transportVariable)=\(transportText)")
            result.apart = try Hosts(
                members, own: own, local: host, localNames: local.hostNames, control, communicator, hostNames)
            return result
        }

        fileprivate func checkVariables() throws {
            try agree {
                try OverlapTrial.checkVariable()
                guard let value = getenv(transportVariable).map({ String(cString: $0) }) else { return }
                guard Transport.Wanted(value) != nil else {
                    throw Failure(
                        .usage,
                        "\(transportVariable)=\(value): it is shared (the default), messages or such as hosts:2,1")
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
                try apart?.free()
                try windows.freeAll()
                try MPI.finalize()
                lifeWatch?.end()
            } catch {
                throw Failure(wrapping: error)
            }
        }
    }
#endif
