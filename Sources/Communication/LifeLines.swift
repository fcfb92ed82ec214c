#if MPI
    import Glibc

    /// Signs of life between rank 0 and each other rank: short messages outside MPI, which has no thread for them.
    ///
    /// A sign is the job's token, drawn by rank 0 for this job alone, and the sender's rank.
    final class LifeLines {
        let rank: Int
        private let socket: DatagramSocket
        private let sign: [UInt8]
        private let token: [UInt8]
        /// Of rank 0: by rank, where its last sign came from. Of others: where rank 0 may be, by rank's place 0.
        private var targets: [[DatagramSocket.Address]]
        private var buffer = [UInt8](repeating: 0, count: 64)

        private static let tokenByteCount = 16

        /// Of rank 0. On one host it can be reached from there alone.
        init?(size: Int, isOneHost: Bool) {
            guard let socket = DatagramSocket(boundTo: isOneHost ? DatagramSocket.Address.loopback : nil) else {
                return nil
            }
            var generator = SystemRandomNumberGenerator()
            token = (0..<Self.tokenByteCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
            self.socket = socket
            rank = 0
            sign = Self.sign(token, rank: 0)
            targets = Array(repeating: [], count: size)
        }

        /// Of another rank, by rank 0's invitation.
        init?(rank: Int, invitation: [UInt8], isOnHostOfRankZero: Bool) {
            let head = Self.tokenByteCount + 2
            guard invitation.count >= head, let socket = DatagramSocket(boundTo: nil) else { return nil }
            token = Array(invitation[..<Self.tokenByteCount])
            let port = invitation[Self.tokenByteCount..<head].withUnsafeBytes { $0.loadUnaligned(as: in_port_t.self) }
            var hosts = stride(from: head, to: invitation.count - 3, by: 4).map { start in
                invitation[start..<start + 4].withUnsafeBytes { $0.loadUnaligned(as: in_addr_t.self) }
            }
            if isOnHostOfRankZero { hosts = [DatagramSocket.Address.loopback] }
            self.socket = socket
            self.rank = rank
            sign = Self.sign(token, rank: rank)
            targets = [hosts.map { DatagramSocket.Address(host: $0, port: port) }]
        }

        /// Rank 0's token, port and addresses.
        var invitation: [UInt8] {
            var bytes = token
            withUnsafeBytes(of: socket.port) { bytes += Array($0) }
            for host in DatagramSocket.ownAddresses().prefix(16) { withUnsafeBytes(of: host) { bytes += Array($0) } }
            return bytes
        }

        var port: Int { Int(in_port_t(bigEndian: socket.port)) }

        func send() {
            for addresses in targets { for address in addresses { socket.send(sign, to: address) } }
        }

        /// Calls `hear` with the ranks whose signs have arrived.
        func receive(_ hear: (Int) -> Void) {
            while let (count, source) = socket.receive(into: &buffer) {
                guard count == sign.count, buffer[..<token.count].elementsEqual(token) else { continue }
                let sender = buffer[token.count..<count].withUnsafeBytes {
                    Int(UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self)))
                }
                if rank == 0 {
                    guard sender > 0, sender < targets.count else { continue }
                    targets[sender] = [source]
                } else {
                    guard sender == 0 else { continue }
                }
                hear(sender)
            }
        }

        /// The ranks whose signs arrive, until there are `count` of them, or a third of a second has passed: a network may let
        /// none through.
        fileprivate func await(_ count: Int) -> Set<Int> {
            var heard: Set<Int> = []
            for _ in 0..<330 {
                receive { heard.insert($0) }
                guard heard.count < count else { break }
                usleep(1_000)
            }
            return heard
        }

        private static func sign(_ token: [UInt8], rank: Int) -> [UInt8] {
            token + withUnsafeBytes(of: UInt32(rank).littleEndian) { Array($0) }
        }
    }

    extension Endpoint {
        /// The ranks' circle, where rank 0 wants one and can have it. Collective.
        func circle(timeoutSeconds own: Double?) throws -> LifeWatch.Circle? {
            let isOneHost = Set(hostNames).count == 1
            let processes = try allGather(value: getpid())
            let timeout = try Communicator(self).broadcast(own ?? 0, root: 0)
            guard timeout > 0 else { return nil }
            let first = rank == 0 ? LifeLines(size: size, isOneHost: isOneHost) : nil
            let invitation = try Communicator(self).broadcast(bytes: first?.invitation ?? [], root: 0)
            guard !invitation.isEmpty,
                let lines = first
                    ?? LifeLines(
                        rank: rank, invitation: invitation, isOnHostOfRankZero: hostNames[rank] == hostNames[0])
            else { return nil }
            let peers = (0..<size).map { Peer(rank: $0, process: processes[$0], hostName: hostNames[$0]) }
            return LifeWatch.Circle(
                lines, peers: peers, heard: try greet(lines), timeoutSeconds: timeout, block: controlBlock)
        }

        /// Sends a first sign to rank 0, and one back: who is heard here is missed when it falls silent at once. Returns whom this
        /// rank has heard. Collective.
        private func greet(_ lines: LifeLines) throws -> Set<Int> {
            // Any of them may be lost.
            if rank != 0 { for _ in 0..<3 { lines.send() } }
            try barrier()
            var heard = rank == 0 ? lines.await(size - 1) : []
            if rank == 0 { for _ in 0..<3 { lines.send() } }
            try barrier()
            if rank != 0 { heard = lines.await(1) }
            return heard
        }
    }
#endif
