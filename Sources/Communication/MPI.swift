#if MPI
    import CMPI

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
    /// Counts are `Int32` as MPI has them; callers check for overflow. Handles are not `Sendable`, so the compiler
    /// keeps them on the one thread that `MPI_THREAD_FUNNELED` allows.
    enum MPI {
        struct Communicator {
            fileprivate let handle: MPI_Comm
        }

        struct Window {
            fileprivate let handle: MPI_Win
        }

        private static func check(_ code: Int32, _ function: String) throws(MPIError) {
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

        /// Starts MPI and returns whether only its main thread may call it, as asked for, or less is provided.
        /// The corresponding MPI function is `MPI_Init_thread`.
        static func initialize() throws(MPIError) -> Bool {
            var provided: Int32 = -1
            try check(MPI_Init_thread(nil, nil, lockstep_MPI_THREAD_FUNNELED(), &provided), "MPI_Init_thread")
            return provided >= lockstep_MPI_THREAD_FUNNELED()
        }

        /// The corresponding MPI function is `MPI_Finalize`.
        static func finalize() throws(MPIError) { try check(MPI_Finalize(), "MPI_Finalize") }

        /// Name and version of the library, on one line. The corresponding MPI function is `MPI_Get_library_version`.
        static func libraryVersion() throws(MPIError) -> String {
            var bytes = [CChar](repeating: 0, count: Int(lockstep_MPI_MAX_LIBRARY_VERSION_STRING()) + 1)
            var length: Int32 = 0
            try check(MPI_Get_library_version(&bytes, &length), "MPI_Get_library_version")
            let text = bytes.prefix(while: { $0 != 0 }).map { UInt8(bitPattern: $0) }
            return String(decoding: text.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        }
    }

    // MARK: Communicators

    extension MPI.Communicator {
        /// The corresponding MPI function is `MPI_Comm_rank`.
        func rank() throws(MPIError) -> Int {
            var rank: Int32 = -1
            try MPI.check(MPI_Comm_rank(handle, &rank), "MPI_Comm_rank")
            return Int(rank)
        }

        /// The corresponding MPI function is `MPI_Comm_size`.
        func size() throws(MPIError) -> Int {
            var size: Int32 = -1
            try MPI.check(MPI_Comm_size(handle, &size), "MPI_Comm_size")
            return Int(size)
        }

        /// Makes errors come back as codes instead of ending the job.
        /// The corresponding MPI function is `MPI_Comm_set_errhandler`.
        func returnErrors() throws(MPIError) {
            try MPI.check(MPI_Comm_set_errhandler(handle, lockstep_MPI_ERRORS_RETURN()), "MPI_Comm_set_errhandler")
        }

        /// The ranks that can share memory with this one; errors come back as codes.
        /// The corresponding MPI function is `MPI_Comm_split_type`.
        func splitByHost() throws(MPIError) -> MPI.Communicator {
            var part: MPI_Comm? = nil
            let code = MPI_Comm_split_type(handle, lockstep_MPI_COMM_TYPE_SHARED(), 0, lockstep_MPI_INFO_NULL(), &part)
            try MPI.check(code, "MPI_Comm_split_type")
            let communicator = MPI.Communicator(handle: part!)
            try communicator.returnErrors()
            return communicator
        }

        /// The corresponding MPI function is `MPI_Comm_free`.
        func free() throws(MPIError) {
            var handle: MPI_Comm? = handle
            try MPI.check(MPI_Comm_free(&handle), "MPI_Comm_free")
        }

        /// Lets messages under way advance. The corresponding MPI function is `MPI_Iprobe`.
        func progress() throws(MPIError) {
            var flag: Int32 = 0
            let code = MPI_Iprobe(
                lockstep_MPI_ANY_SOURCE(), lockstep_MPI_ANY_TAG(), handle, &flag, lockstep_MPI_STATUS_IGNORE())
            try MPI.check(code, "MPI_Iprobe")
        }
    }

    // MARK: Collectives

    extension MPI.Communicator {
        /// The corresponding MPI function is `MPI_Barrier`.
        func barrier() throws(MPIError) { try MPI.check(MPI_Barrier(handle), "MPI_Barrier") }

        /// The corresponding MPI function is `MPI_Bcast`.
        func broadcast(_ bytes: UnsafeMutableRawPointer?, count: Int32, root: Int) throws(MPIError) {
            try MPI.check(MPI_Bcast(bytes, count, lockstep_MPI_BYTE(), Int32(root), handle), "MPI_Bcast")
        }

        /// Bytes of every rank, in rank order. The corresponding MPI function is `MPI_Allgatherv`.
        func allGather(
            _ source: UnsafeRawPointer?, count: Int32, into destination: UnsafeMutableRawPointer?,
            counts: UnsafePointer<Int32>, offsets: UnsafePointer<Int32>
        ) throws(MPIError) {
            let byte = lockstep_MPI_BYTE()
            let code = MPI_Allgatherv(source, count, byte, destination, counts, offsets, byte, handle)
            try MPI.check(code, "MPI_Allgatherv")
        }

        /// Bytes of every rank, each of which already holds its own part in place.
        /// The corresponding MPI function is `MPI_Allgatherv`.
        func allGatherInPlace(
            bytes: UnsafeMutableRawPointer, counts: UnsafePointer<Int32>, offsets: UnsafePointer<Int32>
        ) throws(MPIError) {
            let byte = lockstep_MPI_BYTE()
            let code = MPI_Allgatherv(lockstep_MPI_IN_PLACE(), 0, byte, bytes, counts, offsets, byte, handle)
            try MPI.check(code, "MPI_Allgatherv")
        }

        /// Floats of every rank, each of which already holds its own part in place.
        /// The corresponding MPI function is `MPI_Allgatherv`.
        func allGatherInPlace(
            floats: UnsafeMutablePointer<Float>, counts: UnsafePointer<Int32>, offsets: UnsafePointer<Int32>
        ) throws(MPIError) {
            let float = lockstep_MPI_FLOAT()
            let code = MPI_Allgatherv(lockstep_MPI_IN_PLACE(), 0, float, floats, counts, offsets, float, handle)
            try MPI.check(code, "MPI_Allgatherv")
        }

        /// Other floats to each rank, and from each. The corresponding MPI function is `MPI_Alltoallv`.
        func allToAll(
            _ source: UnsafePointer<Float>, counts: UnsafePointer<Int32>, offsets: UnsafePointer<Int32>,
            into destination: UnsafeMutablePointer<Float>, receiveCounts: UnsafePointer<Int32>,
            receiveOffsets: UnsafePointer<Int32>
        ) throws(MPIError) {
            let float = lockstep_MPI_FLOAT()
            let code = MPI_Alltoallv(
                source, counts, offsets, float, destination, receiveCounts, receiveOffsets, float, handle)
            try MPI.check(code, "MPI_Alltoallv")
        }

        /// Sums in place, in an order of MPI's choice. The corresponding MPI function is `MPI_Allreduce`.
        func allReduceInPlace(_ floats: UnsafeMutablePointer<Float>, count: Int32) throws(MPIError) {
            let code = MPI_Allreduce(
                lockstep_MPI_IN_PLACE(), floats, count, lockstep_MPI_FLOAT(), lockstep_MPI_SUM(), handle)
            try MPI.check(code, "MPI_Allreduce")
        }
    }

    // MARK: Shared windows

    extension MPI.Window {
        /// Memory that all ranks of a host's communicator see; this rank adds `byteCount` bytes to it.
        /// The corresponding MPI function is `MPI_Win_allocate_shared`.
        init(byteCount: Int, _ communicator: MPI.Communicator) throws(MPIError) {
            var base: UnsafeMutableRawPointer? = nil
            var window: MPI_Win? = nil
            let code = MPI_Win_allocate_shared(
                MPI_Aint(byteCount), 1, lockstep_MPI_INFO_NULL(), communicator.handle, &base, &window)
            try MPI.check(code, "MPI_Win_allocate_shared")
            handle = window!
            try MPI.check(MPI_Win_set_errhandler(handle, lockstep_MPI_ERRORS_RETURN()), "MPI_Win_set_errhandler")
        }

        /// Where `rank`'s part begins in this process. The corresponding MPI function is `MPI_Win_shared_query`.
        func base(of rank: Int) throws(MPIError) -> UnsafeMutableRawPointer {
            var byteCount: MPI_Aint = 0
            var unit: Int32 = 0
            var base: UnsafeMutableRawPointer? = nil
            try MPI.check(MPI_Win_shared_query(handle, Int32(rank), &byteCount, &unit, &base), "MPI_Win_shared_query")
            return base!
        }

        /// Every rank must call it. The corresponding MPI function is `MPI_Win_free`.
        func free() throws(MPIError) {
            var handle: MPI_Win? = handle
            try MPI.check(MPI_Win_free(&handle), "MPI_Win_free")
        }
    }
#endif
