import DatabaseProbe
import Errors
import Foundation
import Sweeps
import Testing

@Suite("Trial store")
struct StoreTests {
    static let plan = try! sweep("grid", "  learning_rate: {values: [0.1, 0.01]}\n  seed: {values: [1, 2]}")
    static let file = "method: grid\n"

    static func store(_ folder: Folder) throws -> TrialStore {
        try TrialStore(path: folder.database, plan: plan, file: file, overrides: "{}\n")
    }

    static func record(
        _ number: Int, _ state: TrialRecord.State = .finished, value: Double? = 0.5
    ) -> TrialRecord {
        let parameters: [(String, SweepValue)] = [
            ("learning-rate", SweepValue(number: 0.1 * Double(number))), ("seed", SweepValue("\(number)")),
        ]
        var record = TrialRecord(
            SweepPlan.Trial(stored: number, parameters), state: state, folder: "trial-000\(number)")
        record.value = value
        record.measures = ["testLoss": Double(number), "epochs": 3]
        record.history = [1, 0.5, 1 / 3]
        record.attempts = 1
        return record
    }

    static let texts = [
        "", " ", "a 'quoted' \"word\"", "two\nlines\r\n\tand a tab", "emoji 👩‍👩‍👧, é and e\u{301}",
        "comma, semicolon; %s $1 ?1",
        "'; DROP TABLE trials; --", "a\0b", "\u{FEFF}mark", "none", "null", "1", "1e-3", "nan",
        String(repeating: "long ", count: 4_000),
    ]

    @Test("texts come back as they were, also those that look like numbers", arguments: texts)
    func keepsTexts(text: String) throws {
        let folder = try Folder()
        var record = TrialRecord(
            SweepPlan.Trial(stored: 1, [("dataset", SweepValue(text: text, number: nil, isNull: false))]),
            state: .failed,
            folder: "trial-0001")
        // A reason is a sentence without NUL.
        record.reason = text.replacingOccurrences(of: "\0", with: "")
        try Self.store(folder).save(record)
        #expect(try TrialStore.read(folder.database).trials.map(Facts.init) == [Facts(record)])
    }

    static let numbers: [(String, Double)] = [
        ("1", 1), ("1.0", 1), ("01", 1), ("1e-3", 1e-3), ("0.001", 1e-3), ("1E-3", 1e-3), ("-0.0", -0.0), ("0.1", 0.1),
        ("5e-324", .leastNonzeroMagnitude), ("1.7976931348623157e+308", .greatestFiniteMagnitude),
        ("0.30000000000000004", 0.1 + 0.2), ("9007199254740993", 9_007_199_254_740_992), ("-1e22", -1e22),
    ]

    @Test("numbers keep their bits and their spelling", arguments: numbers)
    func keepsNumbers(text: String, number: Double) throws {
        let folder = try Folder()
        var record = TrialRecord(
            SweepPlan.Trial(
                stored: 7,
                [
                    ("learning-rate", SweepValue(text: text, number: number, isNull: false)),
                    ("dropout", SweepValue(text: "none", number: nil, isNull: true)),
                    ("seed", SweepValue(number: 3)),
                ]), state: .finished, folder: "trial-0007")
        record.value = number
        record.seconds = number
        record.measures = ["testLoss": number, "infinite": .infinity, "less": -.infinity, "none": .nan]
        record.history = [number, .nan, .infinity, -number, .nan]
        record.parametersSHA256 = String(repeating: "f", count: 64)
        record.attempts = 3
        record.group = 2
        try Self.store(folder).save(record)
        let read = try TrialStore.read(folder.database).trials
        #expect(read.map(Facts.init) == [Facts(record)])
        #expect(read[0].parameters == record.parameters)
    }

    @Test("a trial without anything but its number comes back so, and a later event replaces all of an earlier one")
    func replacing() throws {
        let folder = try Folder()
        let store = try Self.store(folder)
        let full = Self.record(1)
        try store.save(full)
        let empty = TrialRecord(SweepPlan.Trial(stored: 1, []), folder: "")
        try store.save(empty)
        try store.save(Self.record(2))
        #expect(try TrialStore.read(folder.database).trials.map(Facts.init) == [Facts(empty), Facts(Self.record(2))])
        let database = try RawDatabase(folder.database)
        let rows = try ["parameters", "measures", "history"].map { try database.rows("SELECT count(*) FROM \($0)") }
        #expect(rows == [[["2"]], [["2"]], [["3"]]])
    }

    @Test("what the documentation says of the file holds")
    func header() throws {
        let folder = try Folder()
        let store = try Self.store(folder)
        try store.beginSession(workers: 4, groups: 2, workersPerTrial: 2, hosts: ["a", "b"])
        try store.save(Self.record(1))
        try store.endSession()
        #expect(!FileManager.default.fileExists(atPath: folder.database + "-journal"))
        let contents = try TrialStore.read(folder.database)
        let sweep = try #require(contents.sweep)
        #expect(sweep.file == Self.file && sweep.overrides == "{}\n" && sweep.seed == 1 && sweep.method == "grid")
        #expect(sweep.metric == "testAccuracy" && sweep.isMaximized && sweep.programVersion.contains("."))
        let session = try #require(contents.sessions.first)
        #expect(
            session.hosts == ["a", "b"] && session.workers == 4 && session.groups == 2 && session.workersPerTrial == 2)
        #expect(session.begun <= session.lastEvent && session.lastEvent <= session.ended ?? .distantPast)
        #expect(contents.trials[0].session == session.number)
        let database = try RawDatabase(folder.database)
        let pragmas = try ["journal_mode", "user_version", "application_id"].flatMap { name in
            try database.rows("PRAGMA \(name)").joined()
        }
        #expect(pragmas == ["delete", "\(TrialStore.schemaVersion)", "\(0x4C4B_5354)"])
    }

    @Test("the space is written for others: choices as JSON, and the bounds of ranges")
    func space() throws {
        let plan = try sweep(
            "random",
            """
              optimizer: {values: [sgd, adam]}
              dropout: {values: [null, 0.5, 0.25]}
              lr: {distribution: log_uniform_values, min: 0.001, max: 0.1}
              momentum: {min: 0.5, max: 0.9}
              hidden_layers: {min: 1, max: 4}
              weight_decay: {distribution: q_beta, q: 0.25}
              epochs: {value: 3}
            """, "run_cap: 3")
        let folder = try Folder()
        _ = try TrialStore(path: folder.database, plan: plan, file: "", overrides: "")
        let rows = try RawDatabase(folder.database).rows(
            "SELECT option, kind, round(low, 9), round(high, 9), step, choices FROM space ORDER BY option")
        #expect(
            rows.map { $0.joined(separator: " ") } == [
                "dropout choices - - - [null,0.5,0.25]", "hidden-layers whole 1.0 4.0 - -",
                "learning-rate logUniform 0.001 0.1 - -", "momentum uniform 0.5 0.9 - -",
                #"optimizer choices - - - ["sgd","adam"]"#, "weight-decay beta 0.0 1.0 0.25 -",
            ])
    }

    @Test("trials that were running when their process died are pending; how often they were started stays")
    func running() throws {
        let folder = try Folder()
        var record = Self.record(1, .running, value: nil)
        record.attempts = 2
        try Self.store(folder).save(record)
        #expect(try TrialStore.read(folder.database).trials[0].state == .running)
        _ = try Self.store(folder)
        let trial = try TrialStore.read(folder.database).trials[0]
        #expect(trial.state == .pending && trial.attempts == 2)
    }

    @Test("a reader sees the last event while another one is being written, and waits where it must")
    func readingWhileWriting() throws {
        let folder = try Folder()
        try Self.store(folder).save(Self.record(1))
        for lock in ["IMMEDIATE", "EXCLUSIVE"] {
            let writer = try RawDatabase(folder.database)
            try writer.execute("BEGIN \(lock); UPDATE trials SET reason = 'half'")
            let begin = ContinuousClock.now
            let release = Thread {
                usleep(300_000)
                try? writer.execute("ROLLBACK")
            }
            release.start()
            let read = try TrialStore.read(folder.database).trials
            #expect(read.map(Facts.init) == [Facts(Self.record(1))], "\(lock)")
            let waited = ContinuousClock.now - begin >= .milliseconds(250)
            // Only the one that keeps readers out makes them wait.
            #expect(lock == "IMMEDIATE" || waited)
            while !release.isFinished { usleep(10_000) }
        }
    }

    /// The database as a process leaves it that is killed while pages of a transaction are written already.
    private func killedInTheMiddle() throws -> (Folder, [TrialRecord]) {
        let folder = try Folder()
        let store = try Self.store(folder)
        let records = (1...40).map { Self.record($0) }
        for record in records { try store.save(record) }
        let writer = try RawDatabase(folder.database)
        let left = try Folder()
        try writer.execute("PRAGMA cache_size = 2; BEGIN IMMEDIATE; DELETE FROM history; DELETE FROM parameters")
        try writer.execute("UPDATE trials SET reason = hex(zeroblob(5000)), state = 'failed'")
        for suffix in ["", "-journal"] {
            try FileManager.default.copyItem(atPath: folder.database + suffix, toPath: left.database + suffix)
        }
        try writer.execute("ROLLBACK")
        #expect(try left.bytes() != folder.bytes(), "no page of the transaction has reached the file")
        return (left, records)
    }

    @Test("a transaction cut short is not seen, and looking at it changes nothing")
    func lookingAtHotJournal() throws {
        let (folder, records) = try killedInTheMiddle()
        let before = try folder.state()
        #expect(try TrialStore.read(folder.database).trials.map(Facts.init) == records.map(Facts.init))
        #expect(try folder.state() == before)
    }

    @Test("a transaction cut short is rolled back by the next start")
    func openingHotJournal() throws {
        let (folder, records) = try killedInTheMiddle()
        let store = try Self.store(folder)
        #expect(try TrialStore.read(folder.database).trials.map(Facts.init) == records.map(Facts.init))
        try store.save(Self.record(41))
        #expect(try TrialStore.read(folder.database).trials.count == 41)
        #expect(!FileManager.default.fileExists(atPath: folder.database + "-journal"))
    }

    @Test("a folder without the right to write can be read, and nothing is made in it")
    func readOnlyFolder() throws {
        let folder = try Folder()
        try Self.store(folder).save(Self.record(1))
        for (path, mode) in [(folder.database, 0o444), (folder.path, 0o555)] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        }
        defer { try? FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path) }
        let before = try folder.state()
        #expect(try TrialStore.read(folder.database).trials.count == 1)
        #expect(try folder.state() == before)
        #expect(try TrialStore.read(folder.path + "/other.sqlite").trials.isEmpty)
        #expect(try folder.state() == before)
    }
}
