import Reports
import Testing

struct ProcessorBudgetTests {
    private typealias Reading = ProcessorBudget.Reading

    private typealias Step = (elapsed: UInt64, spent: UInt64, allows: Bool)

    /// When it is asked, what has been spent by then, the answer.
    private static let cases: [[Step]] = [
        [(0, 0, true), (1, 1, false), (7, 1, false), (8, 1, true), (9, 1, true)],
        // Spent in many small pieces, and looked at often.
        [(10, 1, true), (11, 2, false), (12, 3, false), (13, 3, false), (23, 3, false), (24, 3, false), (26, 3, true)],
        // Idle time is not saved up: a second piece of work has to be earned as the first.
        [
            (1_000, 0, true), (1_000, 5, false), (1_039, 5, false), (1_040, 5, true), (1_040, 10, false),
            (1_080, 10, true),
        ],
        // More than the share all the time.
        [(8, 2, false), (16, 4, false), (24, 6, false), (24 + 23, 6, false), (24 + 24, 6, true)],
        // Clocks that go back give nothing and cost nothing.
        [(100, 10, true), (50, 5, true), (50, 6, false), (58, 6, true)],
    ]

    /// A share of 1/8: what is spent is earned back in eight times its time.
    @Test(arguments: cases.indices) func asksForTimeToPass(index: Int) {
        var budget = ProcessorBudget(share: 0.125, from: Reading(elapsed: 7_000, spent: 300))
        for step in Self.cases[index] {
            let now = Reading(elapsed: 7_000 + step.elapsed, spent: 300 + step.spent)
            let isAllowed = budget.allows(at: now)
            #expect(isAllowed == step.allows, "\(step)")
        }
    }

    /// Work of any cost that begins whenever it may takes the share of the time, and never more but for one piece.
    @Test func keepsToItsShare() {
        var generator = SplitMix64(state: 3)
        var (elapsed, spent) = (0 as UInt64, 0 as UInt64)
        var budget = ProcessorBudget(share: 0.005, from: Reading(elapsed: 0, spent: 0))
        var dearest = 0 as UInt64
        for _ in 0..<200_000 {
            elapsed += UInt64.random(in: 0...2_000_000, using: &generator)
            guard budget.allows(at: Reading(elapsed: elapsed, spent: spent)) else { continue }
            let cost = UInt64.random(in: 1...100_000, using: &generator)
            (elapsed, spent, dearest) = (elapsed + cost, spent + cost, max(dearest, cost))
            let isAllowed = budget.allows(at: Reading(elapsed: elapsed, spent: spent))
            #expect(!isAllowed)
            #expect(Double(spent) <= 0.005 * Double(elapsed) + Double(dearest))
        }
        #expect(Double(spent) > 0.004 * Double(elapsed))
    }
}
