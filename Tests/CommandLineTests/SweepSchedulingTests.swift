import Foundation
import Testing

extension JobTests {
    /// Trials side by side: who runs them, and what happens to the machine, reaches no result.
    @Suite struct SweepScheduling {
        /// Early termination at each of up to three epochs by the trials before the last three.
        static func file(_ method: String, _ rest: String = "") -> String {
            let numbers =
                method == "grid"
                ? "  lr: {values: [0.0001, 0.003, 0.01]}\n  batch_size: {values: [8, 16]}\n"
                    + "  hidden_size: {values: [4, 16]}\n"
                : "  lr: {distribution: log_uniform_values, min: 0.00001, max: 0.1}\n"
                    + "  batch_size: {values: [8, 16, 32]}\n  hidden_size: {min: 2, max: 24}\n"
            return """
                method: \(method)
                run_cap: 12
                lag: 3
                metric: {name: train_loss, goal: minimize}
                early_terminate: {type: hyperband, min_iter: 1, eta: 2}
                \(rest)
                parameters:
                  dataset: {value: ./data}
                  hidden_layers: {value: 1}
                  epochs: {value: 5}
                \(numbers)
                """
        }

        private func bench(_ file: String) throws -> Workbench {
            let bench = try Workbench()
            try bench.folder.write(file.utf8, to: "sweep.yaml")
            return bench
        }

        private struct Division {
            var workers: Int?
            var ranks: Int?
            var perTrial = 1

            var options: [String] {
                (workers.map { ["--workers", "\($0)"] } ?? []) + ["--ranks-per-trial", "\(perTrial)"]
            }
        }

        private static let divisions =
            [Division(workers: 2), Division(workers: 3), Division(workers: 4, perTrial: 2), Division(workers: 8)]
            + (Program.hasRanks
                ? [Division(ranks: 2), Division(ranks: 3, perTrial: 2), Division(ranks: 4), Division(ranks: 8)] : [])

        @Test(arguments: ["grid", "random", "bayes", "tpe"])
        func trialsAreTheSameForAllDivisions(method: String) throws {
            let bench = try bench(Self.file(method))
            let first = try bench.run(["sweep", "sweep.yaml", "--out", "one", "--workers", "1", "--quiet"])
            #expect(first.exitCode == 0 && first.allOutput == "", "\(first)")
            let expected = try bench.trials(in: "one")
            #expect(expected.count == 12 && Set(expected.map(\.state)) == ["finished", "stopped"], "\(expected)")
            #expect(expected.allSatisfy { $0.history.count == 5 || $0.state == "stopped" })
            for (index, division) in Self.divisions.enumerated() {
                let result = try bench.run(
                    ["sweep", "sweep.yaml", "--out", "out\(index)", "--quiet"] + division.options,
                    ranks: division.ranks)
                #expect(result.exitCode == 0 && result.allOutput == "", "\(division): \(result)")
                #expect(try bench.trials(in: "out\(index)") == expected, "\(division)")
            }
        }

        /// Three kills at once of everything, each at another place, and then to the end.
        @Test(arguments: ["grid", "bayes"]) func killedSweepsEndAsWholeOnes(method: String) throws {
            let text = Self.file(method).replacingOccurrences(of: "epochs: {value: 5}", with: "epochs: {value: 150}")
            let bench = try bench(text)
            #expect(try bench.run(["sweep", "sweep.yaml", "--out", "one", "--workers", "1", "--quiet"]).exitCode == 0)
            let expected = try bench.trials(in: "one")
            for (index, count) in [1, 3, 6].enumerated() {
                let ranks = Program.hasRanks && index == 1 ? 3 : nil
                let job = try bench.start(
                    ["sweep", "sweep.yaml", "--out", "out", "--quiet"] + (ranks == nil ? ["--workers", "2"] : []),
                    ranks: ranks)
                try job.wait(for: "\(count) trials") {
                    guard bench.folder.exists("out/sweep.sqlite") else { return false }
                    return try bench.trials(in: "out").count { ["finished", "stopped"].contains($0.state) } >= count
                }
                kill(job.process, SIGKILL)
                _ = job.finish(withinSeconds: 30)
            }
            let done = try bench.trials(in: "out").filter { ["finished", "stopped"].contains($0.state) }
            #expect(done.allSatisfy { $0 == expected[$0.number - 1] })
            let last = try bench.run(["sweep", "--resume", "out", "--workers", "3"])
            #expect(last.exitCode == 0 && last.standardOutput.contains("\(done.count) trials ran before"), "\(last)")
            #expect(try bench.trials(in: "out") == expected)
        }

        /// A signal stops all groups; the trials under way go on from their checkpoints.
        @Test func aStoppedSweepGoesOn() throws {
            let text = Self.file("random").replacingOccurrences(of: "epochs: {value: 5}", with: "epochs: {value: 400}")
            let bench = try bench(text)
            #expect(try bench.run(["sweep", "sweep.yaml", "--out", "one", "--workers", "1", "--quiet"]).exitCode == 0)
            let job = try bench.start(["sweep", "sweep.yaml", "--out", "out", "--quiet", "--workers", "2"])
            try job.wait(for: "a trial") {
                guard bench.folder.exists("out/sweep.sqlite") else { return false }
                return try bench.trials(in: "out").contains { $0.state == "finished" }
            }
            kill(job.process, SIGTERM)
            let stopped = job.finish(withinSeconds: 30)
            #expect(stopped.exitCode == 75 && stopped.standardError.contains("lockstep: stopped "), "\(stopped)")
            #expect(stopped.standardError.contains("the same command with --out out goes on"), "\(stopped)")
            #expect(try bench.run(["sweep", "--resume", "out", "--quiet"]).exitCode == 0)
            #expect(try bench.trials(in: "out") == bench.trials(in: "one"))
        }

        /// The lowest-numbered trial that reaches the target ends the sweep, though later ones may come first.
        @Test func theTargetEndsAllGroupsAtTheSameTrial() throws {
            let text = Self.file("random").replacingOccurrences(of: "minimize}", with: "minimize, target: 0.5}")
            let bench = try bench(text)
            var lists: [[ListedTrial]] = []
            for workers in [1, 2, 5] {
                let out = "out\(workers)"
                let result = try bench.run(
                    ["sweep", "sweep.yaml", "--out", out, "--workers", "\(workers)", "--quiet"])
                #expect(result.exitCode == 0, "\(result)")
                lists.append(try bench.trials(in: out))
            }
            #expect(lists[0].count < 12 && lists[0].last?.value ?? 1 <= 0.5, "\(lists[0])")
            #expect(lists[1] == lists[0] && lists[2] == lists[0])
        }

        /// A trial that its folder refuses is tried three times; then the sweep ends, and goes on when the folder is free.
        @Test func whatTheMachineFailsIsTriedAgain() throws {
            let bench = try bench(Self.file("grid").replacingOccurrences(of: "early_terminate", with: "# early"))
            #expect(try bench.run(["sweep", "sweep.yaml", "--out", "one", "--quiet"]).exitCode == 0)
            let folders = try FileManager.default.contentsOfDirectory(atPath: "\(bench.folder.path)/one")
            let third = try #require(folders.first { $0.hasPrefix("trial-0003") })
            try FileManager.default.createDirectory(
                atPath: "\(bench.folder.path)/out", withIntermediateDirectories: true)
            try bench.folder.write("in the way".utf8, to: "out/\(third)")
            let refused = try bench.run(["sweep", "sweep.yaml", "--out", "out", "--workers", "2"])
            #expect(refused.exitCode == 73, "\(refused)")
            #expect(refused.standardError.contains("trial 3 failed 3 times, the last time: "), "\(refused)")
            #expect(refused.standardOutput.contains("trial 3 is run again: "), "\(refused)")
            try FileManager.default.removeItem(atPath: "\(bench.folder.path)/out/\(third)")
            let again = try bench.run(["sweep", "--resume", "out", "--quiet"])
            #expect(again.exitCode == 0 && again.allOutput == "", "\(again)")
            #expect(try bench.trials(in: "out") == bench.trials(in: "one"))
        }

        /// Weights of the best two only; the others' can be made again.
        @Test func weightsOfTheBestAreKept() throws {
            let bench = try bench(Self.file("grid"))
            for words in [["sweep.yaml", "--out", "out"], ["--resume", "out"]] {
                #expect(try bench.run(["sweep"] + words + ["--quiet", "--keep-weights", "2"]).exitCode == 0)
                let expected = try bench.trials(in: "out", command: "best", ["--top", "2"]).map(\.number)
                let kept = try FileManager.default.contentsOfDirectory(atPath: "\(bench.folder.path)/out").filter {
                    bench.folder.exists("out/\($0)/checkpoints")
                }
                #expect(Set(kept.compactMap { Int($0.dropFirst(6).prefix(4)) }) == Set(expected), "\(kept)")
            }
        }

        /// `train --from` makes a trial again, bit for bit.
        @Test func aTrialIsTrainedAgain() throws {
            let bench = try bench(Self.file("random"))
            #expect(try bench.run(["sweep", "sweep.yaml", "--out", "out", "--quiet"]).exitCode == 0)
            let best = try bench.run(["sweep", "best", "out", "--json"])
            let trial = try JSONDecoder().decode(ListedTrial.self, from: Data(best.standardOutput.utf8))
            for name in ["out/best", "out/\(trial.number)"] {
                let result = try bench.record(
                    ["train", "--from", name, "--quiet", "--overwrite", "--out", "again"], as: Way(workers: 3),
                    out: "again")
                #expect(result.summary.parametersSHA256 == trial.parametersSHA256)
            }
            let score = try bench.run(["evaluate", "out/best", "--json"])
            #expect(score.exitCode == 0 && score.standardOutput.contains("confusionMatrix"), "\(score)")
            let third = try bench.run(["train", "--from", "out/best-3", "--quiet", "--out", "third", "--loss", "mse"])
            #expect(third.exitCode == 0, "\(third)")
            let none = try bench.run(["train", "--from", "out/best-13"])
            #expect(none.exitCode == 65 && none.standardError.contains("there is no best-13"), "\(none)")
            let missing = try bench.run(["train", "--from", "out/99"])
            #expect(missing.exitCode == 66 && missing.standardError.contains("no trial 99"), "\(missing)")
        }
    }
}
