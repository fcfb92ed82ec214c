import Foundation
import Sweeps
import Testing

/// `Tests/Fixtures/wandb-hyperband.json`: what wandb's package `sweeps` decides, written by the script beside it.
struct WandbHyperband: Decodable, CustomTestStringConvertible {
    let yaml: String
    let goal: String
    let histories: [[Double?]]
    /// `x` where a run stops after so many epochs.
    let stops: [String]

    var testDescription: String { "\(goal) \(yaml)" }
}

@Suite("Hyperband")
struct HyperbandTests {
    static let all = fixture("wandb-hyperband.json", as: [WandbHyperband].self)

    private func plan(_ early: String, goal: String = "minimize", lag: Int = 0, rest: String = "") throws -> SweepPlan {
        try sweep(
            "random", "  learning_rate: {min: 0.1, max: 0.2}",
            "metric: {name: testLoss, goal: \(goal)}\nrun_cap: 40\nlag: \(lag)\nearly_terminate: \(early)\n\(rest)")
    }

    @Test("decisions are wandb's", arguments: all)
    func decisions(theirs: WandbHyperband) throws {
        let plan = try plan(theirs.yaml, goal: theirs.goal)
        let hyperband = try #require(plan.definition.earlyTermination)
        let sign: Double = theirs.goal == "maximize" ? -1 : 1
        var sequence = TrialSequence(plan)
        var finished: [[Double]] = []
        for (index, values) in theirs.histories.enumerated() {
            let values = values.map { $0 ?? .nan }
            _ = sequence.trial(index + 1)
            let expected = Array(theirs.stops[index])
            var end = values.count
            for epochs in 1...values.count {
                let history = Array(values.prefix(epochs))
                let stops = hyperband.stops(
                    history.map { $0 * sign }, others: finished.map { $0.map { $0 * sign } })
                #expect(stops == (expected[epochs - 1] == "x"), "run \(index) after \(epochs)")
                if epochs <= end {
                    let decision = sequence.decision(of: index + 1, history: history)
                    #expect(
                        (decision == .stops) == (stops && hyperband.bands.contains(history.count(where: \.isFinite))))
                    if stops { end = min(end, epochs) }
                }
            }
            let history = Array(values.prefix(end))
            finished.append(history)
            sequence.record(.init(value: history.last, history: history), of: index + 1)
        }
    }

    @Test("both ways to give bands, and wandb's defaults") func bands() throws {
        #expect(try plan("{type: hyperband, min_iter: 3}").definition.earlyTermination?.bands.prefix(3) == [3, 9, 27])
        #expect(try plan("{type: hyperband, max_iter: 27, s: 2}").definition.earlyTermination?.bands == [3, 9])
        #expect(
            try plan("{type: hyperband, max_iter: 27, s: 2, min_iter: 5}").definition.earlyTermination?.bands == [3, 9])
        #expect(Hyperband(minimum: 1, eta: 1.5).bands.prefix(5) == [1, 1, 2, 3, 5])
        #expect(Hyperband(maximum: 2, count: 3) == nil)
    }

    @Test("a decision about trial i waits for the trials below i − lag, and looks at no others")
    func lag() throws {
        var sequence = TrialSequence(try plan("{type: hyperband, min_iter: 1}", lag: 2))
        for number in 1...6 { _ = sequence.trial(number) }
        #expect(sequence.decision(of: 5, history: [3]) == .waits(for: [1, 2]))
        #expect(sequence.decision(of: 5, history: [3, 4]) == .goesOn, "no band")
        sequence.record(.init(value: 1, history: [1]), of: 1)
        sequence.record(.init(value: 1, history: [1]), of: 3)
        sequence.record(.init(value: 1, history: [1]), of: 4)
        #expect(sequence.decision(of: 5, history: [3]) == .waits(for: [2]))
        #expect(sequence.decision(of: 3, history: [3]) == .goesOn, "nobody to compare with")
        sequence.record(.init(value: 5, history: [5]), of: 2)
        // Of 1, 5 and 3 the second is the threshold; with 3 and 4 it would be 1.
        #expect(sequence.decision(of: 5, history: [3]) == .goesOn)
        #expect(sequence.decision(of: 5, history: [3.1]) == .goesOn)
        #expect(sequence.decision(of: 5, history: [6]) == .stops)
    }
}
