import Glibc

/// A lock on a file, which keeps out other processes that ask for it. It ends with its process at the latest.
///
/// The corresponding system call is `flock`.
package final class FileLock {
    private var descriptor: Int32

    package enum Refusal: Error, Equatable {
        case isHeld
        /// With the error number: no such folder, a file system without locks.
        case impossible(Int32)
    }

    package enum Patience: Sendable {
        case untilFree
        case milliseconds(Int)
    }

    /// Takes the lock of the file at `path`.
    ///
    /// - Parameter isNew: Whether the file is made where it is missing.
    package init(_ path: String, patience: Patience = .milliseconds(0), isNew: Bool = true) throws(Refusal) {
        descriptor = open(path, O_RDWR | (isNew ? O_CREAT : 0) | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .impossible(errno) }
        try wait(patience)
    }

    private func wait(_ patience: Patience) throws(Refusal) {
        let stepMilliseconds = 50
        var left: Int?
        if case .milliseconds(let count) = patience { left = count }
        while flock(descriptor, left == nil ? LOCK_EX : LOCK_EX | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            guard errno == EWOULDBLOCK, let rest = left else { throw .impossible(errno) }
            guard rest > 0 else { throw .isHeld }
            usleep(UInt32(1_000 * min(rest, stepMilliseconds)))
            left = rest - min(rest, stepMilliseconds)
        }
    }

    deinit { release() }

    package func release() {
        guard descriptor >= 0 else { return }
        // Not by closing alone: a process that is being started at this moment has the file, too.
        flock(descriptor, LOCK_UN)
        close(descriptor)
        descriptor = -1
    }

    /// Whether a process holds the lock of the file at `path`; false where there is no such file.
    package static func isHeld(_ path: String) -> Bool {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        return flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }
}
