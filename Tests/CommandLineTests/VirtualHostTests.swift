import Foundation
import Testing

extension JobTests {
    /// Ranks and groups of ranks on hosts of their own, which talk over TCP: `launch/virtual-hosts`.
    @Suite(.enabled(if: Program.hasVirtualHosts, "network namespaces need root, iproute2, sshd and mpirun"))
    struct VirtualHosts {
        /// Runs jobs of mpirun on `slots.count` hosts, one after the other.
        private func onHosts(_ slots: [Int], _ jobs: [[String]], _ bench: Workbench) throws {
            let words = jobs.map { job in (["mpirun", "--quiet"] + job).map { "'\($0)'" }.joined(separator: " ") }
            let slots = slots.map(String.init)
            let result = try Script.start(
                "virtual-hosts",
                ["with", "\(slots.count)", "--slots", slots.joined(separator: ","), "--", "sh", "-ec"]
                    + [words.joined(separator: "\n")],
                environment: Program.virtualHosts.merging(["LOCKSTEP_CACHE": "off"]) { $1 }, folder: bench.folder
            ).finish(withinSeconds: 120)
            guard result.exitCode == 0, !result.timedOut else { throw TestError("\(result)") }
        }

        private static let models = [
            "dense": ["--model", SmallDataset.model],
            "batch": [
                "--model", "conv 3 3x3, batchnorm, relu, maxpool 2, flatten, dense 6, batchnorm, tanh, dense 10",
            ],
        ]

        @Test(
            "two hosts with equal and unequal numbers of ranks, the hash of one process", arguments: [[1, 1], [2, 1]])
        func training(slots: [Int]) throws {
            let (bench, other) = (try Workbench(), try Workbench())
            let names = Self.models.keys.sorted()
            let ranks = slots.reduce(0, +)
            try onHosts(
                slots,
                names.map { name in
                    ["-n", "\(ranks)", Program.path] + Workbench.training + ["--quiet", "--out", name]
                        + Self.models[name]!
                }, bench)
            for name in names {
                let record = try RunRecord(name, in: bench.folder)
                #expect(try record == other.train(Self.models[name]!, out: name), "\(name)")
                #expect(try bench.folder.text("\(name)/summary.json").contains("\"host1\",\n"), "\(name)")
            }
        }

        @Test("a sweep whose groups have ranks on both hosts, the list of one process")
        func sweep() throws {
            let bench = try Workbench()
            try bench.folder.write(SweepScheduling.file("tpe").utf8, to: "sweep.yaml")
            let sweep = ["sweep", "sweep.yaml", "--quiet", "--out"]
            try onHosts([2, 1], [["-n", "3", Program.path] + sweep + ["hosts", "--ranks-per-trial", "3"]], bench)
            #expect(try bench.run(sweep + ["alone", "--workers", "1"]).exitCode == 0)
            let alone = try bench.trials(in: "alone")
            #expect(try alone.count == 12 && bench.trials(in: "hosts") == alone)
        }

        @Test("a host that stands still costs time only")
        func torture() throws {
            let bench = try Workbench()
            let result = try Script.start(
                "torture-hosts",
                ["--cases", "1", "--seed", "3", "--timeout", "3", "--steps", "600", "--dataset", "./data"],
                folder: bench.folder
            ).finish(withinSeconds: 150)
            #expect(result.exitCode == 0 && !result.timedOut, "\(result)")
            #expect(result.standardOutput.contains("\n1 of 1 cases in "), "\(result)")
            #expect(Script.marked(bench.folder).isEmpty)
        }
    }
}

extension Program {
    /// Hosts of these tests alone: others may have theirs.
    static let virtualHosts = ["LOCKSTEP_VIRTUAL_HOSTS": "test\(getpid())"]

    static let hasVirtualHosts: Bool = {
        guard hasRanks, geteuid() == 0, let folder = try? TemporaryFolder(),
            let result = try? Script.start(
                "virtual-hosts", ["with", "1", "--", "true"], environment: virtualHosts, folder: folder
            ).finish(withinSeconds: 30)
        else { return false }
        return result.exitCode == 0
    }()
}
