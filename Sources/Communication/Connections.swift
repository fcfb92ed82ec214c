#if MPI
    import CMPI
    import Foundation
    import Glibc

    extension MPI {
        /// How ranks of several hosts are connected.
        ///
        /// Open MPI 4.1 sends through one TCP connection in one direction at a time: a step of 1.86 million parameters at 1 Gbit/s
        /// takes 126 ms with one between two ranks and 81 with two. But it opens them when it first needs them, and where both
        /// ranks do so at once, they can cross in such a way that a message is never sent, and the job hangs (six ranks on four hosts:
        /// 20 of 25 starts). So ranks open them pair by pair before they say anything else (none of 60).
        enum Connections {
            /// Beyond it one connection has to do: every rank meets every other.
            private static let greatestRankCount = 128
            /// So many small messages go through each of a rank's connections in turn: two for each of up to eight networks.
            private static let greetingCount = 16

            /// Before MPI starts. Returns whether ranks are to meet.
            static func prepare() -> Bool {
                func number(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }
                guard let size = number("OMPI_COMM_WORLD_SIZE"), let localSize = number("OMPI_COMM_WORLD_LOCAL_SIZE"),
                    localSize < size, size <= greatestRankCount
                else { return false }
                // Who sets it knows better.
                setenv("OMPI_MCA_btl_tcp_links", "2", 0)
                return true
            }

            /// Opens the connections of every pair of ranks from one side, in rounds in which each rank has one partner. Collective.
            static func open(_ world: Communicator) throws(MPIError) {
                let (rank, size) = (try world.rank(), try world.size())
                for partner in partners(of: rank, size: size) {
                    if rank < partner {
                        for _ in 0..<greetingCount { try world.send([], to: partner) }
                        _ = try world.receive(byteCount: 0, from: partner)
                    } else {
                        for _ in 0..<greetingCount { _ = try world.receive(byteCount: 0, from: partner) }
                        try world.send([], to: partner)
                    }
                }
            }

            /// By round, a rank's partner in a round-robin tournament (the circle method). With an odd number of ranks each
            /// sits out once.
            static func partners(of rank: Int, size: Int) -> [Int] {
                let seats = size + size % 2
                let last = seats - 1
                return (0..<last).compactMap { round in
                    let own = rank == last ? round : (2 * round - rank + 2 * last) % last
                    let partner = rank != last && own == rank ? last : own
                    return partner < size ? partner : nil
                }
            }
        }
    }
#endif
