import Errors
import Foundation
internal import GRDB

extension TrialStore {
    /// All that a database holds.
    package struct Contents: Sendable {
        package var sweep: Sweep?
        package var sessions: [Session] = []
        /// In the order of their numbers: those that were started.
        package var trials: [TrialRecord] = []
    }

    /// All of it, as of one moment.
    func contents() throws -> Contents {
        do { return try database.read(Self.contents) } catch {
            throw Self.failure(error, path: path, isWriting: false)
        }
    }

    /// Looks at a database that another process may be writing; makes no file and needs no right to write. A sweep that
    /// has no database yet has no trials yet.
    package static func read(_ path: String) throws -> Contents {
        do {
            // A writer may go on with a dead one's database while it is copied.
            for attempt in 1...5 {
                guard FileManager.default.fileExists(atPath: path) else { return Contents() }
                do { return try contents(at: path) } catch let error as DatabaseError
                    where error.extendedResultCode == .SQLITE_READONLY_ROLLBACK
                {
                    guard attempt < 5 else { throw error }
                    if let contents = try contentsOfCopy(path) { return contents }
                }
            }
        } catch { throw failure(error, path: path, isWriting: false) }
        preconditionFailure("TrialStore: \(path) was neither read nor refused")
    }

    private static func contents(at path: String, isReadOnly: Bool = true) throws -> Contents {
        let database = try DatabaseQueue(path: path, configuration: configuration(isReadOnly: isReadOnly))
        return try database.read { db in try isEmpty(db, path: path) ? Contents() : contents(db) }
    }

    /// What a killed process left half-written has to be rolled back before it can be read: in a copy. Nil where the
    /// files changed meanwhile.
    private static func contentsOfCopy(_ path: String) throws -> Contents? {
        let files = FileManager.default
        let folder = files.temporaryDirectory.appendingPathComponent("lockstep-\(UUID().uuidString)").path
        guard (try? files.createDirectory(atPath: folder, withIntermediateDirectories: true)) != nil else {
            throw Failure(
                .inputOutput,
                "\(path): a killed process left it half-written, and \(folder), where a copy would be read, cannot be made; "
                    + "set TMPDIR")
        }
        defer { try? files.removeItem(atPath: folder) }
        func state() -> [FileStamp?] { [FileStamp(path), FileStamp(path + "-journal")] }
        let before = state()
        let names = ["", "-journal"]
        guard names.allSatisfy({ (try? files.copyItem(atPath: path + $0, toPath: "\(folder)/copy\($0)")) != nil }),
            state() == before
        else { return nil }
        // The originals may be read-only.
        for name in names { chmod("\(folder)/copy\(name)", 0o600) }
        return try contents(at: "\(folder)/copy", isReadOnly: false)
    }

    /// What changes with a file's contents.
    private struct FileStamp: Equatable {
        let inode: UInt64
        let byteCount: Int
        let seconds: Int
        let nanoseconds: Int

        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            inode = UInt64(status.st_ino)
            byteCount = Int(status.st_size)
            seconds = status.st_mtim.tv_sec
            nanoseconds = status.st_mtim.tv_nsec
        }
    }

    private static func contents(_ db: Database) throws -> Contents {
        Contents(sweep: try sweep(db), sessions: try sessions(db), trials: try trials(db))
    }

    static func sweep(_ db: Database) throws -> Sweep? {
        let sql = """
            SELECT file, overrides, seed, method, metric, goal, programVersion, numericsVersion, created FROM sweep
            """
        guard let row = try Row.fetchOne(db, sql: sql) else { return nil }
        return Sweep(
            file: try row.decode(atIndex: 0), overrides: try row.decode(atIndex: 1),
            seed: UInt64(try row.decode(String.self, atIndex: 2)) ?? 0, method: try row.decode(atIndex: 3),
            metric: try row.decode(atIndex: 4),
            isMaximized: try row.decode(String.self, atIndex: 5) == "maximize",
            programVersion: try row.decode(atIndex: 6), numericsVersion: try row.decode(atIndex: 7),
            created: Date(timeIntervalSince1970: try row.decode(atIndex: 8)))
    }

    private static func sessions(_ db: Database) throws -> [Session] {
        let sql = """
            SELECT number, begun, lastEvent, ended, workers, groups, workersPerTrial, hosts FROM sessions ORDER BY number
            """
        return try Row.fetchAll(db, sql: sql).map { row in
            Session(
                number: try row.decode(atIndex: 0), begun: Date(timeIntervalSince1970: try row.decode(atIndex: 1)),
                lastEvent: Date(timeIntervalSince1970: try row.decode(atIndex: 2)), ended: try date(row, 3),
                workers: try row.decode(atIndex: 4), groups: try row.decode(atIndex: 5),
                workersPerTrial: try row.decode(atIndex: 6),
                hosts: try row.decode(String.self, atIndex: 7).split(separator: ",").map(String.init))
        }
    }

    private static func trials(_ db: Database) throws -> [TrialRecord] {
        var parameters: [Int: [(option: String, value: SweepValue)]] = [:]
        var rows = try Row.fetchCursor(
            db, sql: "SELECT trial, option, text, number, isNone FROM parameters ORDER BY trial, position")
        while let row = try rows.next() {
            let value = SweepValue(
                text: try text(row, 2), number: try row.decode(atIndex: 3), isNull: try row.decode(atIndex: 4))
            parameters[try row.decode(atIndex: 0), default: []].append((try row.decode(atIndex: 1), value))
        }
        var measures: [Int: [String: Double]] = [:]
        rows = try Row.fetchCursor(db, sql: "SELECT trial, name, value FROM measures")
        while let row = try rows.next() {
            measures[try row.decode(atIndex: 0), default: [:]][try row.decode(atIndex: 1)] = try number(row, 2)
        }
        var history: [Int: [Double]] = [:]
        rows = try Row.fetchCursor(db, sql: "SELECT trial, value FROM history ORDER BY trial, epoch")
        while let row = try rows.next() { history[try row.decode(atIndex: 0), default: []].append(try number(row, 1)) }

        var records: [TrialRecord] = []
        rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT number, state, value, reason, parametersSHA256, seconds, folder, attempts, session, groupNumber,
                    begun, ended
                FROM trials ORDER BY number
                """)
        while let row = try rows.next() {
            let number: Int = try row.decode(atIndex: 0)
            guard let state = TrialRecord.State(rawValue: try row.decode(atIndex: 1)) else {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "trial \(number) has no state")
            }
            var record = TrialRecord(
                SweepPlan.Trial(stored: number, parameters[number] ?? []), state: state,
                folder: try row.decode(atIndex: 6))
            record.value = try row.decode(atIndex: 2)
            record.reason = try row.decode(atIndex: 3)
            record.parametersSHA256 = try row.decode(atIndex: 4)
            record.seconds = try row.decode(atIndex: 5)
            record.attempts = try row.decode(atIndex: 7)
            record.session = try row.decode(atIndex: 8)
            record.group = try row.decode(atIndex: 9)
            record.begun = try date(row, 10)
            record.ended = try date(row, 11)
            record.measures = measures[number] ?? [:]
            record.history = history[number] ?? []
            records.append(record)
        }
        return records
    }

    private static func text(_ row: Row, _ index: Int) throws -> String {
        switch try row.decode(DatabaseValue.self, atIndex: index).storage {
        case .string(let text): text
        case .blob(let bytes): String(decoding: bytes, as: UTF8.self)
        default: throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a parameter has no text")
        }
    }

    private static func number(_ row: Row, _ index: Int) throws -> Double {
        try row.decode(Double?.self, atIndex: index) ?? .nan
    }

    private static func date(_ row: Row, _ index: Int) throws -> Date? {
        try row.decode(Double?.self, atIndex: index).map { Date(timeIntervalSince1970: $0) }
    }
}
