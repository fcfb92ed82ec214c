#if MPI
    import CMPI

    extension MPI {
        /// Messages of floats between the same places, sent again and again: persistent requests of MPI.
        final class Transfers {
            private let communicator: MPI.Communicator
            /// Handles are pointers in Open MPI and numbers in MPICH.
            private var requests = [lockstep_MPI_REQUEST_NULL()]
            /// Bytes of all messages to others.
            private(set) var sentByteCount = 0

            init(_ communicator: MPI.Communicator) {
                self.communicator = communicator
                requests.removeAll()
            }

            deinit { for index in requests.indices { MPI_Request_free(&requests[index]) } }

            var count: Int { requests.count }

            /// The corresponding MPI function is `MPI_Send_init`.
            func addSend(_ floats: UnsafePointer<Float>, _ floatCount: Int, to rank: Int, tag: Int) throws(MPIError) {
                var request = lockstep_MPI_REQUEST_NULL()
                try MPI.call("MPI_Send_init") {
                    MPI_Send_init(
                        floats, Int32(floatCount), lockstep_MPI_FLOAT(), Int32(rank), Int32(tag), communicator.handle,
                        &request)
                }
                requests.append(request)
                sentByteCount += floatCount * MemoryLayout<Float>.stride
            }

            /// The corresponding MPI function is `MPI_Recv_init`.
            func addReceive(
                _ floats: UnsafeMutablePointer<Float>, _ floatCount: Int, from rank: Int, tag: Int
            ) throws(MPIError) {
                var request = lockstep_MPI_REQUEST_NULL()
                try MPI.call("MPI_Recv_init") {
                    MPI_Recv_init(
                        floats, Int32(floatCount), lockstep_MPI_FLOAT(), Int32(rank), Int32(tag), communicator.handle,
                        &request)
                }
                requests.append(request)
            }

            /// Begins some of the messages, in the order in which they were added. The corresponding MPI function is `MPI_Startall`.
            func start(_ messages: Range<Int>) throws(MPIError) {
                guard !messages.isEmpty else { return }
                try MPI.call("MPI_Startall") {
                    requests.withUnsafeMutableBufferPointer {
                        MPI_Startall(Int32(messages.count), $0.baseAddress! + messages.lowerBound)
                    }
                }
            }

            /// Returns when all messages that have begun are done. The corresponding MPI function is `MPI_Waitall`.
            func wait() throws(MPIError) {
                try MPI.call("MPI_Waitall") {
                    MPI_Waitall(Int32(requests.count), &requests, lockstep_MPI_STATUSES_IGNORE())
                }
            }
        }
    }

    @available(*, unavailable) extension MPI.Transfers: Sendable {}

    extension MPI {
        /// A barrier that this rank has reached and does not wait in.
        final class PendingBarrier {
            private var request = lockstep_MPI_REQUEST_NULL()

            fileprivate init(_ communicator: MPI.Communicator) throws(MPIError) {
                try MPI.call("MPI_Ibarrier") { MPI_Ibarrier(communicator.handle, &request) }
            }

            /// Whether all ranks have reached it. The corresponding MPI function is `MPI_Test`.
            func isComplete() throws(MPIError) -> Bool {
                var flag: Int32 = 0
                try MPI.call("MPI_Test") { MPI_Test(&request, &flag, lockstep_MPI_STATUS_IGNORE()) }
                return flag != 0
            }
        }
    }

    extension MPI.Communicator {
        /// The corresponding MPI function is `MPI_Ibarrier`.
        func beginBarrier() throws(MPIError) -> MPI.PendingBarrier { try MPI.PendingBarrier(self) }
    }
#endif
