#if MPI
    import CMPI
    import Glibc

    extension MPI {
        /// Messages of floats between the same places, sent again and again: persistent requests of MPI.
        ///
        /// A message goes in parts that Open MPI sends at once. A larger one would wait for the receiver's leave, part by part, and over
        /// TCP that waits behind all that flows the other way: one direction at a time (a step of 1.86 million parameters at 1
        /// Gbit/s takes 128 ms so, and 90 in parts). Two connections for each pair of ranks (`btl_tcp_links`) helped as much (84),
        /// but Open MPI 4.1 opens them from both sides at once and then hangs: six ranks on four hosts in 20 of 25 starts.
        final class Transfers {
            private let communicator: MPI.Communicator
            /// Handles are pointers in Open MPI and numbers in MPICH.
            private var requests = [lockstep_MPI_REQUEST_NULL()]
            /// By message: the first request behind its own.
            private var requestEnds: [Int] = []
            /// Bytes of all messages to others.
            private(set) var sentByteCount = 0

            /// 256 KiB.
            private static let greatestPart = 65_536
            /// Of MPI's own in front of each part, generously.
            private static let headerByteCount = 1_024

            /// Before MPI starts. Who sets it knows better; results do not depend on it.
            static func prepare() {
                let byteCount = greatestPart * MemoryLayout<Float>.stride + headerByteCount
                setenv("OMPI_MCA_btl_tcp_eager_limit", "\(byteCount)", 0)
            }

            init(_ communicator: MPI.Communicator) {
                self.communicator = communicator
                requests.removeAll()
            }

            deinit { for index in requests.indices { MPI_Request_free(&requests[index]) } }

            /// Messages.
            var count: Int { requestEnds.count }

            /// The corresponding MPI function is `MPI_Send_init`.
            func addSend(_ floats: UnsafePointer<Float>, _ floatCount: Int, to rank: Int, tag: Int) throws(MPIError) {
                try add("MPI_Send_init", floatCount) { begin, count, place in
                    MPI_Send_init(
                        floats + begin, count, lockstep_MPI_FLOAT(), Int32(rank), Int32(tag), communicator.handle,
                        &requests[place])
                }
                sentByteCount += floatCount * MemoryLayout<Float>.stride
            }

            /// The corresponding MPI function is `MPI_Recv_init`.
            func addReceive(
                _ floats: UnsafeMutablePointer<Float>, _ floatCount: Int, from rank: Int, tag: Int
            ) throws(MPIError) {
                try add("MPI_Recv_init", floatCount) { begin, count, place in
                    MPI_Recv_init(
                        floats + begin, count, lockstep_MPI_FLOAT(), Int32(rank), Int32(tag), communicator.handle,
                        &requests[place])
                }
            }

            /// Parts with one tag arrive in their order.
            private func add(
                _ function: String, _ floatCount: Int,
                _ make: (_ begin: Int, _ count: Int32, _ place: Int) -> Int32
            ) throws(MPIError) {
                for begin in stride(from: 0, to: floatCount, by: Self.greatestPart) {
                    requests.append(lockstep_MPI_REQUEST_NULL())
                    try MPI.call(function) {
                        make(begin, Int32(min(Self.greatestPart, floatCount - begin)), requests.count - 1)
                    }
                }
                requestEnds.append(requests.count)
            }

            /// Begins some of the messages, in the order in which they were added. The corresponding MPI function is `MPI_Startall`.
            func start(_ messages: Range<Int>) throws(MPIError) {
                guard !messages.isEmpty else { return }
                let first = messages.lowerBound == 0 ? 0 : requestEnds[messages.lowerBound - 1]
                let count = requestEnds[messages.upperBound - 1] - first
                try MPI.call("MPI_Startall") {
                    requests.withUnsafeMutableBufferPointer { MPI_Startall(Int32(count), $0.baseAddress! + first) }
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
