internal import GRDB

/// A database of a store as another program opens it. (In a module of its own: the macros of Testing do not compile beside
/// GRDB's operators.)
package final class RawDatabase: Sendable {
    private let queue: DatabaseQueue

    package init(_ path: String) throws {
        var configuration = Configuration()
        // A transaction may outlive a call.
        configuration.allowsUnsafeTransactions = true
        queue = try DatabaseQueue(path: path, configuration: configuration)
    }

    package func execute(_ sql: String) throws { try queue.inDatabase { try $0.execute(sql: sql) } }

    /// The columns of each row as texts, `-` for NULL.
    package func rows(_ sql: String) throws -> [[String]] {
        try queue.inDatabase { db in
            try Row.fetchAll(db, sql: sql).map { row in
                row.databaseValues.map { String.fromDatabaseValue($0) ?? ($0.isNull ? "-" : "\($0)") }
            }
        }
    }
}
