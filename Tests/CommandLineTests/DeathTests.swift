import Foundation
import Testing

extension JobTests {
    /// kill -9 in the middle of training.
    @Suite(.enabled(if: Program.hasRanks, "mpirun is missing, or the program was built without MPI"))
    struct Deaths {
        static let transports = ["shared", "messages"]

        /// Three ranks that train for longer than any test.
        private func job(_ bench: Workbench, _ transport: String) throws -> ChildProcess {
            // Open MPI cannot remove its files after its own death: they go away with the folder.
            var environment = ["LOCKSTEP_TRANSPORT": transport]
            for name in ["TMPDIR", "OMPI_MCA_btl_vader_backing_directory", "OMPI_MCA_osc_sm_backing_directory"] {
                environment[name] = bench.folder.path
            }
            let job = try bench.start(
                Workbench.training + ["--out", "run", "--epochs", "1000000"], ranks: 3, isQuiet: false,
                environment: environment)
            try job.wait(for: "second epoch") {
                guard bench.folder.exists("run/metrics.jsonl") else { return false }
                return try bench.folder.text("run/metrics.jsonl").contains("\"epoch\":2,")
            }
            return job
        }

        @Test(arguments: [0, 1], transports) func ofARankEndsTheJob(rank: Int, transport: String) throws {
            let bench = try Workbench()
            let job = try job(bench, transport)
            let ranks = job.ranks
            try #require(ranks.keys.sorted() == [0, 1, 2])
            let begin = job.seconds
            kill(try #require(ranks[rank]), SIGKILL)
            let result = job.finish(withinSeconds: begin + 10)
            #expect(!result.timedOut)
            #expect(result.exitCode != 0)
            // Whoever is first says it: another rank that shares memory, or mpirun.
            let names = ["rank \(rank) (host ", "process rank \(rank) with PID"]
            let lines = result.standardError.split(separator: "\n")
            #expect(lines.contains { line in names.contains { line.contains($0) } }, "\(result.standardError)")
            #expect(!bench.folder.exists("run/summary.json"))
        }

        @Test(arguments: transports) func ofMpirunLeavesNoOrphan(transport: String) throws {
            let job = try job(Workbench(), transport)
            try #require(job.ranks.count == 3)
            let begin = job.seconds
            kill(job.process, SIGKILL)
            let result = job.finish(withinSeconds: begin + 10)
            #expect(!result.timedOut)
            #expect(result.exitCode == 128 + SIGKILL)
        }

        /// The tests here prove nothing unless a process that stays behind is seen, and ended.
        @Test func whatStaysBehindIsSeen() throws {
            let child = try ChildProcess(
                "/bin/sh", ["-c", "sleep 60 & echo $!"], environment: [:], folder: TemporaryFolder())
            let result = child.finish(withinSeconds: 0.5)
            #expect(result.timedOut && result.exitCode == 0, "\(result)")
            let orphan = try #require(pid_t(result.standardOutput.trimmingCharacters(in: .whitespacesAndNewlines)))
            #expect(!RunningProcess.all.contains { $0.id == orphan })
        }
    }
}
