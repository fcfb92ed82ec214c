#if MPI
    import CMPI

    extension MPI {
        /// Messages of floats between the same places, sent again and again: persistent requests of MPI.
        final class Transfers {
            private let communicator: MPI.Communicator
            private let requests: UnsafeMutablePointer<MPI_Request?>
            private let capacity: Int
            private(set) var count = 0
            /// Bytes of all messages to others.
            private(set) var sentByteCount = 0

            init(capacity: Int, _ communicator: MPI.Communicator) {
                self.communicator = communicator
                self.capacity = capacity
                requests = .allocate(capacity: max(capacity, 1))
            }

            deinit {
                for index in 0..<count { MPI_Request_free(requests + index) }
                requests.deallocate()
            }

            /// The corresponding MPI function is `MPI_Send_init`.
            func addSend(_ floats: UnsafePointer<Float>, _ floatCount: Int, to rank: Int, tag: Int) throws(MPIError) {
                try add("MPI_Send_init") {
                    MPI_Send_init(
                        floats, Int32(floatCount), lockstep_MPI_FLOAT(), Int32(rank), Int32(tag), communicator.handle,
                        $0)
                }
                sentByteCount += floatCount * MemoryLayout<Float>.stride
            }

            /// The corresponding MPI function is `MPI_Recv_init`.
            func addReceive(
                _ floats: UnsafeMutablePointer<Float>, _ floatCount: Int, from rank: Int, tag: Int
            ) throws(MPIError) {
                try add("MPI_Recv_init") {
                    MPI_Recv_init(
                        floats, Int32(floatCount), lockstep_MPI_FLOAT(), Int32(rank), Int32(tag), communicator.handle,
                        $0)
                }
            }

            private func add(
                _ function: String, _ make: (UnsafeMutablePointer<MPI_Request?>) -> Int32
            ) throws(MPIError) {
                precondition(count < capacity, "Transfers: more than \(capacity) messages")
                (requests + count).initialize(to: nil)
                try MPI.call(function) { make(requests + count) }
                count += 1
            }

            /// Begins some of the messages, in the order in which they were added. The corresponding MPI function is `MPI_Startall`.
            func start(_ messages: Range<Int>) throws(MPIError) {
                guard !messages.isEmpty else { return }
                try MPI.call("MPI_Startall") { MPI_Startall(Int32(messages.count), requests + messages.lowerBound) }
            }

            /// Returns when all messages that have begun are done. The corresponding MPI function is `MPI_Waitall`.
            func wait() throws(MPIError) {
                try MPI.call("MPI_Waitall") { MPI_Waitall(Int32(count), requests, lockstep_MPI_STATUSES_IGNORE()) }
            }
        }
    }

    @available(*, unavailable) extension MPI.Transfers: Sendable {}

    extension MPI {
        /// A barrier that this rank has reached and does not wait in.
        final class PendingBarrier {
            private let request: UnsafeMutablePointer<MPI_Request?>

            fileprivate init(_ communicator: MPI.Communicator) throws(MPIError) {
                request = .allocate(capacity: 1)
                request.initialize(to: nil)
                try MPI.call("MPI_Ibarrier") { MPI_Ibarrier(communicator.handle, request) }
            }

            deinit { request.deallocate() }

            /// Whether all ranks have reached it. The corresponding MPI function is `MPI_Test`.
            func isComplete() throws(MPIError) -> Bool {
                var flag: Int32 = 0
                try MPI.call("MPI_Test") { MPI_Test(request, &flag, lockstep_MPI_STATUS_IGNORE()) }
                return flag != 0
            }
        }
    }

    extension MPI.Communicator {
        /// The corresponding MPI function is `MPI_Ibarrier`.
        func beginBarrier() throws(MPIError) -> MPI.PendingBarrier { try MPI.PendingBarrier(self) }
    }
#endif
