/// A failure that a user can act on. Libraries throw it; only the command line turns it into text and an exit code.
package struct Failure: Error, Equatable {
    /// What failed, where, and what to do: one line.
    package let message: String
    package let kind: Kind

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// Any other error is a defect of this program, since libraries throw `Failure` for what a user can mend.
    package init(wrapping error: any Error) {
        self = error as? Failure ?? Failure(.internal, "\(error)")
    }

    /// Exit codes, after BSD's sysexits where one fits.
    package enum Kind: Int32, Sendable, CaseIterable {
        /// The command line alone is wrong.
        case usage = 64
        /// Contents of a file, or a configuration, are wrong.
        case data = 65
        /// An input does not exist.
        case inputNotFound = 66
        /// A defect of this program.
        case `internal` = 70
        /// The output is not writable, in use, or already holds a run.
        case outputRefused = 73
        case inputOutput = 74
        /// Stopped by a signal with a checkpoint saved; can be resumed.
        case stopped = 75
        /// Training cannot go on: a loss or a parameter is not finite.
        case notFinite = 76
    }
}

extension Failure: CustomStringConvertible {
    package var description: String { message }
}
