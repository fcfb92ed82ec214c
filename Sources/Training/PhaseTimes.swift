import Glibc
import Tensors

/// What a worker does in a step, in the order of a step.
package enum Phase: Int, CaseIterable, Sendable {
    /// Bytes to floats.
    case input
    case forward
    case loss
    /// Gradients of layers' inputs.
    case inputGradient
    /// Gradients of parameters: partial ones that are exchanged, and those of the own slice over the whole batch.
    case weightGradient
    /// Factors written for the other workers.
    case post
    /// For the other workers' factors and gradients; with messages, their way.
    case wait
    /// Sums of exchanged gradients on the own slice.
    case reduction
    case optimizer
    /// Waiting for the other workers' parameters, and taking them.
    case publish

    package var name: String {
        switch self {
        case .inputGradient: "dX"
        case .weightGradient: "dW"
        default: "\(self)"
        }
    }
}

/// Nanoseconds of one worker's steps by phase, summed over `stepCount` steps.
package struct PhaseTimes: Sendable {
    package let stepCount: Int
    package let nanoseconds: [UInt64]

    package subscript(phase: Phase) -> UInt64 { nanoseconds[phase.rawValue] }
}

/// Tells the time between laps of one worker's steps and, for the last of them, keeps every lap. Telling and
/// keeping allocate nothing.
final class PhaseRecorder {
    /// One lap, or a whole step.
    struct Event: BitwiseCopyable {
        /// `wholeStep` for a step.
        var phase: Int32
        var step: Int32
        /// Nanoseconds of the monotonic clock, which the processes of a host share.
        var begin, end: UInt64

        static let wholeStep: Int32 = -1
    }

    /// By phase.
    private let sums = AlignedBuffer<UInt64>(count: Phase.allCases.count)
    private var events = UnsafeMutableBufferPointer<Event>(start: nil, count: 0)
    private var eventCount = 0
    /// The first step whose laps are kept.
    private var firstKept = Int.max
    private var stepCount = 0
    private var lapCount = 0
    /// Of a step until now.
    private var mostLaps = 0
    private var stepBegin: UInt64 = 0
    private var last: UInt64 = 0
    /// Since `takeWork`.
    private var work = WorkTimes()
    private var hasCollected = false

    deinit { events.deallocate() }

    func beginStep() {
        stepBegin = PhaseClock.now()
        lapCount = 0
    }

    /// Begins the first lap of a batch; the time before belongs to none.
    @inline(__always)
    func beginBatch(ownSampleCount: Int) {
        last = PhaseClock.now()
        hasCollected = false
        work.batchCount += 1
        work.sampleCount += ownSampleCount
    }

    /// Ends a lap, which `phase` took.
    @inline(__always)
    func lap(_ phase: Phase) {
        let now = PhaseClock.now()
        sums.base[phase.rawValue] &+= now &- last
        addWork(phase, now &- last)
        lapCount += 1
        if stepCount >= firstKept { keep(Int32(phase.rawValue), from: last, to: now) }
        last = now
    }

    @inline(__always)
    private func addWork(_ phase: Phase, _ nanoseconds: UInt64) {
        switch phase {
        case .wait:
            work.exchange &+= nanoseconds
            hasCollected = true
        case .publish: work.exchange &+= nanoseconds
        default: if hasCollected { work.slice &+= nanoseconds } else { work.grains &+= nanoseconds }
        }
    }

    /// Tells of time within a lap, until now, in which this worker waited for others.
    func waited(since begin: UInt64) {
        let nanoseconds = PhaseClock.now() &- begin
        if hasCollected { work.slice &-= nanoseconds } else { work.grains &-= nanoseconds }
        work.exchange &+= nanoseconds
    }

    @inline(__always)
    func waiting(_ body: () throws -> Void) rethrows {
        let begin = PhaseClock.now()
        try body()
        waited(since: begin)
    }

    /// What this worker's own work took since the last call.
    func takeWork() -> WorkTimes {
        defer { work = WorkTimes() }
        return work
    }

    func endStep() {
        let now = PhaseClock.now()
        work.steps &+= now &- stepBegin
        mostLaps = max(mostLaps, lapCount)
        if stepCount >= firstKept { keep(Event.wholeStep, from: stepBegin, to: now) }
        stepCount += 1
    }

    @inline(never)
    private func keep(_ phase: Int32, from begin: UInt64, to end: UInt64) {
        guard eventCount < events.count else { return }
        events[eventCount] = Event(phase: phase, step: Int32(truncatingIfNeeded: stepCount), begin: begin, end: end)
        eventCount += 1
    }

    var times: PhaseTimes {
        PhaseTimes(stepCount: stepCount, nanoseconds: Phase.allCases.map { sums.base[$0.rawValue] })
    }

    /// Counts from 0 again.
    func reset() {
        for phase in Phase.allCases { sums.base[phase.rawValue] = 0 }
        stepCount = 0
    }

    /// Keeps the laps of `steps` steps from step number `first`, counted from the last `reset`. None of them may have more
    /// laps than a step before this call had.
    func keepLaps(ofSteps steps: Int, from first: Int) {
        events.deallocate()
        events = .allocate(capacity: steps * (mostLaps + 1))
        // Written now, so that no page is new to a measured step.
        events.initialize(repeating: Event(phase: 0, step: 0, begin: 0, end: 0))
        eventCount = 0
        firstKept = first
    }

    /// In the order of their ends.
    var kept: [Event] { Array(events[..<eventCount]) }
}

/// The monotonic clock.
package enum PhaseClock {
    /// Nanoseconds.
    package static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
