import Errors
import Glibc

extension Failure {
    /// What the system's error number means where a file was to be written.
    package static func writing(_ path: String, _ code: Int32) -> Failure {
        let refusals = [EACCES, EPERM, EROFS, ENOENT, ENOTDIR, EISDIR, EEXIST, ELOOP, ENAMETOOLONG]
        return Failure(
            refusals.contains(code) ? .outputRefused : .inputOutput,
            "\(path): cannot be written: \(systemMessage(code))")
    }
}

/// The system's words for an error number.
package func systemMessage(_ code: Int32) -> String { strerror(code).map { String(cString: $0) } ?? "error \(code)" }
