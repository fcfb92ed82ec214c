import Errors
import Foundation
import Sweeps
import Testing

@Suite("Sweep's folder")
struct DirectoryTests {
    private static let rest = "metric: {name: testLoss}\nrun_cap: 8\n"
    private static let parameters = """
          learning_rate: {distribution: log_uniform_values, min: 1.0e-5, max: 0.1}
          optimizer: {values: [sgd, momentum, adam]}
          batch_size: {values: [16, 32, null]}
        """

    private func text(_ method: String, _ more: String = "") -> String {
        "method: \(method)\nparameters:\n\(Self.parameters)\n\(Self.rest)\(more)"
    }

    private func open(_ folder: Folder, _ text: String, retriesFailed: Bool = false) throws -> SweepDirectory {
        let plan = try SweepPlan(SweepDefinition(yaml: text, path: "sweep.yaml"))
        return try SweepDirectory(path: folder.path, plan: plan, text: text, retriesFailed: retriesFailed)
    }

    /// Ends trial `number` with a value, or as a failed one.
    private func run(_ directory: SweepDirectory, _ number: Int, fails: Bool = false) throws {
        guard case .trial(let trial) = directory.sequence.trial(number) else { throw Missing(number: number) }
        try directory.save(directory.started(trial, group: 1))
        var record = directory.records[number - 1]
        record.state = fails ? .failed : .finished
        record.value = fails ? nil : abs((trial.value(of: "learning-rate")?.number ?? 0) - 0.01)
        record.history = [2, record.value ?? .nan]
        try directory.save(directory.ended(record))
    }

    private struct Missing: Error {
        let number: Int
    }

    private func rows(_ directory: SweepDirectory) -> [String] { directory.records.map(\.trial.row) }

    @Test(
        "a sweep goes on where it was, with the same trials as without the break",
        arguments: ["grid", "random", "bayes", "tpe"], [1, 3, 5])
    func resuming(method: String, breakAfter: Int) throws {
        var text = text(method, "lag: 1\n")
        if method == "grid" {
            text = text.replacingOccurrences(
                of: "{distribution: log_uniform_values, min: 1.0e-5, max: 0.1}", with: "{values: [0.1, 0.01]}")
        }
        let whole = try Folder()
        let alone = try open(whole, text)
        for number in 1...8 { try run(alone, number) }

        let folder = try Folder()
        do {
            let first = try open(folder, text)
            for number in 1...breakAfter { try run(first, number) }
            guard case .trial(let trial) = first.sequence.trial(breakAfter + 1) else { throw Missing(number: 0) }
            try first.save(first.started(trial, group: 0))
        }
        let again = try open(folder, text)
        #expect(again.records.count { $0.state.hasEnded } == breakAfter)
        #expect(again.records[breakAfter].state == .pending && again.records[breakAfter].attempts == 1)
        for number in breakAfter + 1...8 { try run(again, number) }
        #expect(rows(again).prefix(8) == rows(alone).prefix(8))
        #expect(again.records[breakAfter].attempts == 2)
        let read = try SweepDirectory.read(folder.path).records
        #expect(read.map(Facts.init) == again.records.map(Facts.init))
    }

    @Test("failed trials run again, and what their outcomes decided is suggested anew", arguments: [0, 2])
    func retrying(lag: Int) throws {
        let folder = try Folder()
        let text = text("tpe", "lag: \(lag)\n")
        do {
            let first = try open(folder, text)
            for number in 1...8 { try run(first, number, fails: number == 3) }
        }
        #expect(try open(folder, text).records.map(\.state.rawValue).filter { $0 == "finished" }.count == 7)
        do {
            let again = try open(folder, text, retriesFailed: true)
            // Trials 4 to 3 + lag were suggested without the outcome of trial 3.
            #expect(again.records.map(\.number) == Array(1...3 + lag))
            #expect(
                again.records[2].state == .pending && again.records[2].attempts == 1 && again.records[2].reason == nil)
            #expect(again.sequence.outcome(of: 3) == nil && again.sequence.outcome(of: 2) != nil)
            try run(again, 3)
            for number in 4 + lag...8 { try run(again, number) }
        }
        let other = try Folder()
        let whole = try open(other, text)
        for number in 1...8 { try run(whole, number) }
        #expect(try SweepDirectory.read(folder.path).records.map(\.trial.row) == rows(whole))
    }

    @Test("failed trials of a grid run again, and nothing else does")
    func retryingGrid() throws {
        let text = "method: grid\nparameters:\n  seed: {values: [1, 2, 3, 4]}\n"
        let folder = try Folder()
        do {
            let first = try open(folder, text)
            for number in 1...4 { try run(first, number, fails: number % 2 == 0) }
        }
        let again = try open(folder, text, retriesFailed: true)
        #expect(again.records.map(\.state) == [.finished, .pending, .finished, .pending])
    }

    @Test("a trial that the machine has lost is put back, with the reason, and counts how often it ran")
    func requeueing() throws {
        let folder = try Folder()
        let directory = try open(folder, text("tpe"))
        guard case .trial(let trial) = directory.sequence.trial(1) else { throw Missing(number: 1) }
        try directory.beginSession(workers: 4, groups: 2, workersPerTrial: 2, hosts: ["a", "b"])
        try directory.save(directory.started(trial, group: 1))
        var seen = try SweepDirectory.read(folder.path)
        #expect(seen.isInUse && seen.records[0].state == .running && seen.records[0].group == 1)
        try directory.save(directory.returned(1, reason: "host b is gone"))
        seen = try SweepDirectory.read(folder.path)
        #expect(seen.records[0].state == .pending && seen.records[0].reason == "host b is gone")
        try run(directory, 1)
        #expect(directory.records[0].attempts == 2 && directory.records[0].reason == nil)
        #expect(try SweepDirectory.read(folder.path).records[0].attempts == 2)
    }

    @Test("trials that end in another order are recorded at their numbers")
    func sideBySide() throws {
        let folder = try Folder()
        let directory = try open(folder, text("tpe"))
        for number in 1...4 {
            guard case .trial(let trial) = directory.sequence.trial(number) else { throw Missing(number: number) }
            try directory.save(directory.started(trial, group: number % 2))
        }
        for number in [3, 1, 4, 2] {
            var record = directory.records[number - 1]
            record.state = .finished
            record.value = Double(number)
            try directory.save(directory.ended(record))
        }
        let read = try SweepDirectory.read(folder.path).records
        #expect(read.map(\.value) == [1, 2, 3, 4] && read.map(\.group) == [1, 0, 1, 0])
    }

    @Test("status counts, knows what runs and how fast it goes")
    func status() throws {
        let folder = try Folder()
        do {
            let directory = try open(folder, text("random"))
            try directory.beginSession(workers: 4, groups: 2, workersPerTrial: 2, hosts: ["a"])
            for number in 1...3 { try run(directory, number, fails: number == 2) }
            guard case .trial(let trial) = directory.sequence.trial(4) else { throw Missing(number: 4) }
            try directory.save(directory.started(trial, group: 1))
            let contents = try SweepDirectory.read(folder.path)
            let now = contents.sessions[0].begun.addingTimeInterval(36)
            let status = SweepStatus(contents, now: now)
            #expect(status.counts == [.finished: 2, .failed: 1, .running: 1, .pending: 4] && status.total == 8)
            #expect(status.running.map(\.number) == [4] && status.running[0].group == 1)
            // Three in 36 s; five are left.
            #expect(abs((status.trialsPerHour ?? 0) - 300) < 1e-6 && abs((status.secondsLeft ?? 0) - 60) < 1e-6)
            let values = contents.records.compactMap { $0.state == .finished ? $0.value : nil }
            #expect(status.best?.value == values.min() && status.isInUse)
            #expect(try status.json().contains("\"isRunning\":true"))
        }
        let later = SweepStatus(try SweepDirectory.read(folder.path))
        #expect(!later.isInUse && later.running.isEmpty && later.counts[.pending] == 5)
        #expect(later.sessions[0].ended != nil)
    }

    @Test("trials behind the one that reached the target do not belong to the sweep")
    func target() throws {
        let folder = try Folder()
        let text = text("random").replacingOccurrences(of: "testLoss}", with: "testLoss, target: 1}")
        let directory = try open(folder, text)
        try directory.beginSession(workers: 3, groups: 3, workersPerTrial: 1, hosts: [])
        for number in 1...3 {
            guard case .trial(let trial) = directory.sequence.trial(number) else { throw Missing(number: number) }
            try directory.save(directory.started(trial, group: number))
        }
        for (number, value) in [(3, 0.5), (1, 2), (2, 0.75)] {
            var record = directory.records[number - 1]
            record.state = .finished
            record.value = value
            try directory.save(directory.ended(record))
        }
        let contents = try SweepDirectory.read(folder.path)
        #expect(contents.records.map(\.number) == [1, 2])
        let status = SweepStatus(contents)
        #expect(status.total == 2 && status.best?.number == 2 && status.secondsLeft == 0)
    }

    @Test("a folder of the old format, one in use and one of another sweep are refused")
    func refusals() throws {
        let old = try Folder()
        try old.write("{}\n".utf8, to: "trials.jsonl")
        try old.write(text("tpe").utf8, to: "sweep.yaml")
        for attempt in [{ _ = try self.open(old, text("tpe")) }, { _ = try SweepDirectory.read(old.path) }] {
            #expect {
                try attempt()
            } throws: { ($0 as? Failure)?.message.contains("older lockstep (trials.jsonl") == true }
        }
        #expect(!FileManager.default.fileExists(atPath: old.database))
        let folder = try Folder()
        let first = try open(folder, text("tpe"))
        #expect {
            _ = try open(folder, text("tpe"))
        } throws: { ($0 as? Failure)?.message.contains("in use") == true }
        withExtendedLifetime(first) {}
        let other = try Folder()
        try other.write(folder.bytes())
        #expect {
            _ = try open(other, text("bayes"))
        } throws: { ($0 as? Failure)?.message.contains("holds another sweep") == true }
    }

    @Test("a stored trial that the program would not suggest is refused: another version wrote it")
    func otherVersion() throws {
        let folder = try Folder()
        let text = text("random")
        do {
            let directory = try open(folder, text)
            try run(directory, 1)
            let plan = try SweepPlan(SweepDefinition(yaml: text, path: "sweep.yaml"))
            let store = try TrialStore(path: folder.database, plan: plan, file: text, overrides: "{}\n")
            let trial = SweepPlan.Trial(stored: 2, [("learning-rate", SweepValue("0.05"))])
            try store.save(TrialRecord(trial, state: .finished, folder: "trial-0002"))
        }
        #expect {
            _ = try open(folder, text)
        } throws: { error in
            let failure = error as? Failure
            return failure?.kind == .data && failure?.message.contains("trial 2 has other parameters") == true
        }
    }
}
