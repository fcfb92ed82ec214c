import Foundation
import Testing

extension JobTests {
    /// `launch/supervise` and `launch/torture`.
    @Suite struct Supervision {
        private static let training = Signals.endless + ["--out", "run", "--checkpoint-every", "20ms"]

        private func supervise(
            _ arguments: [String], ranks: Int = 3, in bench: Workbench, environment: [String: String] = [:]
        ) throws -> ChildProcess {
            try Script.start(
                "supervise", ["-n", "\(ranks)", "--oversubscribe", "--backoff", "0", "--"] + arguments,
                environment: environment, folder: bench.folder)
        }

        /// Processes of the program itself that live in a session of the job.
        private func ranks(_ bench: Workbench) -> [Int: pid_t] {
            var found: [Int: pid_t] = [:]
            for running in Script.marked(bench.folder) {
                if let rank = running.environment["OMPI_COMM_WORLD_RANK"].flatMap({ Int($0) }) {
                    found[rank] = running.id
                }
            }
            return found
        }

        @Test(.enabled(if: Program.hasRanks, "mpirun is missing, or the program was built without MPI"))
        func aKilledRankAndAKilledMpirunAreStartedAgain() throws {
            let bench = try Workbench()
            let child = try supervise(Self.training, in: bench)
            var seen = 0
            for round in 0..<2 {
                try child.wait(for: "checkpoint") { bench.newestStep("run") > seen && ranks(bench).count == 3 }
                let rank = try #require(ranks(bench)[1])
                let mpirun = RunningProcess.all.first { $0.id == rank }?.parent
                kill(round == 0 ? rank : try #require(mpirun), SIGKILL)
                try child.wait(for: "restart") {
                    child.standardError.split(separator: "\n").count { $0.contains(" goes on after step ") } == round
                        + 1
                }
                seen = bench.newestStep("run")
            }
            try child.wait(for: "checkpoint") { bench.newestStep("run") > seen }
            kill(child.process, SIGTERM)
            let result = child.finish(withinSeconds: child.seconds + 30)
            #expect(result.exitCode == 75 && !result.timedOut, "\(result)")
            #expect(Script.marked(bench.folder).isEmpty)
            let events = result.standardError.split(separator: "\n").filter { $0.contains("launch/supervise: ") }
            #expect(events.count == 2 && events.allSatisfy { $0.contains("exit code 137: goes on") }, "\(result)")
            #expect(result.standardError.contains("lockstep: stopped after step \(bench.newestStep("run")) of "))

            let end = ["--steps", "\(bench.newestStep("run") + 25)"]
            let last = try supervise(["resume", "run", "--quiet"] + end, in: bench)
                .finish(withinSeconds: 60)
            #expect(last.exitCode == 0 && last.standardError == "", "\(last)")
            let resumed = try RunRecord("run", in: bench.folder)
            try FileManager.default.removeItem(atPath: bench.folder.path + "/run")
            let uninterrupted = try bench.record(
                Signals.endless + ["--out", "run", "--checkpoint-every", "never"] + end, as: Way(workers: 1), out: "run"
            )
            #expect(resumed.isTheSameRun(as: uninterrupted))
        }

        @Test func whatTheUserMustMendIsNotTriedAgain() throws {
            let bench = try Workbench()
            try bench.folder.write("epochs: many\n".utf8, to: "bad.yaml")
            let cases: [(arguments: [String], exitCode: Int32, text: String)] = [
                (["train", "--dataset", "./data"], 64, "the run's folder must be said"),
                (["info"], 64, "nothing to supervise"),
                (["train", "--dataset", "./nothing", "--out", "run"], 66, "exit code 66: a restart would not help"),
                (["train", "bad.yaml", "--out", "run"], 65, "exit code 65: a restart would not help"),
                (
                    Workbench.training + ["--quiet", "--out", "run", "--stop-after", "3steps"], 75,
                    "exit code 75: a restart would not help"
                ),
            ]
            for test in cases {
                let result = try supervise(test.arguments, in: bench).finish(withinSeconds: 30)
                #expect(result.exitCode == test.exitCode && result.standardError.contains(test.text), "\(result)")
                #expect(!result.standardError.contains("restart 1"), "\(result)")
            }
        }

        /// A program that always dies as by a signal.
        @Test func itGivesUp() throws {
            let bench = try Workbench()
            try bench.folder.write("#!/bin/sh\nkill -KILL $$\n".utf8, to: "dies")
            chmod(bench.folder.path + "/dies", 0o755)
            let result = try Script.start(
                "supervise", ["-n", "1", "--restarts", "2", "--backoff", "0", "train", "--out", "run"],
                environment: ["LOCKSTEP_BINARY": bench.folder.path + "/dies"], folder: bench.folder
            ).finish(withinSeconds: 60)
            #expect(result.exitCode == 128 + SIGKILL, "\(result)")
            let events = result.standardError.split(separator: "\n").filter { $0.contains("launch/supervise: ") }
            try #require(events.count == 3, "\(result)")
            #expect(events[0].hasSuffix(": begins anew in 0 s (restart 1 of 2)"))
            #expect(events[1].hasSuffix(": begins anew in 0 s (restart 2 of 2)"))
            #expect(events[2].hasSuffix(": gives up after 2 restart(s) without a newer checkpoint"))
        }

        @Test func fiveKillsLoseNothing() throws {
            let bench = try Workbench()
            let child = try Script.start(
                "torture", ["--kills", "5", "--seed", "5", "--dataset", "./data", "--steps", "1500"],
                folder: bench.folder)
            let result = child.finish(withinSeconds: 300)
            #expect(result.exitCode == 0 && !result.timedOut, "\(result)")
            #expect(result.standardOutput.contains("\n5 of 5 kills in "), "\(result)")
            #expect(Script.marked(bench.folder).isEmpty)
        }

        /// A program that loses a checkpoint between two parts.
        @Test func tortureSeesALostCheckpoint() throws {
            let bench = try Workbench()
            let program = """
                #!/bin/bash
                for word; do [[ $before == --out ]] && rm -f "$word"/checkpoints/step-*.safetensors; before=$word; done
                exec '\(Program.path)' "$@"

                """
            try bench.folder.write(program.utf8, to: "forgets")
            chmod(bench.folder.path + "/forgets", 0o755)
            let result = try Script.start(
                "torture", ["--kills", "2", "--seed", "5", "--dataset", "./data", "--steps", "1500"],
                environment: ["LOCKSTEP_BINARY": bench.folder.path + "/forgets"], folder: bench.folder
            ).finish(withinSeconds: 300)
            #expect(result.exitCode == 1, "\(result)")
            #expect(
                result.standardError.contains("and step ") && result.standardError.contains("again: launch/torture"))
        }
    }
}
