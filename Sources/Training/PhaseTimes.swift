import Glibc

/// Nanoseconds of one worker's steps by phase, summed over `stepCount` steps.
package struct PhaseTimes: Sendable {
    package var stepCount = 0
    /// Bytes to floats.
    package var input: UInt64 = 0
    package var forward: UInt64 = 0
    package var loss: UInt64 = 0
    /// Gradients of inputs, and of those parameters whose gradients are exchanged.
    package var backward: UInt64 = 0
    /// Waiting for the other workers' gradients; with messages, their way.
    package var wait: UInt64 = 0
    /// Gradients of the own slice over the whole batch, where factors are exchanged.
    package var weightGradient: UInt64 = 0
    /// Sums of exchanged gradients on the own slice.
    package var reduction: UInt64 = 0
    package var optimizer: UInt64 = 0
    /// Waiting for the other workers' parameters.
    package var publish: UInt64 = 0

    package init() {}

    /// In the order of a step.
    package var named: [(name: String, nanoseconds: UInt64)] {
        [
            ("input", input), ("forward", forward), ("loss", loss), ("backward", backward), ("wait", wait),
            ("weights", weightGradient), ("reduction", reduction), ("optimizer", optimizer), ("publish", publish),
        ]
    }
}

/// Nanoseconds between laps, of the monotonic clock.
package struct PhaseClock {
    private var last = Self.now()

    package init() {}

    package mutating func lap() -> UInt64 {
        let now = Self.now()
        defer { last = now }
        return now - last
    }

    package static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
