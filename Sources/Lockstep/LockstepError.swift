import Errors

/// What went wrong, in one line: what, where, and what to do.
public struct LockstepError: Error, Sendable, Hashable, CustomStringConvertible {
    public let message: String
    /// That of the program `lockstep` for the same failure, such as 65 for wrong contents; README lists them.
    public let exitCode: Int32

    public var description: String { message }
}

/// Runs `body` with the package's failures as public errors.
func translatingFailures<T>(_ body: () throws -> T) throws -> T {
    do { return try body() } catch let failure as Failure {
        throw LockstepError(message: failure.message, exitCode: failure.kind.rawValue)
    }
}
