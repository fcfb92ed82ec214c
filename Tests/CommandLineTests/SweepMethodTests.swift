import Foundation
import Testing

extension JobTests {
    /// Methods that choose trials, run one trial after the other.
    @Suite struct SweepMethods {
        static func file(_ method: String, _ rest: String = "") -> String {
            """
            program: train.py
            method: \(method)
            run_cap: 14
            lag: 0
            metric: {name: train_loss, goal: minimize}
            \(rest)
            parameters:
              dataset: {value: ./data}
              hidden_layers: {value: 1}
              hidden_size: {values: [4, 8, 16]}
              optimizer: {values: [sgd, nag, adam]}
              momentum: {min: 0.5, max: 0.95}
              lr: {distribution: log_uniform_values, min: 0.0001, max: 0.1}
              epochs: {value: 1}
              tags: {value: course}

            """
        }

        private func bench(_ file: String) throws -> Workbench {
            let bench = try Workbench()
            try bench.folder.write(file.utf8, to: "sweep.yaml")
            return bench
        }

        /// The list, every metric and every hash, for any workers, and also when killed in the middle.
        @Test(arguments: ["random", "bayes", "tpe"])
        func trialsAreTheSameForAllWorkersAndAfterAKill(method: String) throws {
            let bench = try bench(Self.file(method))
            let first = try bench.run(["sweep", "sweep.yaml", "--out", "one", "--workers", "1"])
            #expect(first.exitCode == 0 && first.standardError == "", "\(first)")
            let expected = try bench.trials(in: "one")
            #expect(expected.count == 14 && expected.allSatisfy { $0.state == "finished" && $0.history.count == 1 })
            #expect(Set(expected.map { "\($0.parameters)" }).count == 14)
            #expect(
                expected.allSatisfy {
                    ($0.parameters["momentum"] == nil) == ($0.parameters["optimizer"] == .text("adam"))
                })
            #expect(
                try bench.run(["sweep", "sweep.yaml", "--out", "three", "--workers", "3", "--quiet"]).exitCode == 0)
            #expect(try bench.trials(in: "three") == expected)
            if Program.hasRanks {
                let ranks = try bench.run(["sweep", "sweep.yaml", "--out", "ranks", "--quiet"], ranks: 2)
                #expect(ranks.exitCode == 0, "\(ranks)")
                #expect(try bench.trials(in: "ranks") == expected)
            }

            let job = try bench.start(["sweep", "sweep.yaml", "--out", "killed", "--quiet"])
            try job.wait(for: "third trial") { try bench.endedTrialCount(in: "killed") >= 3 }
            kill(job.process, SIGKILL)
            _ = job.finish(withinSeconds: 30)
            #expect(try bench.run(["sweep", "sweep.yaml", "--out", "killed", "--quiet"]).exitCode == 0)
            #expect(try bench.trials(in: "killed") == expected)
        }

        @Test func theSweepEndsAtItsTarget() throws {
            let bench = try bench(
                Self.file("tpe", "seed: 3").replacingOccurrences(of: "minimize}", with: "minimize, target: 100}"))
            #expect(try bench.run(["sweep", "sweep.yaml", "--out", "out", "--quiet"]).exitCode == 0)
            #expect(try bench.trials(in: "out").count == 1)
        }

        @Test func seedsRepeatEachConfiguration() throws {
            let text = Self.file("random", "seeds: 2").replacingOccurrences(of: "run_cap: 14", with: "run_cap: 2")
            let bench = try bench(text)
            #expect(try bench.run(["sweep", "sweep.yaml", "--out", "out", "--quiet"]).exitCode == 0)
            let seeds = try bench.trials(in: "out").map { $0.parameters["seed"] }
            #expect(seeds == [.number(1), .number(2), .number(1), .number(2)])
            let table = try bench.run(["sweep", "list", "out", "--markdown"]).standardOutput
            #expect(table.contains("95 % ±") && table.contains("2/2"), "\(table)")
        }

        @Test func aDryRunShowsTrialsAndCostAndTrainsNothing() throws {
            let bench = try bench(Self.file("bayes"))
            let result = try bench.run(["sweep", "run", "sweep.yaml", "--out", "out", "--dry-run"])
            #expect(result.exitCode == 0 && result.standardError == "", "\(result)")
            let text = result.standardOutput
            for part in [
                "14 trials, method bayes", "note: without meaning here: program", "note: lr is learning-rate",
                "note: tags is unknown and left out", "note: optimizer nag is nesterov",
                "note: momentum is there only with optimizer sgd, nesterov", "trial 1  ", "which follow from results",
                "FLOP, about ", "at most 1 trial at once",
            ] {
                #expect(text.contains(part), "\(part) in \(text)")
            }
            #expect(!FileManager.default.fileExists(atPath: "\(bench.folder.path)/out"))
            try bench.folder.write(
                Self.file("grid", "").replacingOccurrences(of: "{min: 0.5, max: 0.95}", with: "{value: 0.9}")
                    .replacingOccurrences(
                        of: "{distribution: log_uniform_values, min: 0.0001, max: "
                            + "0.1}", with: "{values: [1, 2]}"
                    )
                    .utf8, to: "grid.yaml")
            let grid = try bench.run(["sweep", "run", "grid.yaml", "--dry-run", "--workers", "2"])
            #expect(grid.exitCode == 0 && grid.standardOutput.contains("trial 14 "), "\(grid)")
            #expect(!grid.standardOutput.contains("follow from results"))
        }
    }
}
