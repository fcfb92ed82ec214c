import Foundation
import Testing

extension JobTests {
    /// Runs that are stopped and go on.
    @Suite struct Resume {
        /// All that a checkpoint must hold, each in a training that has it. An epoch of the small data set has 10 steps.
        static let trainings: [[String]] = [
            [],
            ["--optimizer", "nadam", "--average", "0.9", "--validation-split", "0.2", "--metric", "validation-loss"],
            ["--schedule", "plateau 0.5 0", "--validation-split", "0.2", "--patience", "2", "--learning-rate", "0.05"],
            [
                "--model", "conv 4 3x3, batchnorm, relu, flatten, dropout 0.3, dense 10", "--optimizer", "momentum",
                "--average", "0.8",
            ],
            ["--optimizer", "lamb", "--clip-norm", "0.5", "--accumulate", "3", "--hash-every", "3", "--epochs", "5"],
            ["--optimizer", "sgd", "--learning-rate", "0.1", "--batch-size", "all", "--epochs", "25"],
            ["--augment", "shift 1, elastic 1 3, flip, erase 0.5 4", "--standardize", "dataset", "--fold", "1/3"],
            [
                "--augment", "rotate 9, mixup 0.2, cutmix 1", "--shuffle", "blocks 32 3", "--accumulate", "2",
                "--epochs", "5",
            ],
            [
                "--target", "input", "--model", "dense 8, relu, dense 64", "--optimizer", "rmsprop", "--warmup",
                "7steps",
            ],
        ]

        /// Steps of the parts and how each is trained.
        static let stops: [(steps: [Int], ways: [Way])] = [
            ([1, 8], [Way(workers: 1), Way(workers: 3), Way(workers: 2)]),
            // In the middle, at the end and at the begin of an epoch.
            ([7, 3, 1], [Way(workers: 4), Way(workers: 1), ranks(2), ranks(3, "hosts:2,1")]),
        ]

        private static func ranks(_ count: Int, _ transport: String = "shared") -> Way {
            Program.hasRanks ? Way(ranks: count, environment: ["LOCKSTEP_TRANSPORT": transport]) : Way(workers: count)
        }

        private func run(_ bench: Workbench, _ arguments: [String], _ way: Way) throws -> ChildProcess.Result {
            try bench.run(
                arguments + (way.workers.map { ["--workers", "\($0)"] } ?? []), ranks: way.ranks,
                environment: way.environment)
        }

        @Test(arguments: trainings, stops.indices) func endsAsIfNeverStopped(training: [String], stop: Int) throws {
            let bench = try Workbench()
            let whole = try Workbench().train(training, as: Way(workers: 2))
            let command = Workbench.training + training + ["--quiet", "--out", "run", "--resume", "auto"]
            let (steps, ways) = Self.stops[stop]
            for (part, way) in zip(steps, ways) {
                let result = try run(bench, command + ["--stop-after", "\(part)steps"], way)
                #expect(result.exitCode == 75 && !result.timedOut, "\(result)")
                #expect(result.standardError.hasPrefix("lockstep: stopped after step "))
                #expect(result.standardError.hasSuffix("; checkpoint saved; go on with: lockstep resume run\n"))
                #expect(!bench.folder.exists("run/summary.json"))
            }
            let last = ways[steps.count]
            #expect(try run(bench, ["resume", "run", "--quiet"], last).exitCode == 0)
            #expect(try RunRecord("run", in: bench.folder) == whole)
        }

        /// The file of a step is the same whether the run went through it or stopped there.
        @Test func aCheckpointSaysNothingOfItsWay() throws {
            let bench = try Workbench()
            _ = try bench.train(["--checkpoint-every", "7steps"], as: Way(workers: 3), out: "through")
            let stopped = try bench.run(
                Workbench.training + ["--quiet", "--out", "stopped", "--stop-after", "7steps", "--workers", "1"])
            #expect(stopped.exitCode == 75)
            let name = "checkpoints/step-000007.safetensors"
            #expect(try bench.folder.read("through/\(name)") == bench.folder.read("stopped/\(name)"))
        }

        @Test func moreEpochsAreAsIfAskedForAtOnce() throws {
            let bench = try Workbench()
            let whole = try Workbench().train(["--epochs", "4"])
            _ = try bench.train()
            let result = try bench.run(["resume", "run", "--epochs", "4", "--workers", "2"])
            #expect(result.exitCode == 0 && result.standardOutput.contains("; epochs 2 → 4\n"), "\(result)")
            #expect(try RunRecord("run", in: bench.folder) == whole)
        }

        @Test func aRunThatHasEndedEndsAgain() throws {
            let bench = try Workbench()
            let record = try bench.train(["--metric", "test-loss"])
            try FileManager.default.removeItem(atPath: bench.folder.path + "/run/summary.json")
            #expect(try bench.run(["resume", "run"]).exitCode == 0)
            #expect(try RunRecord("run", in: bench.folder) == record)
        }

        @Test func anotherFolderBeginsWithTheRecordSoFar() throws {
            let bench = try Workbench()
            let whole = try Workbench().train(out: "other")
            _ = try bench.train(["--checkpoint-every", "5steps"])
            let source = "run/checkpoints/step-000015.safetensors"
            let result = try bench.run(["train", "--resume", source, "--out", "other", "--checkpoint-every", "1epochs"])
            #expect(result.exitCode == 0, "\(result)")
            #expect(try RunRecord("other", in: bench.folder) == whole)
            #expect(bench.folder.exists("run/summary.json") && bench.folder.exists(source))
        }

        /// What the run was trained with stays; the message names both values.
        @Test(arguments: [
            (
                ["--batch-size", "32"],
                "batch-size is 32, and run/checkpoints/step-000020.safetensors was trained with 64"
            ),
            (["--grain", "16"], "grain is 16"), (["--seed", "8"], "seed is 8"),
            (["--model", "dense 10"], "model is \"dense 10\""), (["--weight-decay", "0.1"], "weight-decay is 0.1"),
            (["--dataset", "./more"], "./more: has the SHA-256"),
            (["--epochs", "1"], "was taken after step 20, and the run has 10 steps"),
            (["--resume", "run/checkpoints/step-000010.safetensors"], "run has a newer checkpoint (step 20)"),
            (["--overwrite"], "leave one of them out"),
            (["--resume", "nothing"], "nothing: no such checkpoint or run"),
            (["--stop-after", "5"], "--stop-after \"5\": a unit is missing"),
            (["--checkpoint-every", "0steps"], "a whole number from 1 is needed"),
        ]) func refusals(change: [String], message: String) throws {
            let bench = try Workbench()
            var more = SmallDataset()
            more.train.labels[5] = (more.train.labels[5] + 1) % 10
            try more.write(to: "more", in: bench.folder)
            _ = try bench.train()
            let before = try RunRecord("run", in: bench.folder)
            let result = try bench.run(
                Workbench.training + ["--quiet", "--out", "run"]
                    + (change.contains("--resume") ? [] : ["--resume", "auto"]) + change)
            #expect([64, 65, 66, 73].contains(result.exitCode), "\(result)")
            #expect(result.standardError.contains(message), "\(result.standardError)")
            #expect(result.standardError.count { $0 == "\n" } == 1)
            #expect(try RunRecord("run", in: bench.folder) == before)
        }

        /// A checkpoint that cannot be read costs the way from the one before it, and is told.
        @Test func damagedCheckpointsAreLeftOut() throws {
            let bench = try Workbench()
            let whole = try bench.train(["--checkpoint-every", "5steps"])
            try FileManager.default.removeItem(atPath: bench.folder.path + "/run/summary.json")
            for (step, damage) in [(20, "cut short"), (15, "damaged")] {
                let path = "run/checkpoints/step-0000\(step).safetensors"
                var bytes = try bench.folder.read(path)
                if step == 20 { bytes.removeLast() } else { bytes[bytes.count - 1] ^= 1 }
                try bench.folder.write(Array(bytes), to: path)
                let result = try bench.run(["resume", "run", "--workers", "2"])
                #expect(result.exitCode == 0, "\(result)")
                #expect(result.standardOutput.contains("warning: \(path): "), "\(result)")
                #expect(result.standardOutput.contains(damage), "\(result)")
                #expect(
                    result.standardOutput.contains("going on from the checkpoint before it, run/checkpoints/step-0000"))
                #expect(try RunRecord("run", in: bench.folder) == whole)
                // Both are damaged for the second look.
                try bench.folder.write(Array(bytes.dropLast()), to: "run/checkpoints/step-000020.safetensors")
            }
            for step in [10, 15, 20] { try bench.folder.write([], to: "run/checkpoints/step-0000\(step).safetensors") }
            let result = try bench.run(["resume", "run"])
            #expect(
                result.exitCode == 65 && result.standardError.contains("no checkpoint in run/checkpoints can be read"))
            #expect(bench.folder.exists("run/metrics.jsonl") && bench.folder.exists("run/summary.json"))
        }

        /// Names of the checkpoints that a policy leaves of 20 steps in two epochs.
        @Test(arguments: [
            ([], [10, 20]), (["--checkpoint-every", "never"], [20]), (["--checkpoint-every", "6steps"], [12, 18, 20]),
            (["--checkpoint-every", "4 steps", "--keep-checkpoints", "1"], [20]),
            (["--checkpoint-every", "4steps", "--keep-checkpoints", "10"], [4, 8, 12, 16, 20]),
            (["--checkpoint-every", "2epochs"], [20]), (["--checkpoint-every", "1h"], [20]),
        ]) func policies(arguments: [String], steps: [Int]) throws {
            let bench = try Workbench()
            _ = try bench.train(arguments + ["--metric", "train-loss"])
            let names = try FileManager.default.contentsOfDirectory(atPath: bench.folder.path + "/run/checkpoints")
            #expect(names.compactMap { Int($0.dropFirst(5).dropLast(12)) }.sorted() == steps, "\(names)")
            #expect(names.contains("best.safetensors") && names.count == steps.count + 1)
        }

        /// A checkpoint that cannot be written is told and training goes on; at the end it is an error.
        @Test func aFullDiskLosesNothingThatWasThere() throws {
            let bench = try Workbench()
            let whole = try Workbench().train()
            let part = Workbench.training + ["--quiet", "--out", "run", "--stop-after", "7steps"]
            #expect(try bench.run(part).exitCode == 75)
            // No file may grow beyond 4 KiB: the record can, a checkpoint of 31 KB cannot.
            let script = "ulimit -f 8; exec \"$0\" \"$@\""
            let limited = try bench.run(
                ["-c", script, Program.path, "resume", "run", "--workers", "1", "--checkpoint-every", "2steps"],
                binary: "/bin/bash")
            #expect(limited.exitCode == 74, "\(limited)")
            #expect(
                limited.standardOutput.contains("was not written: run/checkpoints/")
                    && limited.standardOutput.contains("training goes on"), "\(limited)")
            #expect(limited.standardError.contains("cannot be written: File too large"), "\(limited)")
            #expect(limited.standardError.count { $0 == "\n" } == 1)
            let left = try FileManager.default.contentsOfDirectory(atPath: bench.folder.path + "/run/checkpoints")
            #expect(left == ["step-000007.safetensors"])
            #expect(try bench.run(["resume", "run", "--checkpoint-every", "1epochs"]).exitCode == 0)
            #expect(try RunRecord("run", in: bench.folder) == whole)
        }

        /// Temporary files of a process that died go away, other files stay.
        @Test func leftoversAreRemoved() throws {
            let bench = try Workbench()
            let part = Workbench.training + ["--quiet", "--out", "run", "--stop-after", "7steps"]
            #expect(try bench.run(part).exitCode == 75)
            let stale = ["run/checkpoints/.step-000010.safetensors.123.tmp", "run/.config.yaml.99.tmp"]
            let own = ["run/notes.txt", "run/checkpoints/.keep", "run/checkpoints/step-9.safetensors"]
            for path in stale + own { try bench.folder.write([1, 2], to: path) }
            #expect(try bench.run(["resume", "run", "--quiet"]).exitCode == 0)
            for path in stale { #expect(!bench.folder.exists(path), "\(path)") }
            for path in own { #expect(bench.folder.exists(path), "\(path)") }
        }

        @Test(arguments: [[], ["--optimizer", "sgd", "--model", "dense 12, batchnorm, relu, dense 10"]])
        func verifyResume(more: [String]) throws {
            let bench = try Workbench()
            let arguments = ["verify-resume"] + Workbench.training.dropFirst() + more
            let result = try bench.run(arguments + ["--stops", "2", "--workers", "3"])
            #expect(result.exitCode == 0, "\(result)")
            for line in [
                "the last checkpoints are equal, byte for byte", "a flipped bit is refused", "leads to another end",
            ] {
                #expect(result.standardOutput.contains(line), "\(result)")
            }
            let refused = try bench.run(arguments + ["--batch-size", "600", "--epochs", "1"])
            #expect(refused.exitCode == 65 && refused.standardError.contains("nothing to stop between"), "\(refused)")
        }
    }
}
