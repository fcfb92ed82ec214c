import CMachine
import Errors
import Glibc

/// Owns bytes that a file is read into. It grows without copying (large blocks are remapped) and never holds much more
/// than was really read, whatever a header promises.
///
/// While it is filled it has one user; afterwards it is read only, by any number of threads.
package final class ByteBuffer: @unchecked Sendable {
    /// Above this the space is asked for as the data come, doubling.
    package static let firstCapacity = 64 << 20

    private static let hugePageThreshold = 8 << 20

    package private(set) var count = 0
    private var base: UnsafeMutableRawPointer?
    private let origin: Origin

    private enum Origin {
        /// `malloc`
        case own
        /// Only read.
        case mappedFile
        /// Only read.
        case hostMemory(HostMemory)
    }

    private var isOwn: Bool { if case .own = origin { true } else { false } }

    /// Whether the bytes come from a file as they are read.
    var isMapped: Bool { if case .mappedFile = origin { true } else { false } }

    package init() { origin = .own }

    /// Part of a file, mapped into memory. The file must stay as it is for as long as the buffer lives.
    init(mapping file: InputFile, offset: Int, count: Int) throws {
        origin = .mappedFile
        guard count > 0 else { return }
        // Maps begin at a page.
        let before = offset % CacheHeader.pageByteCount
        base = try file.map(offset: offset - before, count: before + count) + before
        self.count = count
    }

    /// Bytes that other processes of this host may have too.
    init?(_ memory: HostMemory) {
        origin = .hostMemory(memory)
        base = memory.map()
        count = memory.byteCount
        if base == nil { return nil }
    }

    /// A copy of a part of a file, which must be there.
    convenience init(copying file: InputFile, offset: Int, count: Int) throws {
        self.init()
        try resize(to: count, for: file.path)
        try file.fill(mutableBytes, from: offset)
    }

    package init(_ bytes: [UInt8]) throws {
        origin = .own
        try resize(to: bytes.count, for: "bytes in memory")
        mutableBytes.copyBytes(from: bytes)
    }

    deinit {
        switch origin {
        case .own: free(base)
        case .mappedFile:
            if count > 0, let base {
                let before = Int(bitPattern: base) % CacheHeader.pageByteCount
                munmap(base - before, before + count)
            }
        case .hostMemory(let memory): if let base { memory.unmap(base) }
        }
    }

    /// For loops that cannot afford a closure. The owner must be held for as long as the pointer is in use, in a stored
    /// property or by `withExtendedLifetime`: a local variable is released after its last mention.
    package var unsafeBytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: base?.assumingMemoryBound(to: UInt8.self), count: count)
    }

    package func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(self) { try body(unsafeBytes) }
    }

    /// Tells the system that a part of a mapped file will be read soon; nothing else changes.
    package func willNeed(_ range: Range<Int>) {
        guard isMapped, let base else { return }
        let range = range.clamped(to: 0..<count)
        let begin = UInt(bitPattern: base + range.lowerBound) & ~(UInt(CacheHeader.pageByteCount) - 1)
        guard !range.isEmpty, let address = UnsafeMutableRawPointer(bitPattern: begin) else { return }
        // Advice: what fails is read when it is needed.
        _ = madvise(address, base + range.upperBound - address, MADV_WILLNEED)
    }

    /// Only for whoever fills the buffer; see `unsafeBytes` for its life.
    package var mutableBytes: UnsafeMutableRawBufferPointer {
        precondition(isOwn, "ByteBuffer: a map is only read")
        return UnsafeMutableRawBufferPointer(start: base, count: count)
    }

    /// Makes the buffer larger, at most `finalCount` bytes; the new bytes are undefined.
    package func grow(toward finalCount: Int, for path: String) throws {
        try resize(to: min(finalCount, max(Self.firstCapacity, 2 * count)), for: path)
    }

    func resize(to newCount: Int, for name: String) throws {
        precondition(isOwn, "ByteBuffer: a map cannot grow")
        guard let grown = realloc(base, max(newCount, 1)) else {
            throw Failure(.inputOutput, "\(name): not enough memory for \(grouped(newCount)) bytes")
        }
        // Samples are read in random order: with pages of 4 KiB, finding a row's page costs as much as reading it.
        if newCount >= Self.hugePageThreshold { lockstep_wish_huge_pages(grown, UInt(newCount)) }
        base = grown
        count = newCount
    }
}
