import Errors
internal import GRDB

extension TrialStore {
    /// "LKST", in the file's header.
    static let applicationID: Int32 = 0x4C4B_5354
    /// The number of the newest migration, in the file's header as `user_version`.
    package static let schemaVersion = 1

    /// Each is one transaction that ends with its number. What is written here stays: a change of the schema is one more.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(sql: firstSchema)
            try db.execute(sql: "PRAGMA user_version = 1")
        }
        return migrator
    }

    // Columns of Double values have no type: with affinity REAL, SQLite keeps -0.0 as the whole number 0.
    private static let firstSchema = """
        CREATE TABLE sweep (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            file TEXT NOT NULL,
            overrides TEXT NOT NULL,
            seed TEXT NOT NULL,
            method TEXT NOT NULL,
            metric TEXT NOT NULL,
            goal TEXT NOT NULL CHECK (goal IN ('maximize', 'minimize')),
            programVersion TEXT NOT NULL,
            numericsVersion INTEGER NOT NULL,
            created NOT NULL CHECK (typeof(created) = 'real')
        );
        CREATE TABLE space (
            position INTEGER PRIMARY KEY,
            option TEXT NOT NULL,
            kind TEXT NOT NULL,
            low CHECK (typeof(low) IN ('real', 'null')),
            high CHECK (typeof(high) IN ('real', 'null')),
            step CHECK (typeof(step) IN ('real', 'null')),
            choices TEXT
        );
        CREATE TABLE sessions (
            number INTEGER PRIMARY KEY,
            begun NOT NULL CHECK (typeof(begun) = 'real'),
            lastEvent NOT NULL CHECK (typeof(lastEvent) = 'real'),
            ended CHECK (typeof(ended) IN ('real', 'null')),
            workers INTEGER NOT NULL,
            groups INTEGER NOT NULL,
            workersPerTrial INTEGER NOT NULL,
            hosts TEXT NOT NULL
        );
        CREATE TABLE trials (
            number INTEGER PRIMARY KEY CHECK (number >= 1),
            state TEXT NOT NULL CHECK (state IN ('pending', 'running', 'finished', 'stopped', 'failed')),
            value CHECK (typeof(value) IN ('real', 'null')),
            reason TEXT,
            parametersSHA256 TEXT,
            seconds CHECK (typeof(seconds) IN ('real', 'null')),
            folder TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            session INTEGER REFERENCES sessions (number),
            groupNumber INTEGER,
            begun CHECK (typeof(begun) IN ('real', 'null')),
            ended CHECK (typeof(ended) IN ('real', 'null'))
        );
        CREATE INDEX trialsOfSession ON trials (session);
        CREATE TABLE parameters (
            trial INTEGER NOT NULL REFERENCES trials (number) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            option TEXT NOT NULL,
            text TEXT NOT NULL,
            number CHECK (typeof(number) IN ('real', 'null')),
            isNone INTEGER NOT NULL CHECK (isNone IN (0, 1)),
            PRIMARY KEY (trial, position)
        ) WITHOUT ROWID;
        CREATE TABLE measures (
            trial INTEGER NOT NULL REFERENCES trials (number) ON DELETE CASCADE,
            name TEXT NOT NULL,
            value CHECK (typeof(value) IN ('real', 'null')),
            PRIMARY KEY (trial, name)
        ) WITHOUT ROWID;
        CREATE TABLE history (
            trial INTEGER NOT NULL REFERENCES trials (number) ON DELETE CASCADE,
            epoch INTEGER NOT NULL,
            value CHECK (typeof(value) IN ('real', 'null')),
            PRIMARY KEY (trial, epoch)
        ) WITHOUT ROWID;
        """

    /// Whether nothing is in a database yet.
    ///
    /// - Throws: `Failure(.data)` for one that is not a sweep's, or one of a newer version.
    static func isEmpty(_ db: Database, path: String) throws -> Bool {
        let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        let owner = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        if owner == 0, version == 0, try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0 {
            return true
        }
        guard owner == applicationID else {
            throw Failure(.data, "\(path): is a database of another program; move it away, or choose another folder")
        }
        guard version <= schemaVersion else {
            throw Failure(
                .data,
                "\(path): was written by a newer lockstep (schema \(version), this program knows \(schemaVersion)); use that one"
            )
        }
        return version == 0
    }

    /// What an error of SQLite means to a user.
    static func failure(_ error: any Error, path: String, isWriting: Bool) -> Failure {
        if let failure = error as? Failure { return failure }
        guard let error = error as? DatabaseError else {
            // A column holds what no version of this program writes there.
            return damaged(path, "\(error)")
        }
        let words = error.message ?? "SQLite's error \(error.extendedResultCode.rawValue)"
        let code = error.extendedResultCode.rawValue
        switch error.resultCode {
        // SQLITE_ERROR: "no such table" and the like.
        case .SQLITE_NOTADB, .SQLITE_CORRUPT, .SQLITE_FORMAT, .SQLITE_ERROR: return damaged(path, words)
        case .SQLITE_FULL:
            return Failure(
                .inputOutput,
                "\(path): the disk is full; make room and give the same command again: trials that have ended are kept")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return Failure(
                .inputOutput,
                "\(path): another program has kept it locked for \(Int(busyTimeoutSeconds)) s; close it there and give the "
                    + "same command again")
        case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
            return isWriting
                ? Failure(
                    .outputRefused,
                    "\(path): cannot be written (\(words)); check the folder's permissions, or choose another --out")
                : Failure(.inputOutput, "\(path): cannot be read (\(words)); check the folder's permissions")
        default:
            return Failure(
                .inputOutput,
                "\(path): cannot be \(isWriting ? "written" : "read"): \(words) (SQLite's code \(code)); check the disk and "
                    + "give the same command again")
        }
    }

    private static func damaged(_ path: String, _ words: String) -> Failure {
        Failure(
            .data,
            "\(path): is damaged or no database of a sweep (\(words)); take it from a backup, or move it away: the trials "
                + "then run again")
    }
}
