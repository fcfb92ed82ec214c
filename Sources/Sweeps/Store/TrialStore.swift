import Errors
import Foundation
internal import GRDB
import Training

/// The trials of a sweep in `sweep.sqlite`. Every event is one transaction and on the disk when its call returns: a process
/// that is killed leaves all events but the one under way, whole. Used by one thread of worker 0; docs/SWEEPS.md has the
/// schema.
package final class TrialStore {
    package static let fileName = "sweep.sqlite"

    /// What the database is about: its one row of `sweep`.
    package struct Sweep: Hashable, Sendable {
        /// The file as it was given.
        package let file: String
        /// Options of the command line, as YAML.
        package let overrides: String
        package let seed: UInt64
        package let method: String
        package let metric: String
        package let isMaximized: Bool
        /// Of the program that began it.
        package let programVersion: String
        package let numericsVersion: Int
        package let created: Date
    }

    /// One start of the command.
    package struct Session: Hashable, Sendable {
        package let number: Int
        package let begun: Date
        package let lastEvent: Date
        /// Nil while it runs, or where it was killed.
        package let ended: Date?
        package let workers: Int
        package let groups: Int
        package let workersPerTrial: Int
        package let hosts: [String]

        package init(
            number: Int, begun: Date, lastEvent: Date, ended: Date?, workers: Int, groups: Int, workersPerTrial: Int,
            hosts: [String]
        ) {
            self.number = number
            self.begun = begun
            self.lastEvent = lastEvent
            self.ended = ended
            self.workers = workers
            self.groups = groups
            self.workersPerTrial = workersPerTrial
            self.hosts = hosts
        }
    }

    package let path: String
    let database: DatabaseQueue
    /// The number of the session at hand.
    private var session: Int?

    /// Makes the database of `plan`, or takes one of the same sweep. Trials that were running belong to a dead process: they
    /// are pending again.
    ///
    /// - Throws: `Failure(.data)` for what is no database of a sweep, is damaged, or was written by another version;
    ///   `Failure(.outputRefused)` where it cannot be written or holds another sweep.
    package init(path: String, plan: SweepPlan, file: String, overrides: String) throws {
        self.path = path
        do {
            database = try DatabaseQueue(path: path, configuration: Self.configuration(isReadOnly: false))
            try database.writeWithoutTransaction { db in
                guard try Self.isEmpty(db, path: path) else { return }
                // First of all, so that a process that is killed behind it leaves a database that says whose it is.
                try db.execute(sql: "PRAGMA application_id = \(Self.applicationID)")
            }
            try Self.migrator.migrate(database)
            try database.write { db in
                try Self.claim(db, plan, path: path, file: file, overrides: overrides)
                try db.execute(sql: "UPDATE trials SET state = 'pending' WHERE state = 'running'")
            }
        } catch { throw Self.failure(error, path: path, isWriting: true) }
    }

    /// 10 s: as long as a reader may take, or a network file system.
    static let busyTimeoutSeconds = 10.0

    static func configuration(isReadOnly: Bool) -> Configuration {
        var configuration = Configuration()
        configuration.readonly = isReadOnly
        configuration.busyMode = .timeout(busyTimeoutSeconds)
        configuration.foreignKeysEnabled = true
        configuration.prepareDatabase { db in
            guard !isReadOnly else { return }
            // A write-ahead log needs shared memory, which network file systems do not have.
            try db.execute(sql: "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL")
            if let damage = try String.fetchOne(db, sql: "PRAGMA quick_check(1)"), damage != "ok" {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: damage)
            }
        }
        return configuration
    }

    /// Writes the row of the sweep, or compares it.
    private static func claim(
        _ db: Database, _ plan: SweepPlan, path: String, file: String, overrides: String
    ) throws {
        guard let old = try sweep(db) else {
            try db.execute(
                sql: """
                    INSERT INTO sweep (id, file, overrides, seed, method, metric, goal, programVersion, numericsVersion, created)
                    VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    file, overrides, "\(plan.seed)", plan.definition.method.rawValue, plan.definition.metric.name,
                    plan.definition.metric.isMaximized ? "maximize" : "minimize", programVersion, numericsVersion,
                    Date().timeIntervalSince1970,
                ])
            return try insert(plan.space, db)
        }
        guard old.file == file, old.overrides == overrides else {
            throw Failure(.outputRefused, "\(path) holds another sweep than the files beside it; choose another --out")
        }
        guard old.numericsVersion == numericsVersion else {
            throw Failure(
                .data,
                "\(path): was begun with numerics version \(old.numericsVersion), this program has \(numericsVersion): "
                    + "results would not compare; go on with lockstep \(old.programVersion), or choose another --out")
        }
    }

    /// Begins the record of one start of the command.
    package func beginSession(workers: Int, groups: Int, workersPerTrial: Int, hosts: [String]) throws {
        session = try event { db, now in
            try db.execute(
                sql: """
                    INSERT INTO sessions (begun, lastEvent, workers, groups, workersPerTrial, hosts)
                    VALUES (?, ?, ?, ?, ?, ?)
                    """,
                arguments: [now, now, workers, groups, workersPerTrial, hosts.joined(separator: ",")])
            return Int(db.lastInsertedRowID)
        }
    }

    /// Ends it, where one has begun.
    package func endSession() throws {
        guard let session else { return }
        try event { db, now in
            try db.execute(sql: "UPDATE sessions SET ended = ? WHERE number = ?", arguments: [now, session])
        }
        self.session = nil
    }

    /// Writes a trial as it is now, in place of what was known of it.
    package func save(_ record: TrialRecord) throws {
        try event { db, now in
            try Self.remove([record.number], db)
            try Self.insert(record, session: session, db)
        }
    }

    /// One transaction: trials that run again are written as they are now, and what was suggested by their old outcomes
    /// goes.
    func save(_ records: [TrialRecord], removing numbers: [Int]) throws {
        guard !records.isEmpty || !numbers.isEmpty else { return }
        try event { db, now in
            try Self.remove(numbers + records.map(\.number), db)
            for record in records { try Self.insert(record, session: nil, db) }
        }
    }

    /// A transaction that is on the disk when this returns; its time, in seconds since 1970, is the session's last event.
    private func event<Result>(_ body: (Database, Double) throws -> Result) throws -> Result {
        do {
            return try database.write { db in
                let now = Date().timeIntervalSince1970
                if let session {
                    try db.execute(
                        sql: "UPDATE sessions SET lastEvent = ? WHERE number = ?", arguments: [now, session])
                }
                return try body(db, now)
            }
        } catch { throw Self.failure(error, path: path, isWriting: true) }
    }

    /// With all that belongs to them.
    private static func remove(_ numbers: [Int], _ db: Database) throws {
        let statement = try db.cachedStatement(sql: "DELETE FROM trials WHERE number = ?")
        for number in numbers { try statement.execute(arguments: [number]) }
    }

    private static func insert(_ record: TrialRecord, session: Int?, _ db: Database) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO trials (number, state, value, reason, parametersSHA256, seconds, folder, attempts, session,
                    groupNumber, begun, ended)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            record.number, record.state.rawValue, stored(record.value), record.reason, record.parametersSHA256,
            stored(record.seconds), record.folder, record.attempts, session ?? record.session, record.group,
            record.begun?.timeIntervalSince1970, record.ended?.timeIntervalSince1970,
        ])
        let parameters = try db.cachedStatement(
            sql: "INSERT INTO parameters (trial, position, option, text, number, isNone) VALUES (?, ?, ?, ?, ?, ?)")
        for (position, parameter) in record.trial.parameters.enumerated() {
            let value = parameter.value
            try parameters.execute(arguments: [
                record.number, position, parameter.option, stored(value.text), value.number, value.isNull,
            ])
        }
        let measures = try db.cachedStatement(sql: "INSERT INTO measures (trial, name, value) VALUES (?, ?, ?)")
        for (name, value) in record.measures.sorted(by: { $0.key < $1.key }) {
            try measures.execute(arguments: [record.number, name, stored(value)])
        }
        let history = try db.cachedStatement(sql: "INSERT INTO history (trial, epoch, value) VALUES (?, ?, ?)")
        for (index, value) in record.history.enumerated() {
            try history.execute(arguments: [record.number, index + 1, stored(value)])
        }
    }

    private static func stored(_ text: String) -> DatabaseValue {
        // GRDB ends a text at its first NUL.
        text.utf8.contains(0) ? Data(text.utf8).databaseValue : text.databaseValue
    }

    /// SQLite has no NaN: NULL stands for it.
    private static func stored(_ value: Double?) -> Double? { value.flatMap { $0.isNaN ? nil : $0 } }
}
