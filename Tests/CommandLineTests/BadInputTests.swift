import Foundation
import Testing

extension CommandLineTests {
    /// A mistake costs one clear line and the right exit code; nothing hangs and nothing stays behind.
    @Suite struct BadInputs {
        /// Nil: without mpirun.
        static let ways: [Int?] = [nil] + (Program.hasRanks ? [2] : [])

        /// When a rank has failed, mpirun gives the others a second, in vain; where this is not set, it does.
        static let endsAtOnce = ["OMPI_MCA_odls_base_sigkill_timeout": "0"]

        private func refuse(
            _ result: ChildProcess.Result, _ exitCode: Int32, _ fragments: [String]
        ) {
            #expect(!result.timedOut, "some process is there after \(result.seconds) s")
            #expect(result.exitCode == exitCode, "\(result)")
            let text = result.standardError
            #expect(text.hasPrefix("lockstep: ") && text.hasSuffix("\n") && text.count { $0 == "\n" } == 1, "\(text)")
            for fragment in fragments { #expect(text.contains(fragment)) }
            #expect(result.standardOutput == "")
        }

        @Test(arguments: BadInput.commandLine + BadInput.files + BadInput.outputs, ways)
        func isRefused(input: BadInput, ranks: Int?) throws {
            let bench = try Workbench()
            try input.prepare(bench)
            let environment = input.environment.merging(Self.endsAtOnce) { $1 }
            let result = try bench.run(input.arguments, ranks: ranks, environment: environment, withinSeconds: 20)
            refuse(result, input.exitCode, input.fragments)
        }

        /// Without this, a table of refusals proves little.
        @Test func goodInputIsTaken() throws {
            let bench = try Workbench()
            let plain = try bench.train(out: "plain")
            for name in ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"] {
                let bytes = try bench.folder.read("data/\(name)-ubyte")
                try bench.folder.write(SmallDataset.gzip(Array(bytes)), to: "data/\(name)-ubyte.gz")
                try FileManager.default.removeItem(atPath: "\(bench.folder.path)/data/\(name)-ubyte")
            }
            let compressed = try bench.train(out: "compressed")
            #expect(compressed.checkpoint == plain.checkpoint && compressed.metrics == plain.metrics)
        }

        @Test(.enabled(if: Program.hasRanks)) func threadsUnderMpirun() throws {
            let result = try Workbench().run(
                Workbench.training + ["--out", "run", "--quiet", "--workers", "2"], ranks: 2, withinSeconds: 20)
            refuse(result, 64, ["--workers 2", "mpirun"])
        }

        @Test(.enabled(if: Program.withoutMPI != nil && Program.mpirun != nil, "LOCKSTEP_WITHOUT_MPI names no program"))
        func programWithoutMPIUnderMpirun() throws {
            let binary = try #require(Program.withoutMPI)
            let bench = try Workbench()
            let command = Workbench.training + ["--out", "run", "--quiet"]
            refuse(try bench.run(command, ranks: 2, binary: binary, withinSeconds: 20), 64, ["without MPI", "2 ranks"])
            #expect(!bench.folder.exists("run"))
        }

        /// Starts the program on three ranks, with `script` before it on each.
        private func run(_ arguments: [String], after script: String) throws -> ChildProcess.Result {
            try Workbench().run(
                ["-c", "rank=$OMPI_COMM_WORLD_RANK; \(script); exec \"$@\"", "sh", Program.path] + arguments, ranks: 3,
                environment: Self.endsAtOnce, binary: "/bin/sh", withinSeconds: 20)
        }

        /// Rank 0 speaks for all; ranks that are faster must not end the job before it has.
        @Test(.enabled(if: Program.hasRanks), arguments: BadInput.onEveryRank)
        func aSlowFirstRankIsHeard(input: BadInput) throws {
            let result = try run(input.arguments, after: "if [ $rank = 0 ]; then sleep 0.7; fi")
            refuse(result, input.exitCode, input.fragments)
        }

        /// An error that rank 0 does not meet, such as a file that only one host lacks.
        @Test(.enabled(if: Program.hasRanks)) func anErrorOfAnotherRankIsHeard() throws {
            let result = try run(
                Workbench.training + ["--out", "run", "--quiet"],
                after: "if [ $rank = 2 ]; then set -- \"$@\" --nonsense; fi")
            refuse(result, 64, ["rank 2", "--nonsense"])
        }

        @Test(arguments: ways) func overwriteReplacesARun(ranks: Int?) throws {
            let bench = try Workbench()
            let first = try bench.train(["--steps", "5"])
            let second = try bench.train(["--overwrite"], as: Way(ranks: ranks))
            #expect(second.summary.steps == 20 && second.summary.checkpoint != first.summary.checkpoint)
            #expect(!bench.folder.exists(first.summary.checkpoint))
        }

        /// The second of two runs into one folder, also with `--overwrite`, leaves the first alone.
        @Test(arguments: ways) func aFolderInUseIsRefused(ranks: Int?) throws {
            let bench = try Workbench()
            let first = try bench.start(
                Workbench.training + ["--out", "run", "--quiet", "--epochs", "1000000"])
            try first.wait(for: "epoch") { bench.folder.exists("run/metrics.jsonl") }
            for arguments in [[], ["--overwrite"]] {
                let second = try bench.run(
                    Workbench.training + ["--out", "run", "--quiet"] + arguments, ranks: ranks, withinSeconds: 20)
                refuse(second, 73, ["run", "in use"])
            }
            #expect(kill(first.process, 0) == 0)
            let lines = try bench.folder.text("run/metrics.jsonl").count { $0 == "\n" }
            try first.wait(for: "more epochs") {
                try bench.folder.text("run/metrics.jsonl").count { $0 == "\n" } > lines
            }
            kill(first.process, SIGKILL)
            #expect(first.finish(withinSeconds: 20).exitCode == 128 + SIGKILL)
            // The lock has died with its process.
            #expect(try bench.train(["--overwrite"]).summary.steps == 20)
        }
    }
}
