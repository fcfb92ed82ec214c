import CMachine
import Errors
import Glibc
import Synchronization

/// A barrier between workers that see the same memory: threads of one process, or processes of one host.
///
/// Each worker counts the barriers that it has reached on a cache line of its own and then waits until every other
/// line shows at least that count: one store and one line read per other worker, nothing contended. Arriving releases
/// and leaving acquires, so plain memory written before the barrier by any worker is seen after it by all.
struct SpinBarrier {
    let block: ControlBlock
    private let rank: Int
    private let size: Int
    /// The number that worker 0 of this barrier has in the job.
    private let firstRank: Int
    /// This worker's count of barriers.
    private let count: UnsafeMutablePointer<UInt64>
    /// Looks at the other's line before it lets another thread have the processor.
    private let spinLimit: Int
    /// Whether the workers are processes that may vanish; threads vanish together.
    private let watchesProcesses: Bool
    /// Lets messages of the other kind of transport advance while this one waits.
    private let progress: (@convention(c) () -> Void)?

    /// Whether the workers had fewer processors than they are.
    var isOversubscribed: Bool { spinLimit != Self.patience }

    /// 4,000 looks are 40 to 150 µs: longer than two balanced workers ever wait for each other inside a step.
    private static let patience = 4_000
    private static let watchInterval: UInt64 = 50_000_000

    /// All workers' lines in `block` are initialised, and all workers live. `processorCount` is what they share.
    init(
        block: ControlBlock, rank: Int, size: Int, firstRank: Int = 0, processorCount: Int,
        progress: (@convention(c) () -> Void)? = nil
    ) {
        self.block = block
        self.rank = rank
        self.size = size
        self.firstRank = firstRank
        count = block.count(of: rank)
        self.progress = progress
        spinLimit = size <= processorCount ? Self.patience : 16
        // Processes of another PID name space cannot be seen even while they live.
        let ownProcess = getpid()
        watchesProcesses =
            (0..<size).allSatisfy { Self.lives(block.process(of: $0)) }
            && (0..<size).contains { block.process(of: $0) != ownProcess }
    }

    /// Returns when all workers have called it as often as this one; throws when one of them cannot come any more.
    func wait() throws(Failure) {
        let target = count.pointee + 1
        count.pointee = target
        block.arrival(of: rank).pointee.store(target, ordering: .releasing)
        var looks = spinLimit
        var other = rank + 1
        for _ in 1..<max(size, 1) {
            if other == size { other = 0 }
            let arrival = block.arrival(of: other)
            while arrival.pointee.load(ordering: .acquiring) < target {
                guard looks > 0 else {
                    try waitPatiently(for: other, target: target)
                    break
                }
                looks -= 1
                lockstep_spin_hint()
            }
            other += 1
        }
    }

    @inline(never)
    private func waitPatiently(for other: Int, target: UInt64) throws(Failure) {
        let begin = Self.nanoseconds()
        var nextWatch = begin + Self.watchInterval
        var looks = 0
        while block.arrival(of: other).pointee.load(ordering: .acquiring) < target {
            looks += 1
            guard looks % 16 == 0 else {
                sched_yield()
                continue
            }
            if let failure = block.failure { throw failure }
            progress?()
            let now = Self.nanoseconds()
            if now >= nextWatch {
                try throwIfAnyProcessIsGone()
                nextWatch = now + Self.watchInterval
            }
            // Somebody is busy with something long (a checkpoint, say): leave the processor to it.
            if now - begin > Self.watchInterval { usleep(100) }
        }
    }

    private func throwIfAnyProcessIsGone() throws(Failure) {
        guard watchesProcesses else { return }
        for other in 0..<size where !Self.lives(block.process(of: other)) {
            // It may have met a failure, published it and left.
            if let failure = block.failure { throw failure }
            let gone = Failure(
                .internal,
                "rank \(firstRank + other) (host \(hostName()), process \(block.process(of: other))) is gone: killed or crashed; "
                    + "the other ranks stop; start again from the last checkpoint")
            block.poison(gone)
            throw block.failure ?? gone
        }
    }

    /// A process that ended but that nobody has waited for yet (state Z) is gone.
    private static func lives(_ process: pid_t) -> Bool {
        guard kill(process, 0) == 0 else { return errno != ESRCH }
        let state = processState(process)
        return state != "Z" && state != "X"
    }

    private static func nanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

@available(*, unavailable) extension SpinBarrier: Sendable {}

func hostName() -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 257) { buffer in
        buffer.initialize(repeating: 0)
        return gethostname(buffer.baseAddress!, 256) == 0 ? String(cString: buffer.baseAddress!) : "unknown"
    }
}
