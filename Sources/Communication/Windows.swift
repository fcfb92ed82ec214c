#if MPI
    import Errors
    import Glibc

    /// The shared windows of a rank. Freeing one is collective, and an owner may go while an error unwinds, so owners
    /// only retire theirs; a later collective call frees what all ranks have retired.
    final class WindowList {
        var control: MPI.Window?
        private var windows: [(number: Int, window: MPI.Window)] = []
        private var retired: Set<Int> = []
        // All ranks allocate together, so a window has the same number on all.
        private var nextNumber = 0

        func add(_ window: MPI.Window) -> Int {
            nextNumber += 1
            windows.append((nextNumber, window))
            return nextNumber
        }

        func retire(_ number: Int) { retired.insert(number) }

        /// Collective.
        func freeRetired(_ endpoint: Endpoint) throws {
            let own = windows.map { UInt8(retired.contains($0.number) ? 1 : 0) }
            let everywhere = try endpoint.allGather(bytes: own)
            var kept: [(number: Int, window: MPI.Window)] = []
            for (index, entry) in windows.enumerated() {
                if everywhere.allSatisfy({ $0[index] == 1 }) { try entry.window.free() } else { kept.append(entry) }
            }
            windows = kept
        }

        /// Collective, before MPI ends.
        func freeAll() throws {
            for entry in windows { try entry.window.free() }
            windows = []
            try control?.free()
            control = nil
        }
    }

    extension MPI.Window {
        /// A window on the memory of one host, zero at first and aligned to 64 bytes, with `byteCount` bytes
        /// altogether; or why there is none. Collective.
        static func allocate(
            byteCount: Int, _ endpoint: Endpoint, _ communicator: MPI.Communicator
        ) throws -> Result<(window: MPI.Window, base: UnsafeMutableRawPointer), WindowRefusal> {
            let own = endpoint.rank == 0 ? SharedMemorySpace.refusal(byteCount: byteCount, ranks: endpoint.size) : nil
            if let refusal = try firstText(own, endpoint) { return .failure(WindowRefusal(text: refusal)) }

            // The library's header shifts the base by the same distance in every process.
            let attempt = Result {
                let window = try MPI.Window(byteCount: endpoint.rank == 0 ? byteCount + 64 : 0, communicator)
                return (window: window, base: try window.base(of: 0).alignedUp(toMultipleOf: 64))
            }
            var problem: String?
            if case .failure(let error) = attempt { problem = "\(error)" }
            if let refusal = try firstText(problem, endpoint) { return .failure(WindowRefusal(text: refusal)) }
            return .success(try attempt.get())
        }

        private static func firstText(_ own: String?, _ endpoint: Endpoint) throws -> String? {
            let all = try endpoint.allGather(bytes: Array((own ?? "").utf8))
            return all.first { !$0.isEmpty }.map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// Why ranks of one host cannot have common memory.
    struct WindowRefusal: Error {
        let text: String
    }

    /// The control block that all ranks of a one-host job see, or why there is none.
    struct SharedControl {
        var barrier: SpinBarrier?
        var window: MPI.Window?
        var whyNot: String?
    }

    extension SharedControl {
        /// Collective. `firstRank`: of these ranks, in the job. `isOversubscribed`: there are other ranks for the same processors.
        init(_ endpoint: Endpoint, _ world: MPI.Communicator, firstRank: Int, isOversubscribed: Bool) throws {
            let byteCount = ControlBlock.byteCount(size: endpoint.size)
            switch try MPI.Window.allocate(byteCount: byteCount, endpoint, world) {
            case .failure(let refusal):
                self.init(barrier: nil, window: nil, whyNot: refusal.text)
            case .success(let (window, base)):
                let block = ControlBlock(base: base)
                if endpoint.rank == 0 { block.initializeHeader() }
                block.initializeLine(of: endpoint.rank, process: getpid())
                // Processors that the ranks may use together: mpirun may bind each rank to its own.
                let allowed = try endpoint.allGather(bytes: ProcessorSet.allowed().bytes)
                let together = allowed.map { ProcessorSet(bytes: $0) }.reduce(ProcessorSet(words: [])) { $0.union($1) }
                try world.barrier()
                let barrier = SpinBarrier(
                    block: block, rank: endpoint.rank, size: endpoint.size, firstRank: firstRank,
                    processorCount: isOversubscribed ? 0 : together.count,
                    progress: { try? MPI.world.progress() })
                // Nobody leaves before all have seen all others live.
                try world.barrier()
                self.init(barrier: barrier, window: window, whyNot: nil)
            }
        }
    }

    /// The file system that holds Open MPI's shared windows.
    private enum SharedMemorySpace {
        /// Left free for the library's own segments, which grow after their creation.
        private static func slack(ranks: Int) -> Int { 4 << 20 + ranks << 18 }

        /// Why `byteCount` bytes do not fit; writing beyond the end of a full one would be a bus error later.
        static func refusal(byteCount: Int, ranks: Int) -> String? {
            let folder = directory
            var status = statvfs()
            guard statvfs(folder, &status) == 0 else { return "\(folder): \(String(cString: strerror(errno)))" }
            let free = Int(
                clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
            let needed = byteCount + slack(ranks: ranks)
            guard free < needed else { return nil }
            return "\(folder) has \(free >> 20) MiB free, \((needed + (1 << 20) - 1) >> 20) MiB are needed"
        }

        /// Open MPI 4 and 5 (osc/sm) use /dev/shm where they may write to it, and the session's folder otherwise.
        private static var directory: String {
            if let chosen = getenv("OMPI_MCA_osc_sm_backing_directory") { return String(cString: chosen) }
            if access("/dev/shm", W_OK) == 0 { return "/dev/shm" }
            return getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        }
    }
#endif
