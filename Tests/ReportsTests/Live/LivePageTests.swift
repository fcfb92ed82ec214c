import Foundation
import Kernels
import Reports
import Surroundings
import Synchronization
import Testing
import Training

struct LivePageTests {
    /// A clock that goes when it is told to. Each look at it costs what it is told.
    private final class Time: Sendable {
        private let state = Mutex((elapsed: 0 as UInt64, spent: 0 as UInt64, cost: 0 as UInt64, looks: 0))

        /// One for what is answered at once, two for a page that is made.
        var looks: Int { state.withLock { $0.looks } }

        var read: @Sendable () -> ProcessorBudget.Reading {
            { [self] in
                state.withLock {
                    $0.spent += $0.cost
                    $0.looks += 1
                    return ProcessorBudget.Reading(elapsed: $0.elapsed, spent: $0.spent)
                }
            }
        }

        func pass(_ nanoseconds: UInt64) { state.withLock { $0.elapsed += nanoseconds } }
        func setCost(_ nanoseconds: UInt64) { state.withLock { $0.cost = nanoseconds } }
    }

    private static let options = ReportOptions(kernels: ReferenceKernels())
    private static let unscored = "comes when the run ends"
    /// Scoring was tried, with data that are not the run's, or not there.
    private static let scored = "the page lacks all that needs"

    private static func version(of html: String) throws -> String {
        let begin = try #require(html.range(of: "<body data-live=\""))
        return String(html[begin.upperBound...].prefix { $0 != "\"" })
    }

    private static func append(_ line: String, to path: String) throws {
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.seekToEnd()
        try file.write(contentsOf: Data(line.utf8))
        try file.close()
    }

    private static func epoch(_ number: Int) -> String {
        "{\"epoch\":\(number),\"loss\":0.5,\"split\":\"train\",\"step\":\(number * 4)}\n"
    }

    @Test func aRunIsScoredWhenItHasEnded() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/run"
            try SmallRun.train(path, records: false)
            let lock = try RunDirectory.lock(path)
            let page = LivePage([path], options: Self.options)
            let version = page.version()
            let html = try page.html()
            #expect(html.contains("in training") && html.contains(Self.unscored) && html.contains("id=\"training\""))
            #expect(!html.contains(Self.scored))
            #expect(try version == page.version() && version == Self.version(of: html))
            // A report is asked for once.
            #expect(try ReportPage([path], options: Self.options).html.contains(Self.scored))
            lock.release()
            let ended = LivePage([path], options: Self.options)
            #expect(ended.version() != version)
            let last = try ended.html()
            #expect(last.contains(Self.scored) && !last.contains(Self.unscored) && !last.contains("in training"))
            #expect(try Self.version(of: last) == ended.version())
        }
    }

    @Test func severalRunsAreScoredWhenAllHaveEnded() throws {
        try withTemporaryFolder { folder in
            let paths = [folder + "/a", folder + "/b"]
            for path in paths { try SmallRun.train(path, records: false) }
            let lock = try RunDirectory.lock(paths[1])
            let html = try LivePage(paths, options: Self.options).html()
            #expect(html.contains("come when all of these runs have ended") && !html.contains(Self.scored))
            lock.release()
            let last = try LivePage(paths, options: Self.options).html()
            #expect(!last.contains("come when all of these runs have ended") && last.contains(Self.scored))
        }
    }

    /// 4 ms of a processor are earned in 0.8 s.
    @Test func aPageWaitsUntilItIsEarned() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/run"
            try SmallRun.train(path, records: false)
            let metrics = path + "/metrics.jsonl"
            let lock = try RunDirectory.lock(path)
            defer { lock.release() }
            let time = Time()
            let page = LivePage([path], options: Self.options, read: time.read)
            func tells(_ epoch: Int, _ html: String) -> Bool { html.contains("<th scope=\"row\">\(epoch)</th>") }
            // The first page costs nothing.
            time.setCost(70_000_000)
            let first = try page.html()
            time.setCost(0)
            #expect(!tells(76, first))
            try Self.append(Self.epoch(76), to: metrics)
            let told = page.version()
            #expect(try told != Self.version(of: first))
            // What was told is given, even where the budget has been spent since.
            time.setCost(2_000_000)
            let second = try page.html()
            #expect(try Self.version(of: second) == told && tells(76, second))
            time.setCost(0)
            try Self.append(Self.epoch(77), to: metrics)
            for _ in 0..<3 { #expect(try page.version() == told && page.html() == second) }
            time.pass(799_999_000)
            #expect(try page.version() == told && page.html() == second)
            time.pass(2_000)
            #expect(page.version() != told)
            #expect(try tells(77, page.html()))
        }
    }

    @Test func nothingIsMadeAgainWhereNothingHasChanged() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/run"
            try SmallRun.train(path, records: false)
            let time = Time()
            let page = LivePage([path], options: Self.options, read: time.read)
            var looks = time.looks
            let first = try page.html()
            #expect(time.looks == looks + 2)
            time.pass(100_000_000_000)
            looks = time.looks
            #expect(try page.html() == first && time.looks == looks + 1)
            try Self.append(Self.epoch(4), to: path + "/metrics.jsonl")
            looks = time.looks
            #expect(try page.html() != first && time.looks == looks + 2)
        }
    }

    @Test(arguments: [
        "config.yaml", "metrics.jsonl", "summary.json", "trace.json", "sweep.yaml", "sweep.sqlite", "checkpoints/new",
        "../other.json", ".lock",
    ])
    func versionsFollowFiles(name: String) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/run"
            try SmallRun.train(path, records: false)
            var options = Self.options
            options.trace = folder + "/other.json"
            let page = LivePage([path], options: options)
            let version = page.version()
            #expect(page.version() == version)
            if name == ".lock" {
                let lock = try RunDirectory.lock(path)
                defer { lock.release() }
                #expect(page.version() != version)
            } else {
                try Data("other".utf8).write(to: URL(filePath: "\(path)/\(name)"))
                #expect(page.version() != version)
            }
        }
    }
}
