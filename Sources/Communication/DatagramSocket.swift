import Glibc

/// A socket for short messages that may be lost (UDP over IPv4), which never waits.
final class DatagramSocket {
    private let descriptor: Int32
    /// In the network's order of bytes; 0 until something was sent.
    private(set) var port: in_port_t = 0

    struct Address: Hashable {
        /// Both in the network's order of bytes.
        let host: in_addr_t
        let port: in_port_t

        static let loopback = in_addr_t(0x7F00_0001).bigEndian
    }

    /// With a port of its own at `host`, or at all of this machine's addresses; nil where the system refuses.
    init?(boundTo host: in_addr_t?) {
        descriptor = socket(
            AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var address = Self.socketAddress(Address(host: host ?? 0, port: 0))
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                let code = bind(descriptor, address, length)
                return code == 0 ? getsockname(descriptor, address, &length) : code
            }
        }
        guard code == 0 else { return nil }
        port = address.sin_port
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Whatever becomes of it: the next one may arrive.
    func send(_ bytes: [UInt8], to address: Address) {
        var target = Self.socketAddress(address)
        withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(
                    descriptor, bytes, bytes.count, Int32(MSG_DONTWAIT), $0,
                    socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// The next message that has arrived, if any, and where from; `bytes` takes as much as it can hold.
    func receive(into bytes: inout [UInt8]) -> (count: Int, from: Address)? {
        var source = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // An error that an earlier message met is reported by the next call.
        for _ in 0..<8 {
            let count = withUnsafeMutablePointer(to: &source) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT), $0, &length)
                }
            }
            if count >= 0 { return (count, Address(host: source.sin_addr.s_addr, port: source.sin_port)) }
            if errno == EAGAIN || errno == EWOULDBLOCK { return nil }
        }
        return nil
    }

    /// IPv4 addresses of this machine that others may reach.
    static func ownAddresses() -> [in_addr_t] {
        var list: UnsafeMutablePointer<ifaddrs>? = nil
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        let (isUp, isLoopback): (UInt32, UInt32) = (0x1, 0x8)  // IFF_UP, IFF_LOOPBACK
        var found: [in_addr_t] = []
        var next = list
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard entry.ifa_flags & isUp != 0, entry.ifa_flags & isLoopback == 0, let address = entry.ifa_addr,
                address.pointee.sa_family == sa_family_t(AF_INET)
            else { continue }
            let host = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_addr.s_addr }
            if !found.contains(host) { found.append(host) }
        }
        return found
    }

    private static func socketAddress(_ address: Address) -> sockaddr_in {
        var result = sockaddr_in()
        result.sin_family = sa_family_t(AF_INET)
        result.sin_port = address.port
        result.sin_addr.s_addr = address.host
        return result
    }
}
