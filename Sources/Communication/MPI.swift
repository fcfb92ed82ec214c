#if MPI
    import CMPI
    import Glibc
    import Synchronization

    /// A call of MPI that did not succeed.
    package struct MPIError: Error, CustomStringConvertible {
        package let code: Int32
        package let function: String
        /// MPI's own words.
        package let text: String

        package var description: String { "\(function) failed: \(text) (code \(code))" }
    }

    /// The calls of MPI that this program makes: one wrapper for each, every return code checked.
    ///
    /// Counts are `Int32` as MPI has them; callers check for overflow. Handles are not `Sendable`: a worker's thread keeps
    /// its own.
    enum MPI {
        struct Communicator {
            let handle: MPI_Comm
        }

        struct Window {
            fileprivate let handle: MPI_Win
        }

        /// One call of MPI at a time in a process: whoever coordinates a sweep is a second thread (`MPI_THREAD_SERIALIZED`).
        private static let lock = Mutex(())

        /// A handle that MPI has written: a pointer that may be NULL in Open MPI, a number in MPICH.
        static func made<Handle>(_ handle: Handle?) -> Handle { handle! }

        static func call(_ function: String, _ body: () -> Int32) throws(MPIError) {
            let code = lock.withLock { _ in body() }
            guard code != lockstep_MPI_SUCCESS() else { return }
            let capacity = Int(lockstep_MPI_MAX_ERROR_STRING()) + 1
            let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { buffer in
                buffer.initialize(repeating: 0)
                var length: Int32 = 0
                let found = MPI_Error_string(code, buffer.baseAddress, &length) == lockstep_MPI_SUCCESS()
                return found ? String(cString: buffer.baseAddress!) : "unknown error"
            }
            throw MPIError(code: code, function: function, text: text)
        }
    }

    @available(*, unavailable) extension MPI.Communicator: Sendable {}
    @available(*, unavailable) extension MPI.Window: Sendable {}

    // MARK: Environment

    extension MPI {
        static var world: Communicator { Communicator(handle: lockstep_MPI_COMM_WORLD()) }

        /// Which threads may call MPI.
        enum ThreadSupport: Int {
            case none
            /// The one that started it.
            case funneled
            /// Any, one at a time.
            case serialized
        }

        /// Since `initialize`, before which there is no second thread.
        nonisolated(unsafe) static var threadSupport = ThreadSupport.none

        /// Starts MPI. The corresponding MPI function is `MPI_Init_thread`.
        static func initialize() throws(MPIError) -> ThreadSupport {
            let opensConnections = Connections.prepare()
            var provided: Int32 = -1
            try call("MPI_Init_thread") { MPI_Init_thread(nil, nil, lockstep_MPI_THREAD_SERIALIZED(), &provided) }
            if opensConnections {
                try world.returnErrors()
                try Connections.open(world)
            }
            if provided >= lockstep_MPI_THREAD_SERIALIZED() { return .serialized }
            return provided >= lockstep_MPI_THREAD_FUNNELED() ? .funneled : .none
        }

        /// The corresponding MPI function is `MPI_Finalize`.
        static func finalize() throws(MPIError) { try call("MPI_Finalize") { MPI_Finalize() } }

        /// Name and version of the library, on one line. The corresponding MPI function is `MPI_Get_library_version`.
        static func libraryVersion() throws(MPIError) -> String {
            var bytes = [CChar](repeating: 0, count: Int(lockstep_MPI_MAX_LIBRARY_VERSION_STRING()) + 1)
            var length: Int32 = 0
            try call("MPI_Get_library_version") { MPI_Get_library_version(&bytes, &length) }
            let text = bytes.prefix(while: { $0 != 0 }).map { UInt8(bitPattern: $0) }
            return String(decoding: text.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        }
    }

    // MARK: Communicators

    extension MPI.Communicator {
        /// The corresponding MPI function is `MPI_Comm_rank`.
        func rank() throws(MPIError) -> Int {
            var rank: Int32 = -1
            try MPI.call("MPI_Comm_rank") { MPI_Comm_rank(handle, &rank) }
            return Int(rank)
        }

        /// The corresponding MPI function is `MPI_Comm_size`.
        func size() throws(MPIError) -> Int {
            var size: Int32 = -1
            try MPI.call("MPI_Comm_size") { MPI_Comm_size(handle, &size) }
            return Int(size)
        }

        /// Makes errors come back as codes instead of ending the job.
        /// The corresponding MPI function is `MPI_Comm_set_errhandler`.
        func returnErrors() throws(MPIError) {
            try MPI.call("MPI_Comm_set_errhandler") { MPI_Comm_set_errhandler(handle, lockstep_MPI_ERRORS_RETURN()) }
        }

        /// The ranks that can share memory with this one; errors come back as codes.
        /// The corresponding MPI function is `MPI_Comm_split_type`.
        func splitByHost() throws(MPIError) -> MPI.Communicator {
            var part = lockstep_MPI_COMM_NULL()
            try MPI.call("MPI_Comm_split_type") {
                MPI_Comm_split_type(handle, lockstep_MPI_COMM_TYPE_SHARED(), 0, lockstep_MPI_INFO_NULL(), &part)
            }
            let communicator = MPI.Communicator(handle: MPI.made(part))
            try communicator.returnErrors()
            return communicator
        }

        /// The ranks that pass the same color, in the order of their keys and then of theirs here; errors come back as codes.
        /// The corresponding MPI function is `MPI_Comm_split`.
        func split(color: Int, key: Int = 0) throws(MPIError) -> MPI.Communicator {
            var part = lockstep_MPI_COMM_NULL()
            try MPI.call("MPI_Comm_split") { MPI_Comm_split(handle, Int32(color), Int32(key), &part) }
            let communicator = MPI.Communicator(handle: MPI.made(part))
            try communicator.returnErrors()
            return communicator
        }

        /// The corresponding MPI function is `MPI_Comm_free`.
        func free() throws(MPIError) {
            var freed = lockstep_MPI_COMM_NULL()
            freed = handle
            try MPI.call("MPI_Comm_free") { MPI_Comm_free(&freed) }
        }

        /// Lets messages under way advance. The corresponding MPI function is `MPI_Iprobe`.
        func progress() throws(MPIError) {
            var flag: Int32 = 0
            try MPI.call("MPI_Iprobe") {
                MPI_Iprobe(
                    lockstep_MPI_ANY_SOURCE(), lockstep_MPI_ANY_TAG(), handle, &flag, lockstep_MPI_STATUS_IGNORE())
            }
        }
    }

    // MARK: Messages

    extension MPI.Communicator {
        /// The rank and the length of a message that waits to be received; nil where none does.
        /// The corresponding MPI function is `MPI_Iprobe`.
        func probe(source: Int?) throws(MPIError) -> (source: Int, byteCount: Int)? {
            var flag: Int32 = 0
            var status = MPI_Status()
            var count: Int32 = 0
            let source = source.map { Int32($0) } ?? lockstep_MPI_ANY_SOURCE()
            try MPI.call("MPI_Iprobe") {
                MPI_Iprobe(source, lockstep_MPI_ANY_TAG(), handle, &flag, &status)
            }
            guard flag != 0 else { return nil }
            try MPI.call("MPI_Get_count") { MPI_Get_count(&status, lockstep_MPI_BYTE(), &count) }
            return (Int(status.MPI_SOURCE), Int(count))
        }

        /// The corresponding MPI function is `MPI_Recv`.
        func receive(byteCount: Int, from source: Int) throws(MPIError) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: byteCount)
            try MPI.call("MPI_Recv") {
                MPI_Recv(
                    &bytes, Int32(byteCount), lockstep_MPI_BYTE(), Int32(source), 0, handle,
                    lockstep_MPI_STATUS_IGNORE())
            }
            return bytes
        }

        /// The corresponding MPI function is `MPI_Send`.
        func send(_ bytes: [UInt8], to target: Int) throws(MPIError) {
            try MPI.call("MPI_Send") {
                MPI_Send(bytes, Int32(bytes.count), lockstep_MPI_BYTE(), Int32(target), 0, handle)
            }
        }
    }

    // MARK: Collectives

    extension MPI.Communicator {
        /// The corresponding MPI function is `MPI_Barrier`.
        func barrier() throws(MPIError) { try MPI.call("MPI_Barrier") { MPI_Barrier(handle) } }

        /// The corresponding MPI function is `MPI_Bcast`.
        func broadcast(_ bytes: UnsafeMutableRawPointer?, count: Int32, root: Int) throws(MPIError) {
            try MPI.call("MPI_Bcast") { MPI_Bcast(bytes, count, lockstep_MPI_BYTE(), Int32(root), handle) }
        }

        /// Bytes of every rank, in rank order. The corresponding MPI function is `MPI_Allgatherv`.
        func allGather(
            _ source: UnsafeRawPointer?, count: Int32, into destination: UnsafeMutableRawPointer?,
            counts: UnsafePointer<Int32>, offsets: UnsafePointer<Int32>
        ) throws(MPIError) {
            let byte = lockstep_MPI_BYTE()
            try MPI.call("MPI_Allgatherv") {
                MPI_Allgatherv(source, count, byte, destination, counts, offsets, byte, handle)
            }
        }

        /// Bytes of every rank, each of which already holds its own part in place.
        /// The corresponding MPI function is `MPI_Allgatherv`.
        func allGatherInPlace(
            bytes: UnsafeMutableRawPointer, counts: UnsafePointer<Int32>, offsets: UnsafePointer<Int32>
        ) throws(MPIError) {
            let byte = lockstep_MPI_BYTE()
            try MPI.call("MPI_Allgatherv") {
                MPI_Allgatherv(lockstep_MPI_IN_PLACE(), 0, byte, bytes, counts, offsets, byte, handle)
            }
        }

        /// Floats of every rank, each of which already holds its own part in place.
        /// The corresponding MPI function is `MPI_Allgatherv`.
        func allGatherInPlace(
            floats: UnsafeMutablePointer<Float>, counts: UnsafePointer<Int32>, offsets: UnsafePointer<Int32>
        ) throws(MPIError) {
            let float = lockstep_MPI_FLOAT()
            try MPI.call("MPI_Allgatherv") {
                MPI_Allgatherv(lockstep_MPI_IN_PLACE(), 0, float, floats, counts, offsets, float, handle)
            }
        }

        /// Sums in place, in an order of MPI's choice. The corresponding MPI function is `MPI_Allreduce`.
        func allReduceInPlace(_ floats: UnsafeMutablePointer<Float>, count: Int32) throws(MPIError) {
            try MPI.call("MPI_Allreduce") {
                MPI_Allreduce(
                    lockstep_MPI_IN_PLACE(), floats, count, lockstep_MPI_FLOAT(), lockstep_MPI_SUM(), handle)
            }
        }
    }

    // MARK: Shared windows

    extension MPI.Window {
        /// Memory that all ranks of a host's communicator see; this rank adds `byteCount` bytes to it.
        /// The corresponding MPI function is `MPI_Win_allocate_shared`.
        init(byteCount: Int, _ communicator: MPI.Communicator) throws(MPIError) {
            var base: UnsafeMutableRawPointer? = nil
            var window = lockstep_MPI_WIN_NULL()
            try MPI.call("MPI_Win_allocate_shared") {
                MPI_Win_allocate_shared(
                    MPI_Aint(byteCount), 1, lockstep_MPI_INFO_NULL(), communicator.handle, &base, &window)
            }
            handle = MPI.made(window)
            try MPI.call("MPI_Win_set_errhandler") { MPI_Win_set_errhandler(handle, lockstep_MPI_ERRORS_RETURN()) }
        }

        /// Where `rank`'s part begins in this process. The corresponding MPI function is `MPI_Win_shared_query`.
        func base(of rank: Int) throws(MPIError) -> UnsafeMutableRawPointer {
            var byteCount: MPI_Aint = 0
            var unit: Int32 = 0
            var base: UnsafeMutableRawPointer? = nil
            try MPI.call("MPI_Win_shared_query") { MPI_Win_shared_query(handle, Int32(rank), &byteCount, &unit, &base) }
            return base!
        }

        /// Every rank must call it. The corresponding MPI function is `MPI_Win_free`.
        func free() throws(MPIError) {
            var freed = lockstep_MPI_WIN_NULL()
            freed = handle
            try MPI.call("MPI_Win_free") { MPI_Win_free(&freed) }
        }
    }
#endif
