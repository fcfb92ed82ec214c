/// Keeps work to a share of the time that passes: what has been spent is earned back before more may begin.
///
/// Niceness alone does not: it counts only beside what shares a run queue and, where the system groups processes by
/// session or by control group, a scheduling group; and ranks that wait for each other all lose what one of them loses.
package struct ProcessorBudget: Sendable {
    /// Of one core.
    package let share: Double
    /// Nanoseconds that are not earned yet. Never less than 0: time in which nothing was done is not saved up.
    private var debt = 0.0
    private var last: Reading

    /// Nanoseconds since moments that stay.
    package struct Reading: Sendable, Equatable {
        package let elapsed: UInt64
        /// Time on processors, of all threads.
        package let spent: UInt64

        package init(elapsed: UInt64, spent: UInt64) { (self.elapsed, self.spent) = (elapsed, spent) }
    }

    /// - Parameter share: Above 0, at most 1.
    package init(share: Double, from begin: Reading) {
        precondition(share > 0 && share <= 1, "ProcessorBudget: a share of \(share)")
        (self.share, last) = (share, begin)
    }

    /// Whether work may begin. Asked before and behind it: what was earned before is not counted for it.
    package mutating func allows(at now: Reading) -> Bool {
        let earned = now.elapsed > last.elapsed ? Double(now.elapsed - last.elapsed) * share : 0
        let spent = now.spent > last.spent ? Double(now.spent - last.spent) : 0
        debt = max(0, debt + spent - earned)
        last = now
        return debt == 0
    }
}
