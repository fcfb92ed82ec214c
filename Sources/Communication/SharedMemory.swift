import CMachine
import Errors
import Glibc

/// A region that all workers of a host see, made of one 64-byte aligned segment for each worker, zero at first; or
/// private memory where that cannot be had.
///
/// Making one is collective. Pointers into it must not outlive it on any worker.
package struct SharedMemory: ~Copyable {
    /// Nil when other workers' segments are in reach; otherwise why not, in a few words.
    package let whyNotShared: String?
    package var isShared: Bool { whyNotShared == nil }

    private let backing: Backing
    private let rank: Int
    /// Addresses by rank; where memory is not shared, only this worker's is valid.
    private let segments: [UnsafeMutableRawPointer?]

    private enum Backing {
        case plain(PlainRegion)
        #if MPI
            case window(number: Int, WindowList)
        #endif
    }

    /// Asks for `sharedByteCount` bytes in common memory, or takes `privateByteCount` bytes of its own where there is none.
    /// The numbers may differ between workers.
    package init(
        _ communicator: borrowing Communicator, sharedByteCount: Int, privateByteCount: Int
    ) throws {
        try self.init(communicator.endpoint, sharedByteCount: sharedByteCount, privateByteCount: privateByteCount)
    }

    init(_ endpoint: Endpoint, sharedByteCount: Int, privateByteCount: Int) throws {
        rank = endpoint.rank
        let counts = try endpoint.allGather(value: (sharedByteCount + 63) / 64 * 64)
        (backing, segments, whyNotShared) = try Self.allocate(endpoint, counts, privateByteCount: privateByteCount)
    }

    private typealias Parts = (Backing, [UnsafeMutableRawPointer?], whyNotShared: String?)

    private static func allocate(_ endpoint: Endpoint, _ counts: [Int], privateByteCount: Int) throws -> Parts {
        let total = counts.reduce(0, +)
        switch endpoint.transport {
        case .alone:
            let region = PlainRegion(byteCount: total)
            return (.plain(region), [region.base], nil)
        case .threads:
            // Worker 0 makes the region and each other takes a reference of its own.
            if endpoint.rank == 0 {
                let region = PlainRegion(byteCount: total, isShareable: true)
                let reference = Unmanaged.passUnretained(region)
                for _ in 1..<endpoint.size { _ = reference.retain() }
                _ = try endpoint.allGather(value: UInt(bitPattern: reference.toOpaque()))
                return (.plain(region), addresses(from: region.base, counts), nil)
            }
            let address = try endpoint.allGather(value: UInt(0))[0]
            let region = Unmanaged<PlainRegion>.fromOpaque(UnsafeRawPointer(bitPattern: address)!).takeRetainedValue()
            return (.plain(region), addresses(from: region.base, counts), nil)
        #if MPI
            case .ranks(let world, _):
                var why = endpoint.whyNoSharedMemory
                if why == nil {
                    try endpoint.windows.freeRetired(endpoint)
                    switch try MPI.Window.allocate(byteCount: total, endpoint, world) {
                    case .failure(let refusal): why = refusal.text
                    case .success(let (window, base)):
                        let segments = addresses(from: base, counts)
                        // Whoever writes a page first gets it on its own memory node.
                        let own = segments[endpoint.rank]
                        own?.initializeMemory(as: UInt8.self, repeating: 0, count: counts[endpoint.rank])
                        try endpoint.barrier()
                        return (.window(number: endpoint.windows.add(window), endpoint.windows), segments, nil)
                    }
                }
                let region = PlainRegion(byteCount: privateByteCount)
                return (.plain(region), (0..<endpoint.size).map { $0 == endpoint.rank ? region.base : nil }, why)
        #endif
        }
    }

    deinit {
        #if MPI
            if case .window(let number, let list) = backing { list.retire(number) }
        #endif
    }

    /// Where the segment of `rank` begins.
    package func segment(of rank: Int) -> UnsafeMutableRawPointer {
        guard let address = segments[rank] else {
            preconditionFailure("SharedMemory: worker \(self.rank) cannot reach the segment of worker \(rank)")
        }
        return address
    }

    private static func addresses(from base: UnsafeMutableRawPointer, _ counts: [Int]) -> [UnsafeMutableRawPointer?] {
        var offset = 0
        return counts.map { count in
            offset += count
            return base + (offset - count)
        }
    }
}

@available(*, unavailable) extension SharedMemory: Sendable {}

/// Memory that several threads own together, zero at first.
private final class PlainRegion {
    let base: UnsafeMutableRawPointer
    private let byteCount: Int

    /// `isShareable` says whether pages of it may be mapped a second time.
    init(byteCount: Int, isShareable: Bool = false) {
        self.byteCount = max(byteCount, 1)
        guard let base = lockstep_map(self.byteCount, isShareable ? 1 : 0) else {
            fatalError("SharedMemory: no memory for \(byteCount) bytes")
        }
        self.base = base
    }

    deinit { munmap(base, byteCount) }
}
