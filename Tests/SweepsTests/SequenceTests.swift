import Foundation
import Sweeps
import Testing

/// A made-up sweep: a loss of each configuration, and outcomes that arrive in any order.
private struct Simulation {
    let plan: SweepPlan
    /// Trials under way at once.
    let groups: Int
    /// Decides which of them ends next.
    var order: (Int) -> Int

    static func loss(_ trial: SweepPlan.Trial, epoch: Int) -> Double {
        let rate = log10(trial.value(of: "learning-rate")?.number ?? 1e-3)
        let momentum = trial.value(of: "momentum")?.number ?? 0.5
        let offset = ["adam": 0.0, "momentum": 0.1, "sgd": 0.3][trial.value(of: "optimizer")?.text ?? "adam"]!
        let seed = (trial.value(of: "seed")?.number ?? 0) * 0.01
        let end = 0.2 + 0.1 * (rate + 2.5) * (rate + 2.5) + offset + 0.2 * (momentum - 0.9) * (momentum - 0.9) + seed
        return end + 1 / Double(epoch)
    }

    /// Rows of all trials with their last losses, as a scheduler would find them.
    mutating func run(epochs: Int = 9) -> [String] {
        var sequence = TrialSequence(plan)
        var running: [(trial: SweepPlan.Trial, history: [Double])] = []
        var next = 1
        var hasEnded = false
        while true {
            while running.count < groups && !hasEnded {
                switch sequence.trial(next) {
                case .trial(let trial):
                    running.append((trial, []))
                    next += 1
                    continue
                case .waits: break
                case .none: hasEnded = true
                }
                break
            }
            guard !running.isEmpty else { break }
            // One epoch of the chosen one, if its decision does not wait.
            var index = order(running.count)
            for _ in 0..<running.count {
                let number = running[index].trial.number
                let history = running[index].history
                if case .waits = sequence.decision(of: number, history: history) { index = (index + 1) % running.count }
            }
            let trial = running[index].trial
            let isStopped = sequence.decision(of: trial.number, history: running[index].history) == .stops
            if !isStopped { running[index].history.append(Self.loss(trial, epoch: running[index].history.count + 1)) }
            let history = running[index].history
            if isStopped || history.count == epochs {
                // The first configuration of each hundred fails.
                let value = trial.number % 7 == 3 ? nil : history.last
                sequence.record(.init(value: value, history: history), of: trial.number)
                running.remove(at: index)
            }
        }
        let last = sequence.lastNumber ?? .max
        return sequence.trials.filter { $0.number <= last }.map { trial in
            "\(trial.number) \(trial.row) \(sequence.outcome(of: trial.number).map { "\($0)" } ?? "?")"
        }
    }
}

@Suite("Sequence of trials")
struct SequenceTests {
    private static let parameters = """
          learning_rate: {distribution: log_uniform_values, min: 1.0e-5, max: 0.1}
          momentum: {min: 0.0, max: 0.99}
          optimizer: {values: [sgd, momentum, adam]}
          batch_size: {values: [16, 32, 64]}
        """

    private func plan(_ method: String, _ rest: String = "") throws -> SweepPlan {
        let parameters =
            method == "grid"
            ? "  learning_rate: {values: [0.1, 0.01, 0.001]}\n  optimizer: {values: [sgd, momentum, adam]}\n  "
                + "epochs: {value: 9}\n"
            : Self.parameters
        return try sweep(method, parameters, "metric: {name: testLoss}\nrun_cap: 40\nlag: 3\n\(rest)")
    }

    static let sweeps: [(String, String)] = ["grid", "random", "bayes", "tpe"].flatMap { method in
        [
            (method, ""), (method, "early_terminate: {type: hyperband, min_iter: 1, eta: 2}"),
            (method, "seeds: 2"), (method, "metric: {name: testLoss, target: 0.45}\n"),
        ]
    }

    @Test("trials, outcomes and the end are the same for any number of groups and any timing", arguments: sweeps)
    func timing(method: String, rest: String) throws {
        let text = rest.hasPrefix("metric") ? rest : rest
        let plan =
            rest.hasPrefix("metric")
            ? try sweep(
                method,
                method == "grid"
                    ? "  learning_rate: {values: [0.1, 0.01, 0.001]}\n  optimizer: {values: [sgd, momentum, adam]}\n"
                    : Self.parameters, "run_cap: 40\nlag: 3\n\(text)") : try plan(method, rest)
        var alone = Simulation(plan: plan, groups: 1) { _ in 0 }
        let expected = alone.run()
        #expect(expected.count > 5 && !expected.contains { $0.hasSuffix("?") })
        for (groups, seed) in [(2, 1), (3, 5), (4, 7), (4, 8), (8, 3)] {
            var state = UInt32(seed)
            var side = Simulation(plan: plan, groups: groups) { count in
                state = state &* 1_664_525 &+ 1_013_904_223
                return Int(state >> 8) % count
            }
            #expect(side.run() == expected, "\(groups) groups")
        }
        if rest.hasPrefix("metric") && method != "grid" { #expect(expected.count < 40, "the target ends the sweep") }
    }

    @Test(
        "a suggestion for trial i uses the outcomes of trials below i − lag and no others", arguments: ["bayes", "tpe"])
    func lag(method: String) throws {
        let plan = try plan(method)
        func row(_ number: Int, changing changed: Int?) throws -> String {
            var sequence = TrialSequence(plan)
            for index in 1..<number {
                guard case .trial(let trial) = sequence.trial(index) else { throw Failed() }
                let loss = Simulation.loss(trial, epoch: 9) + (index == changed ? -3 : 0)
                sequence.record(.init(value: loss), of: index)
            }
            guard case .trial(let trial) = sequence.trial(number) else { throw Failed() }
            return trial.row
        }
        let number = 24
        let plain = try row(number, changing: nil)
        for changed in [21, 22, 23] { #expect(try row(number, changing: changed) == plain) }
        #expect(try [18, 19, 20].contains { try row(number, changing: $0) != plain })
        #expect(TrialSequence(plan).inputs(ofSuggestion: number) == 1..<21)
    }

    private struct Failed: Error {}

    @Test("what is missing is waited for") func waiting() throws {
        var sequence = TrialSequence(try plan("tpe"))
        for number in 1...4 {
            guard case .trial = sequence.trial(number) else {
                Issue.record("trial \(number) waits")
                return
            }
        }
        guard case .waits(let missing) = sequence.trial(5) else {
            Issue.record("trial 5 does not wait")
            return
        }
        #expect(missing == [1])
        #expect(sequence.usefulTrialCount == 4)
        sequence.record(.init(value: 1), of: 1)
        guard case .trial = sequence.trial(5), case .waits = sequence.trial(6) else {
            Issue.record("trial 5 still waits, or trial 6 does not")
            return
        }
    }

    @Test("restored configurations go on as the first time", arguments: ["grid", "random", "bayes", "tpe"])
    func restoring(method: String) throws {
        for rest in ["", "seeds: 2"] {
            let plan = try plan(method, rest)
            var whole = Simulation(plan: plan, groups: 1) { _ in 0 }
            let expected = whole.run()
            var first = TrialSequence(plan)
            var again = TrialSequence(plan)
            let seeds = plan.definition.seeds
            let half = min(26, expected.count / 2 / seeds * seeds)
            for number in 1...half {
                guard case .trial(let trial) = first.trial(number) else { break }
                let history = (1...9).map { Simulation.loss(trial, epoch: $0) }
                let outcome = TrialSequence.Outcome(value: number % 7 == 3 ? nil : history.last, history: history)
                first.record(outcome, of: number)
                if (number - 1) % seeds == 0 { again.restore(trial.parameters) }
                again.record(outcome, of: number)
            }
            for number in 1...(half + 1) {
                guard case .trial(let a) = first.trial(number), case .trial(let b) = again.trial(number) else {
                    Issue.record("trial \(number) is missing")
                    return
                }
                #expect(a.row == b.row)
                #expect(expected[number - 1].hasPrefix("\(number) \(b.row) "))
            }
        }
    }

    @Test("seeds repeat each configuration, from the sweep's seed on") func seeds() throws {
        let plan = try sweep("grid", "  optimizer: {values: [sgd, adam]}", "seeds: 3\nseed: 5")
        #expect(
            plan.rows == ["sgd", "adam"].flatMap { name in (5...7).map { "optimizer=\(name) seed=\($0)" } })
        #expect(plan.varying == ["optimizer", "seed"] && plan.trialCount == 6)
        #expect(plan.trials.map { plan.options(of: $0).seed } == [5, 6, 7, 5, 6, 7])
    }

    @Test("points come first, completed by random draws", arguments: ["random", "bayes", "tpe"])
    func points(method: String) throws {
        let plan = try plan(
            method,
            "points:\n  - {optimizer: sgd, batch_size: 32}\n  - {optimizer: adam, learning_rate: {values: [0.1, "
                + "0.2]}}\n"
        )
        let rows = plan.trials.prefix(3).map { $0 }
        try #require(rows.count == 3)
        #expect(rows[0].value(of: "optimizer")?.text == "sgd" && rows[0].value(of: "batch-size")?.text == "32")
        #expect(rows[0].value(of: "learning-rate") != nil && rows[0].value(of: "momentum") != nil, "sgd has momentum")
        #expect(rows[1].value(of: "learning-rate")?.text == "0.1" && rows[2].value(of: "learning-rate")?.text == "0.2")
        #expect(rows[1].value(of: "momentum") == nil, "adam has none")
    }
}

@Suite("Search space")
struct SearchSpaceTests {
    @Test("random draws of a finite space come without repetition and end")
    func withoutReplacement() throws {
        let plan = try sweep(
            "random",
            "  batch_size: {values: [16, 32, 64]}\n  dropout: {distribution: q_uniform, min: 0, max: 0.4, q: 0.1}\n"
                + "  optimizer: {values: [sgd, adam], probabilities: [0.999, 0.001]}\n  family: {value: mlp}\n")
        #expect(plan.trialCount == 30)
        let rows = plan.rows
        #expect(rows.count == 30 && Set(rows).count == 30)
        #expect(rows.prefix(12).allSatisfy { $0.contains("sgd") })
    }

    @Test("samplers of results end where a small space is exhausted", arguments: ["bayes", "tpe"])
    func exhaustion(method: String) throws {
        let plan = try sweep(
            method,
            "  batch_size: {values: [16, 32, 64]}\n  optimizer: {values: [sgd, adam]}\n  epochs: {min: 1, max: 4}\n",
            "lag: 2")
        var sequence = TrialSequence(plan)
        var rows: Set<String> = []
        var number = 1
        while case .trial(let trial) = sequence.trial(number) {
            rows.insert(trial.row)
            sequence.record(.init(value: Double(number % 5)), of: number)
            number += 1
        }
        #expect(number == 25 && rows.count == 24)
        #expect(sequence.isFinished)
    }

    @Test("conditions decide what exists, and how many configurations there are")
    func conditions() throws {
        let parameters =
            "  optimizer: {values: [sgd, adam]}\n  dropout: {values: [0.1, 0.2]}\n  family: {value: mlp}\n"
            + "  batch_size: {values: [16, 32, 64]}\n  epochs: {values: [1, 2]}\n"
        let conditions = "conditions:\n  dropout: {optimizer: adam}\n  epochs: {dropout: 0.2}\n"
        // sgd: 3; adam, 0.1: 3; adam, 0.2: 6.
        let grid = try sweep("grid", parameters, conditions)
        #expect(grid.trialCount == 12 && grid.rows.count == 12 && Set(grid.rows).count == 12)
        let random = try sweep("random", parameters, conditions)
        #expect(random.trialCount == 12 && Set(random.rows) == Set(grid.rows))
        for trial in random.trials {
            #expect((trial.value(of: "dropout") != nil) == (trial.value(of: "optimizer")?.text == "adam"))
            #expect((trial.value(of: "epochs") != nil) == (trial.value(of: "dropout")?.text == "0.2"))
        }
    }

    @Test("the count of large spaces is exact, of endless ones unknown")
    func counts() throws {
        let large = SearchSpace(
            (0..<9).map { .init(name: "p\($0)", domain: .range(Distribution(.whole(min: 1, max: 10)))) })
        #expect(large.count() == 1_000_000_000)
        #expect(large.count(limit: 999_999_999) == nil)
        #expect(SearchSpace([.init(name: "x", domain: .range(Distribution(.uniform(min: 0, max: 1))))]).count() == nil)
        #expect(SearchSpace([]).count() == 1)
    }
}
