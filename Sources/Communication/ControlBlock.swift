import Errors
import Glibc
import Synchronization

/// The cache lines through which workers of one host meet: a header for the first failure, then 128 bytes for each
/// worker (two lines, because processors fetch them in pairs).
///
/// It lies in memory that all of them see, between processes too; all that is shared is atomic, or ordered by an atomic.
struct ControlBlock {
    private static let headerByteCount = 1_024
    private static let lineByteCount = 128
    private static let messageOffset = 64
    private static let messageCapacity = headerByteCount - messageOffset

    private enum State {
        static let clear: UInt32 = 0
        static let writing: UInt32 = 1
        static let poisoned: UInt32 = 2
    }

    private let base: UnsafeMutableRawPointer

    /// `base` is aligned to 64 bytes and holds `byteCount(size:)` bytes.
    init(base: UnsafeMutableRawPointer) { self.base = base }

    static func byteCount(size: Int) -> Int { headerByteCount + lineByteCount * size }

    /// One worker does this once, before any other uses the block.
    func initializeHeader() {
        state.initialize(to: Atomic(State.clear))
        reported.initialize(to: Atomic(0))
    }

    /// Each worker does this once for itself, before any other waits for it.
    func initializeLine(of rank: Int, process: pid_t) {
        arrival(of: rank).initialize(to: Atomic(0))
        processSlot(rank).initialize(to: process)
        posted(by: rank).initialize(to: nil)
        count(of: rank).initialize(to: 0)
    }

    /// The last barrier that `rank` has reached.
    @inline(__always)
    func arrival(of rank: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        (line(rank)).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    func process(of rank: Int) -> pid_t { processSlot(rank).pointee }

    /// Where a thread leaves the address of what it hands to the others; barriers order its use.
    func posted(by rank: Int) -> UnsafeMutablePointer<UnsafeRawPointer?> {
        (line(rank) + 72).assumingMemoryBound(to: UnsafeRawPointer?.self)
    }

    /// The barriers that `rank` has begun, which no other worker looks at.
    func count(of rank: Int) -> UnsafeMutablePointer<UInt64> {
        (line(rank) + 80).assumingMemoryBound(to: UInt64.self)
    }

    private func line(_ rank: Int) -> UnsafeMutableRawPointer {
        base + Self.headerByteCount + Self.lineByteCount * rank
    }
    private func processSlot(_ rank: Int) -> UnsafeMutablePointer<pid_t> {
        (line(rank) + 64).assumingMemoryBound(to: pid_t.self)
    }

    private var state: UnsafeMutablePointer<Atomic<UInt32>> { base.assumingMemoryBound(to: Atomic<UInt32>.self) }
    private var reported: UnsafeMutablePointer<Atomic<UInt32>> {
        (base + 4).assumingMemoryBound(to: Atomic<UInt32>.self)
    }
}

// MARK: The first failure

extension ControlBlock {
    /// Publishes `failure` to all workers, unless another came first: whoever waits in a barrier then throws it.
    func poison(_ failure: Failure) {
        let (exchanged, _) = state.pointee.compareExchange(
            expected: State.clear, desired: State.writing, ordering: .acquiringAndReleasing)
        guard exchanged else { return }
        let text = Array(failure.message.utf8.prefix(Self.messageCapacity))
        base.storeBytes(of: failure.kind.rawValue, toByteOffset: 8, as: Int32.self)
        base.storeBytes(of: Int32(text.count), toByteOffset: 12, as: Int32.self)
        UnsafeMutableRawBufferPointer(start: base + Self.messageOffset, count: text.count).copyBytes(from: text)
        state.pointee.store(State.poisoned, ordering: .releasing)
    }

    /// The first failure that a worker met alone, if any.
    var failure: Failure? {
        guard state.pointee.load(ordering: .acquiring) == State.poisoned else { return nil }
        let kind = Failure.Kind(rawValue: base.load(fromByteOffset: 8, as: Int32.self)) ?? .internal
        let count = Int(base.load(fromByteOffset: 12, as: Int32.self))
        let text = UnsafeRawBufferPointer(start: base + Self.messageOffset, count: count)
        return Failure(kind, String(decoding: text, as: UTF8.self))
    }

    /// True for exactly one caller: the worker that reports the first failure to the user.
    func claimReport() -> Bool {
        reported.pointee.compareExchange(expected: 0, desired: 1, ordering: .relaxed).exchanged
    }
}
