import Foundation
import Testing

extension CommandLineTests {
    @Suite struct Sweeps {
        /// Six trials: two activations with two seeds, and a point with a learning rate that diverges at once.
        static let file = """
            program: train.py
            method: grid
            name: small
            metric: {name: test_accuracy, goal: maximize}
            parameters:
              dataset: {value: ./data}
              family: {value: mlp}
              hidden_size: {value: 16}
              activation: {values: [relu, tanh]}
              seed: {values: [1, 2]}
              epochs: {value: 2}
            points:
              - {optimizer: sgd, learning_rate: 1e30}

            """

        private func bench(_ file: String = file) throws -> Workbench {
            let bench = try Workbench()
            try bench.folder.write(file.utf8, to: "sweep.yaml")
            return bench
        }

        private static let ways = [Way(workers: 1), Way(workers: 3)] + (Program.hasRanks ? [Way(ranks: 2)] : [])

        /// The trials are those that `train` makes of the same options, whatever the workers.
        @Test func trialsAreRunsAndTheSameForAllWorkers() throws {
            let bench = try bench()
            var all: [[ListedTrial]] = []
            for (index, way) in Self.ways.enumerated() {
                let words =
                    ["sweep", "sweep.yaml", "--out", "out\(index)"]
                    + (way.workers.map { ["--workers", "\($0)"] } ?? [])
                let result = try bench.run(words, ranks: way.ranks)
                #expect(result.exitCode == 0 && result.standardError == "", "\(way): \(result)")
                #expect(result.standardOutput.contains("note: without meaning here: program"))
                all.append(try bench.trials(in: "out\(index)"))
            }
            #expect(all.allSatisfy { $0 == all[0] })
            #expect(all[0].map(\.state) == ["finished", "finished", "finished", "finished", "failed", "failed"])
            for trial in all[0].suffix(2) {
                #expect(trial.reason?.contains("not finite after step") == true && trial.value == nil, "\(trial)")
            }
            let alone = try bench.record(
                [
                    "train", "--dataset", "./data", "--model", "dense 16, tanh, dense 16, tanh, dense 10", "--seed",
                    "2", "--epochs", "2", "--quiet", "--out", "alone", "--checkpoint-every", "30s",
                    "--keep-checkpoints", "1",
                ], as: Way(workers: 2), out: "alone")
            #expect(all[0][3].parametersSHA256 == alone.summary.parametersSHA256)
            let run = try RunRecord("out0/\(all[0][3].folder)", in: bench.folder)
            #expect(run.metrics == alone.metrics && run.configuration == alone.configuration)
            #expect(all[0][3].value == alone.summary.testAccuracy)
        }

        /// Who chooses by what was held out is not told of the test set.
        @Test(arguments: [("test_accuracy", "test", "validation"), ("val_accuracy", "validation", "test")])
        func trialsAreToldByTheMetric(metric: String, told: String, silent: String) throws {
            let bench = try bench(
                """
                method: grid
                metric: {name: \(metric), goal: maximize}
                parameters:
                  dataset: {value: ./data}
                  model: {value: "dense 10"}
                  validation_split: {value: 0.5}
                  epochs: {value: 1}

                """)
            let output = try bench.run(["sweep", "sweep.yaml", "--out", "out", "--workers", "1"]).standardOutput
            let line = try #require(output.split(separator: "\n").first { $0.hasPrefix("trial 1/1  ") }, "\(output)")
            #expect(line.contains("  \(told) ") && !line.contains("  \(silent) "), "\(line)")
        }

        @Test func theBestTrialIsThatOfTheMetric() throws {
            let bench = try bench()
            #expect(try bench.run(["sweep", "run", "sweep.yaml", "--out", "out", "--quiet"]).allOutput == "")
            let finished = try bench.trials(in: "out").filter { $0.state == "finished" }
            let best = try bench.run(["sweep", "best", "out", "--json"])
            let trial = try JSONDecoder().decode(ListedTrial.self, from: Data(best.standardOutput.utf8))
            #expect(trial == finished.first { $0.value == finished.compactMap(\.value).max() })
            let text = try bench.run(["sweep", "best", "out"]).standardOutput
            #expect(text.contains("run in out/\(trial.folder)"), "\(text)")
        }

        /// Killed in the middle, a sweep goes on where it was and ends as one that was not.
        @Test(arguments: [SIGKILL, SIGTERM]) func anInterruptedSweepGoesOn(signal: Int32) throws {
            let text = Self.file.replacingOccurrences(of: "epochs: {value: 2}", with: "epochs: {value: 2000}")
            let bench = try bench(text)
            #expect(try bench.run(["sweep", "sweep.yaml", "--out", "whole", "--quiet"]).exitCode == 0)
            let job = try bench.start(["sweep", "sweep.yaml", "--out", "out", "--quiet"])
            try job.wait(for: "second trial") { try bench.endedTrialCount(in: "out") >= 2 }
            kill(job.process, signal)
            let stopped = job.finish(withinSeconds: 30)
            if signal == SIGTERM {
                #expect(
                    stopped.exitCode == 75 && stopped.standardError.contains("lockstep: stopped in trial"),
                    "\(stopped)")
            }
            let before = try bench.trials(in: "out")
            // Not in the order of their numbers: a trial that fails ends before one that began earlier.
            let done = before.indices.filter { !["pending", "running"].contains(before[$0].state) }
            try #require(done.count >= 2)
            let kept = "out/\(before[done[0]].folder)/summary.json"
            let untouched = try bench.folder.read(kept)
            let seconds = try bench.trialSeconds(in: "out")

            let again = try bench.run(["sweep", "sweep.yaml", "--out", "out"])
            #expect(again.exitCode == 0, "\(again)")
            #expect(again.standardOutput.contains("\(done.count) trials ran before"), "\(again)")
            #expect(try bench.trials(in: "out") == bench.trials(in: "whole"))
            #expect(try bench.folder.read(kept) == untouched)
            // Those of the first time.
            let secondsAgain = try bench.trialSeconds(in: "out")
            #expect(done.allSatisfy { secondsAgain[$0] == seconds[$0] })
        }

        @Test func anotherFileOrOtherOptionsAreRefused() throws {
            let bench = try bench()
            #expect(try bench.run(["sweep", "sweep.yaml", "--out", "out", "--quiet", "--steps", "3"]).exitCode == 0)
            let otherOptions = try bench.run(["sweep", "sweep.yaml", "--out", "out", "--quiet"])
            #expect(
                otherOptions.exitCode == 73 && otherOptions.standardError.contains("overrides.yaml"), "\(otherOptions)")
            try bench.folder.write((Self.file + "# changed\n").utf8, to: "sweep.yaml")
            let otherFile = try bench.run(["sweep", "sweep.yaml", "--out", "out", "--quiet", "--steps", "3"])
            #expect(
                otherFile.exitCode == 73 && otherFile.standardError.contains("another sweep: the file"), "\(otherFile)")
        }

        @Test func failedTrialsRunAgainWhereAsked() throws {
            let text = "method: grid\nparameters:\n  dataset: {values: [./data, ./later]}\n  steps: {value: 2}\n"
            let bench = try bench(text)
            let first = try bench.run(["sweep", "sweep.yaml", "--out", "out"])
            #expect(first.exitCode == 0, "\(first)")
            #expect(try bench.trials(in: "out").map(\.state) == ["finished", "failed"])
            try SmallDataset().write(to: "later", in: bench.folder)
            #expect(try bench.run(["sweep", "sweep.yaml", "--out", "out", "--quiet"]).exitCode == 0)
            #expect(try bench.trials(in: "out").map(\.state) == ["finished", "failed"])
            #expect(try bench.run(["sweep", "sweep.yaml", "--out", "out", "--quiet", "--retry-failed"]).exitCode == 0)
            #expect(try bench.trials(in: "out").map(\.state) == ["finished", "finished"])
        }

        @Test func whenEveryTrialFailsTheSweepDoes() throws {
            let bench = try bench(
                "method: grid\nparameters:\n  dataset: {value: ./data}\n  model: {values: [dense 3, relu]}\n")
            let result = try bench.run(["sweep", "sweep.yaml", "--out", "out", "--quiet"])
            #expect(result.exitCode == 65 && result.standardError.split(separator: "\n").count == 1, "\(result)")
            #expect(result.standardError.contains("all 2 trials failed; the first: model: layer 1"), "\(result)")
        }

        /// Means and standard deviations over seeds, from the values themselves.
        @Test func theTableSummarizesSeeds() throws {
            let bench = try bench()
            #expect(try bench.run(["sweep", "sweep.yaml", "--out", "out", "--quiet"]).exitCode == 0)
            let values = try bench.trials(in: "out").prefix(2).compactMap(\.value)
            let mean = (values[0] + values[1]) / 2
            let deviation = abs(values[0] - values[1]) / 2.0.squareRoot()
            let cell = String(format: "%.2f ± %.2f", mean * 100, deviation * 100)
            let table = try bench.run(["sweep", "list", "out", "--markdown"]).standardOutput
            #expect(table.contains("1, 2") && table.contains(cell) && table.contains("0/2"), "\(cell) in \(table)")
            #expect(table.contains("Failed: trials 5, 6: the loss is not finite"), "\(table)")
            let narrow = try bench.run(["sweep", "list", "out"]).standardOutput
            #expect(narrow.split(separator: "\n").contains { $0.hasSuffix(" *") }, "\(narrow)")
        }

        /// What runs is drawn below the lines that stay, and never wraps.
        @Test(.enabled(if: Program.hasRanks)) func aTerminalSeesWhatRuns() throws {
            let bench = try bench(
                Self.file.replacingOccurrences(of: "epochs: {value: 2}", with: "epochs: {value: 200}"))
            let result = try bench.run(
                ["sweep", "sweep.yaml", "--out", "out"], ranks: 2,
                environment: ["LOCKSTEP_TERMINAL_WIDTH": "80", "NO_COLOR": "1"])
            #expect(result.exitCode == 0, "\(result)")
            let lines = result.standardOutput.split(separator: "\n")
            let bars = lines.filter { $0.contains("left") && $0.contains("epoch ") }
            #expect(!bars.isEmpty && bars.allSatisfy { $0.count < 80 }, "\(lines)")
            #expect(lines.contains { $0.contains("of 6 done") && $0.contains("best ") }, "\(lines)")
            // The last thing is to erase it.
            let end = result.standardOutput.components(separatedBy: "\u{1B}[J").last ?? ""
            #expect(!end.contains("done") && end.contains(" *"), "\(end)")
        }
    }

    @Suite struct Families {
        @Test func aFamilyIsTheModelThatItExpandsTo() throws {
            let bench = try Workbench()
            let common = ["train", "--dataset", "./data", "--epochs", "1", "--quiet", "--out"]
            let family = try bench.record(
                common + ["a", "--family", "cnn", "--convolutions", "4", "--hidden-size", "12", "--dropout", "0.2"],
                as: Way(workers: 2), out: "a")
            let model = "conv 4 3, relu, maxpool 2, dense 12, relu, dropout 0.2, dense 10"
            let text = try bench.record(common + ["b", "--model", model], as: Way(workers: 1), out: "b")
            #expect(family.checkpoint == text.checkpoint && family.configuration == text.configuration)
            let yaml = """
                dataset: ./data
                epochs: 1
                model:
                  - conv: {channels: 4, kernel: 3}
                  - relu
                  - maxpool: 2
                  - dense 12, relu
                  - dropout: 0.2
                  - dense: 10

                """
            try bench.folder.write(yaml.utf8, to: "c.yaml")
            let list = try bench.record(["train", "c.yaml", "--quiet", "--out", "c"], as: Way(workers: 1), out: "c")
            #expect(list.checkpoint == text.checkpoint && list.configuration == text.configuration)
            let info = try bench.run(["info", "--model", model, "--yaml"])
            #expect(info.standardOutput.contains("- conv: {channels: 4, kernel: 3x3}\n"), "\(info)")
        }

        @Test func theCommandLineOverridesModelAndFamilyOfAFile() throws {
            let bench = try Workbench()
            try bench.folder.write("dataset: ./data\nsteps: 1\nfamily: mlp\nhidden_size: 8\n".utf8, to: "f.yaml")
            try bench.folder.write("dataset: ./data\nsteps: 1\nmodel: dense 10\n".utf8, to: "m.yaml")
            func model(_ words: [String], _ out: String) throws -> String {
                let run = try bench.record(
                    ["train"] + words + ["--quiet", "--out", out], as: Way(workers: 1), out: out)
                let text = String(decoding: run.configuration, as: UTF8.self)
                return text.split(separator: "\n").first { $0.hasPrefix("model: ") }.map(String.init) ?? ""
            }
            #expect(try model(["f.yaml"], "a") == "model: \"dense 8, relu, dense 8, relu, dense 10\"")
            #expect(try model(["f.yaml", "--hidden-layers", "1"], "b") == "model: \"dense 8, relu, dense 10\"")
            #expect(try model(["f.yaml", "--model", "dense 10"], "c") == "model: \"dense 10\"")
            #expect(try model(["m.yaml", "--family", "mlp", "--hidden-layers", "0"], "d") == "model: \"dense 10\"")
        }
    }
}
