import Foundation
import Testing

extension JobTests {
    /// A signal saves a checkpoint and stops; what goes on from there ends like a run that was never stopped.
    @Suite struct Signals {
        enum Launch: String, CaseIterable { case solo, threads, mpirun, local }

        struct Case: Sendable, CustomTestStringConvertible {
            let launch: Launch
            let signal: Int32
            let exitCode: Int32

            var testDescription: String { "\(launch) \(signal)" }

            static let all = Launch.allCases.filter { Program.hasRanks || [.solo, .threads].contains($0) }.flatMap {
                launch in
                [SIGTERM, SIGINT, SIGHUP, SIGUSR1].compactMap { signal -> Case? in
                    // Bare mpirun passes SIGUSR1 on; the others end it with a code of its own, and its ranks save in the second
                    // that it leaves them. launch/local need not know SIGUSR1.
                    if launch == .local && signal == SIGUSR1 { return nil }
                    return Case(
                        launch: launch, signal: signal, exitCode: launch == .mpirun && signal != SIGUSR1 ? 1 : 75)
                }
            }
        }

        /// A training that no test waits for; `steps` may change when it goes on.
        static let endless = Workbench.training + ["--epochs", "1000000", "--quiet"]

        static func start(
            _ launch: Launch, _ arguments: [String], in bench: Workbench, environment: [String: String] = [:]
        ) throws -> ChildProcess {
            switch launch {
            case .solo: try bench.start(arguments + ["--workers", "1"], environment: environment)
            case .threads: try bench.start(arguments + ["--workers", "3"], environment: environment)
            case .mpirun: try bench.start(arguments, ranks: 3, environment: environment)
            case .local:
                try Script.start(
                    "local", ["-n", "3", "--oversubscribe", "--"] + arguments, environment: environment,
                    folder: bench.folder)
            }
        }

        @Test(arguments: Case.all) func savesAndStops(_ test: Case) throws {
            let bench = try Workbench()
            let child = try Self.start(
                test.launch, Self.endless + ["--out", "run", "--checkpoint-every", "20ms"], in: bench)
            try child.wait(for: "checkpoint") { bench.newestStep("run") > 0 }
            kill(child.process, test.signal)
            let result = child.finish(withinSeconds: child.seconds + 30)
            #expect(result.exitCode == test.exitCode && !result.timedOut, "\(result)")
            let step = bench.newestStep("run")
            let said = result.standardError.split(separator: "\n").filter { $0.contains("lockstep: stopped") }
            #expect(
                said.count == 1 && said[0].hasPrefix("lockstep: stopped after step \(step) of ")
                    && said[0].hasSuffix("; checkpoint saved; go on with: lockstep resume run"), "\(result)")
            if test.launch != .mpirun {
                // Who is at the keyboard is told what a second Ctrl-C would do.
                let lines = result.standardError.split(separator: "\n").count
                #expect(lines == (test.signal == SIGINT ? 2 : 1), "\(result)")
            }
            #expect(bench.temporaryFiles("run") == [] && !bench.folder.exists("run/summary.json"))

            let end = ["--steps", "\(step + 25)"]
            let resumed = try bench.record(
                ["resume", "run", "--quiet"] + end, as: Way(workers: 2), out: "run")
            try FileManager.default.removeItem(atPath: bench.folder.path + "/run")
            let uninterrupted = try bench.record(
                Self.endless + ["--out", "run", "--checkpoint-every", "never"] + end, as: Way(workers: 1), out: "run")
            #expect(resumed.isTheSameRun(as: uninterrupted))
        }

        @Test(arguments: [Launch.solo, .threads] + (Program.hasRanks ? [.mpirun] : []))
        func user2SavesAndGoesOn(launch: Launch) throws {
            let bench = try Workbench()
            let child = try Self.start(
                launch, Self.endless + ["--out", "run", "--checkpoint-every", "never"], in: bench)
            try child.wait(for: "epoch") { try bench.hasTrained("run") }
            #expect(bench.newestStep("run") == 0)
            kill(child.process, SIGUSR2)
            try child.wait(for: "checkpoint") { bench.newestStep("run") > 0 }
            let first = bench.newestStep("run")
            kill(child.process, SIGUSR2)
            try child.wait(for: "second checkpoint") { bench.newestStep("run") > first }
            kill(child.process, SIGUSR1)
            let result = child.finish(withinSeconds: child.seconds + 30)
            #expect(result.exitCode == 75 && !result.timedOut, "\(result)")
            #expect(result.standardError.contains("lockstep: stopped after step \(bench.newestStep("run")) of "))
        }

        @Test(arguments: [Launch.solo] + (Program.hasRanks ? [.local] : []), [SIGTERM, SIGINT])
        func beforeTrainingEndsAtOnce(launch: Launch, signal: Int32) throws {
            let bench = try Workbench()
            let begun = Workbench.training + ["--quiet", "--out", "run", "--stop-after", "3steps"]
            #expect(try bench.run(begun).exitCode == 75)
            let before = try bench.files("run")

            // Opening a pipe waits for a writer that does not come.
            let images = bench.folder.path + "/data/train-images-idx3-ubyte"
            try FileManager.default.removeItem(atPath: images)
            #expect(mkfifo(images, 0o600) == 0)
            let child = try Self.start(launch, ["resume", "run", "--quiet"], in: bench)
            try child.wait(for: "wait for data") {
                RunningProcess.all.contains { $0.isOpening(by: Program.path, in: bench.folder.path) }
            }
            kill(child.process, signal)
            let result = child.finish(withinSeconds: child.seconds + 10)
            #expect(result.exitCode == 128 + signal && !result.timedOut, "\(result)")
            let lines = result.standardError.split(separator: "\n")
            #expect(lines.last?.hasSuffix("ended before training had begun; nothing was written") == true, "\(result)")
            #expect(try bench.files("run") == before)
        }

        @Test func aSecondInterruptEndsAtOnce() throws {
            // The step may end between the two: then the run has stopped, and another try is needed.
            for _ in 0..<3 {
                let result = try self.interruptedTwice()
                guard result.exitCode != 75 else { continue }
                #expect(result.exitCode == 130, "\(result)")
                #expect(
                    result.standardError.contains("lockstep: ended at once; no checkpoint was written, so all is lost"),
                    "\(result)")
                return
            }
            Issue.record("the second Ctrl-C never came in time")
        }

        private func interruptedTwice() throws -> ChildProcess.Result {
            let bench = try Workbench()
            // Steps so long that the first stop waits for one.
            let slow = [
                "--model", "dense 3000, relu, dense 3000, relu, dense 3000, relu, dense 10", "--batch-size", "600",
                "--accumulate", "1",
            ]
            let child = try Self.start(
                .solo, Self.endless + slow + ["--out", "run", "--checkpoint-every", "never"], in: bench)
            try child.wait(for: "epoch") { try bench.hasTrained("run") }
            kill(child.process, SIGINT)
            try child.wait(for: "answer") { child.standardError.contains("stopping after this step") }
            kill(child.process, SIGINT)
            return child.finish(withinSeconds: child.seconds + 30)
        }

        /// The best epoch's weights are taken while a checkpoint is being written, from memory that all workers share.
        @Test(arguments: [Way(workers: 4)] + (Program.hasRanks ? [Way(ranks: 3)] : []))
        func noCheckpointIsTorn(way: Way) throws {
            let bench = try Workbench()
            let training =
                Workbench.training + [
                    "--quiet", "--model", "dense 1500, relu, dense 10", "--batch-size", "60", "--validation-split",
                    "0.8",
                    "--metric", "validation-loss", "--epochs", "1000", "--steps", "60", "--keep-checkpoints", "1000",
                ]
            _ = try bench.record(
                training + ["--out", "each", "--checkpoint-every", "1steps"], as: Way(workers: 1), out: "each")
            _ = try bench.record(training + ["--out", "some", "--checkpoint-every", "1ms"], as: way, out: "some")
            let (each, some) = (try bench.files("each/checkpoints"), try bench.files("some/checkpoints"))
            #expect(each.count == 61 && some.count > 2)
            for (name, bytes) in some { #expect(bytes == each[name], "\(name)") }
        }

        /// Bare mpirun kills a second after SIGTERM.
        @Test(
            .enabled(
                if: Program.hasRanks && Program.info.fashionMNIST != nil, "mpirun or Fashion-MNIST is not installed"))
        func aWideNetworkIsSavedInTheSecondThatMpirunLeaves() throws {
            let folder = try TemporaryFolder()
            let child = try Program.start(
                [
                    "train", "--dataset", "fashion-mnist", "--model", "dense 1024, relu, dense 1024, relu, dense 10",
                    "--optimizer", "sgd", "--batch-size", "256", "--epochs", "1000", "--out", "run", "--quiet",
                    "--checkpoint-every", "50steps",
                ], ranks: 2, folder: folder)
            let bench = Workbench(existing: folder)
            try child.wait(for: "checkpoint") { bench.newestStep("run") > 0 }
            kill(child.process, SIGTERM)
            let result = child.finish(withinSeconds: child.seconds + 30)
            #expect(result.exitCode == 1 && !result.timedOut, "\(result)")
            let step = bench.newestStep("run")
            #expect(result.standardError.contains("lockstep: stopped after step \(step) of "), "\(result)")
            let resumed = try Program.run(
                ["resume", "run", "--steps", "\(step + 1)", "--quiet"], folder: folder)
            #expect(resumed.exitCode == 0, "\(resumed)")
        }

        /// The lock dies with its process.
        @Test func aFolderIsOfOneRun() throws {
            let bench = try Workbench()
            let arguments = Self.endless + ["--out", "run", "--checkpoint-every", "20ms", "--resume", "auto"]
            let first = try Self.start(.solo, arguments, in: bench)
            try first.wait(for: "checkpoint") { bench.newestStep("run") > 0 }
            for second in [arguments, ["resume", "run"], Self.endless + ["--out", "run", "--overwrite"]] {
                let result = try bench.run(second)
                #expect(result.exitCode == 73, "\(result)")
                #expect(result.standardError == "lockstep: run is in use by another run; choose another --out\n")
            }
            kill(first.process, SIGKILL)
            #expect(first.finish(withinSeconds: first.seconds + 10).exitCode == 128 + SIGKILL)
            let resumed = try bench.run(
                ["resume", "run", "--steps", "\(bench.newestStep("run") + 5)", "--quiet"])
            #expect(resumed.exitCode == 0, "\(resumed)")
        }
    }
}

extension RunRecord {
    /// The configuration tells when checkpoints are written, which may differ.
    func isTheSameRun(as other: RunRecord) -> Bool {
        summary == other.summary && metrics == other.metrics && checkpoint == other.checkpoint
    }
}
