import Communication
import Errors
import Foundation
import Testing

/// Ranks under mpirun, each test a job of its own. The programs are in Tests/RankPrograms.
@Suite(
    .serialized, .enabled(if: RankJob.isPossible, "mpirun is missing, or this build has no MPI"),
    .timeLimit(.minutes(5)))
struct RankTests {
    enum Transport: String, CaseIterable, Sendable {
        case shared, messages
        /// As if ranks 0, 1 and 3, 4 were on two hosts, and 2 and 5 on others.
        case hosts = "hosts:2,1"

        /// Whether all of the ranks see common memory.
        func sharesMemory(size: Int) -> Bool { size == 1 || self == .shared || self == .hosts && size == 2 }

        /// Whether so many ranks go another way than those that share memory.
        func isOfItsOwn(size: Int) -> Bool { self == .shared || !sharesMemory(size: size) }
    }

    /// Bytes that each host sends in a step of 8 grains, by those of the parameters.
    struct Traffic: Sendable, CustomTestStringConvertible {
        let transport: String
        let ranks: Int
        let expected: [Double]

        init(_ transport: String, ranks: Int, _ expected: [Double]) {
            (self.transport, self.ranks, self.expected) = (transport, ranks, expected)
        }

        var testDescription: String { "\(transport), \(ranks) ranks" }
    }

    /// One hash for any number of ranks and all transports, each compared with the scalar tree inside the job.
    @Test func reductionsGiveTheSameBitsForAnyNumberOfRanks() throws {
        var hashes: Set<Substring> = []
        for size in [1, 2, 3, 5, 8] {
            for transport in Transport.allCases where transport.isOfItsOwn(size: size) {
                let job = try RankJob(["reduce"], size: size, transport: transport)
                let result = job.finish(withinSeconds: 120)
                try #require(result.status == 0, "\(size) ranks, \(transport): \(result.text)")
                let words = result.text.split(whereSeparator: \.isWhitespace)
                try #require(words.count == 4 && words[0] == "hash", "\(result.text)")
                hashes.insert(words[1])
                #expect(words[3] == (transport.sharesMemory(size: size) ? "shared" : "messages"))
            }
        }
        #expect(hashes.count == 1, "\(hashes)")
    }

    /// Each host sends the sum of its gradients, and its part of the parameters, once: 2 · (H − 1) / H of the parameters where a
    /// host's grains are one subtree, and however many ranks it has.
    @Test(arguments: [
        Traffic("hosts:1", ranks: 2, [1, 1]), Traffic("hosts:2", ranks: 4, [1, 1]),
        Traffic("hosts:4", ranks: 8, [1, 1]),
        Traffic("hosts:1", ranks: 4, [1.5, 1.5, 1.5, 1.5]), Traffic("hosts:2", ranks: 8, [1.5, 1.5, 1.5, 1.5]),
        // 6 grains and 2: two subtrees for a quarter of the parameters, and three quarters of them; one for three quarters, and a
        // quarter.
        Traffic("hosts:3,1", ranks: 4, [1.25, 1]),
        // 3, 3 and 2 grains: two subtrees, two and one, for two thirds; and a third for two hosts.
        Traffic("hosts:1", ranks: 3, [2, 2, 4.0 / 3]),
    ])
    func hostsSendEachSumOnce(traffic: Traffic) throws {
        let (size, expected) = (traffic.ranks, traffic.expected)
        let job = try RankJob(["traffic", "8"], size: size, environment: ["LOCKSTEP_TRANSPORT": traffic.transport])
        let result = job.finish(withinSeconds: 60)
        let found = result.text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        try #require(result.status == 0 && found.count == expected.count, "\(result)")
        // Slices end at blocks of 1,024 parameters, and there are statistics.
        for (found, expected) in zip(found, expected) { #expect(abs(found / expected - 1) < 0.05, "\(result)") }
    }

    /// Each rank compares each sum with the scalar tree.
    @Test(arguments: Transport.allCases) func batchSumsAreThoseOfTheTree(transport: Transport) throws {
        for size in 1...4 where transport.isOfItsOwn(size: size) {
            let result = try RankJob(["batch-sums"], size: size, transport: transport).finish(withinSeconds: 60)
            #expect(result.status == 0 && result.text == "sums \(size)\n", "\(result)")
        }
    }

    @Test(arguments: Transport.allCases) func gathersAndBroadcasts(transport: Transport) throws {
        for size in [1, 4] where transport.isOfItsOwn(size: size) {
            let result = try RankJob(["gather"], size: size, transport: transport).finish(withinSeconds: 60)
            #expect(result.status == 0 && result.text == "gathered \(size)\n", "\(result)")
        }
    }

    /// Groups of ranks, each in common memory or by messages, and requests to a thread of rank 0 beside it.
    @Test(arguments: Transport.allCases) func groupsMeetAndAsk(transport: Transport) throws {
        for (size, groupSize) in [(1, 1), (2, 1), (4, 2), (5, 2)] where transport.isOfItsOwn(size: size) {
            let job = try RankJob(["groups", "\(groupSize)"], size: size, transport: transport)
            let result = job.finish(withinSeconds: 60)
            #expect(result.status == 0 && result.text == "groups of \(groupSize)\n", "\(size) ranks: \(result)")
        }
    }

    /// A host without room for a window: messages, and the same bits.
    @Test(.enabled(if: RankJob.isOpenMPI, "Open MPI's variable")) func fallsBackToMessagesWhereNoWindowFits() throws {
        let job = try RankJob(
            ["reduce"], size: 2, transport: .shared, environment: ["OMPI_MCA_osc_sm_backing_directory": "/nowhere"])
        let result = job.finish(withinSeconds: 60)
        #expect(result.status == 0 && result.text.hasSuffix("path messages\n"), "\(result)")
    }

    @Test(arguments: Transport.allCases) func plainAllReduceIsNear(transport: Transport) throws {
        let result = try RankJob(["mean"], size: 3, transport: transport).finish(withinSeconds: 60)
        #expect(result.status == 0 && result.text == "near\n", "\(result)")
    }

    /// One line, one exit code, from an agreed failure.
    @Test(arguments: Transport.allCases) func agreedFailuresEndTheJobWithOneLine(transport: Transport) throws {
        let one = try RankJob(["agree", "1"], size: 3, transport: transport).finish(withinSeconds: 30)
        #expect(one.status == Failure.Kind.data.rawValue)
        #expect(one.text.hasPrefix("rank 1 on ") && one.text.hasSuffix(": file 1 is bad\n"), "\(one)")
        let all = try RankJob(["agree-all"], size: 3, transport: transport).finish(withinSeconds: 30)
        #expect(all.status == Failure.Kind.inputNotFound.rawValue && all.text == "no such file\n", "\(all)")
    }

    /// A rank that throws outside `agree` while the others wait.
    @Test(arguments: [0, 2], Transport.allCases)
    func aRankThatFailsAloneEndsTheJob(rank: Int, transport: Transport) throws {
        let result = try RankJob(["throw-alone", "\(rank)"], size: 3, transport: transport).finish(withinSeconds: 30)
        #expect(RankJob.tells(Failure.Kind.notFinite, result), "\(result)")
        let line = result.text.prefix { $0 != "\n" }
        #expect(line.hasPrefix("rank \(rank) on ") && line.hasSuffix(": the loss is not finite"), "\(result)")
        #expect(!RankJob.isOpenMPI || result.text.count { $0 == "\n" } == 1, "\(result)")
    }

    @Test func usageErrorsArePrintedOnce() throws {
        let threads = try RankJob(["threads", "2", "gather"], size: 3, transport: .shared).finish(withinSeconds: 30)
        #expect(threads.status == Failure.Kind.usage.rawValue)
        #expect(threads.text.hasPrefix("--workers 2 under a launcher") && threads.text.count { $0 == "\n" } == 1)
        let variable = try RankJob(["gather"], size: 2, environment: ["LOCKSTEP_TRANSPORT": "pigeons"])
            .finish(withinSeconds: 30)
        #expect(variable.status == Failure.Kind.usage.rawValue)
        let overlap = try RankJob(["gather"], size: 2, environment: ["LOCKSTEP_OVERLAP": "perhaps"])
            .finish(withinSeconds: 30)
        #expect(overlap.status == Failure.Kind.usage.rawValue)
        #expect(overlap.text.hasPrefix("LOCKSTEP_OVERLAP=perhaps") && overlap.text.count { $0 == "\n" } == 1)
        #expect(variable.text.hasPrefix("LOCKSTEP_TRANSPORT=pigeons") && variable.text.count { $0 == "\n" } == 1)
    }

    /// kill -9 of a rank in the middle of training.
    @Test(arguments: [0, 2], Transport.allCases) func theDeathOfARankEndsTheJob(rank: Int, transport: Transport) throws
    {
        let job = try RankJob(["steps"], size: 3, transport: transport, quiet: transport == .shared)
        let processes = try job.processes(count: 3)
        kill(try #require(processes[rank]), SIGKILL)
        let result = job.finish(withinSeconds: 10)
        #expect(result.status != 0 && !result.timedOut, "\(result)")
        // Ranks that share memory notice it themselves, unless MPICH's launcher is faster; for others the launcher says it.
        let launcherWords = RankJob.isOpenMPI ? "rank \(rank) with PID" : "RUNNING AT"
        let ranksMustTell = transport == .shared && RankJob.isOpenMPI
        let notices = ["rank \(rank) (host "] + (ranksMustTell ? [] : [launcherWords])
        #expect(notices.contains { result.text.contains($0) }, "\(result)")
        #expect(RankJob.survivors(of: Array(processes.values), afterSeconds: 5) == [])
    }

    /// On a host that is not the first, ranks are still called as in the job.
    @Test func theDeathOfARankOfALaterHostIsTold() throws {
        let job = try RankJob(["steps"], size: 3, environment: ["LOCKSTEP_TRANSPORT": "hosts:1,2"])
        let processes = try job.processes(count: 3)
        kill(try #require(processes[2]), SIGKILL)
        let result = job.finish(withinSeconds: 10)
        #expect(result.status != 0 && !result.timedOut, "\(result)")
        #expect(result.text.contains("rank 2 (host ") || !RankJob.isOpenMPI, "\(result)")
        #expect(RankJob.survivors(of: Array(processes.values), afterSeconds: 5) == [])
    }

    /// A rank that is stopped while the others wait for it, at the begin. mpirun ends the stopped one with them.
    @Test(arguments: [(0, Transport.messages), (2, .shared)])
    func aStoppedRankEndsTheJob(rank: Int, transport: Transport) throws {
        let job = try RankJob(["steps"], size: 3, transport: transport, environment: ["LOCKSTEP_TIMEOUT": "2"])
        let processes = try job.processes(count: 3, afterSeconds: 0)
        let process = try #require(processes[rank])
        kill(process, SIGSTOP)
        let result = job.finish(withinSeconds: 15)
        #expect(RankJob.tells(Failure.Kind.internal, result) && !result.timedOut, "\(result)")
        #expect(result.text.contains("rank \(rank) (process \(process)) on "), "\(result)")
        #expect(result.text.contains(" gives no sign of life for 2 s: it is stopped; "), "\(result)")
        #expect(result.text.split(separator: "\n").count { $0.contains("no sign of life") } == 1, "\(result)")
        #expect(RankJob.survivors(of: Array(processes.values), afterSeconds: 5) == [])
    }

    /// Time in which all stand still is nobody's silence.
    @Test func aSuspendedJobGoesOn() throws {
        let job = try RankJob(["steps"], size: 3, transport: .messages, environment: ["LOCKSTEP_TIMEOUT": "2"])
        let processes = try job.processes(count: 3)
        for process in processes.values { kill(process, SIGSTOP) }
        usleep(4_000_000)
        for process in processes.values { kill(process, SIGCONT) }
        usleep(1_500_000)
        #expect(job.process.isRunning, "\(job.finish(withinSeconds: 5))")
        #expect(RankJob.survivors(of: Array(processes.values), afterSeconds: 0).count == 3)
        #expect(job.finish(withinSeconds: 0).timedOut)
        #expect(RankJob.survivors(of: Array(processes.values), afterSeconds: 5) == [])
    }

    /// kill -9 of mpirun: ranks that spin must not stay.
    @Test(arguments: Transport.allCases) func theDeathOfTheLauncherLeavesNoOrphan(transport: Transport) throws {
        // Open MPI cannot clean up after its own death: let it leave its files where they can be removed.
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let places = ["TMPDIR": folder.path, "OMPI_MCA_btl_vader_backing_directory": folder.path]
        let job = try RankJob(["steps"], size: 3, transport: transport, environment: places)
        let processes = try job.processes(count: 3)
        kill(job.process.processIdentifier, SIGKILL)
        #expect(RankJob.survivors(of: Array(processes.values), afterSeconds: 5) == [])
        #expect(job.finish(withinSeconds: 5).status == SIGKILL)
    }
}
