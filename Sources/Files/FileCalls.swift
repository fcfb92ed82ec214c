import Glibc

/// The system calls that writing a file makes, one place for each, so that a test can make any of them fail.
///
/// All return −1 and set `errno` on failure. The corresponding POSIX functions are `openat`, `write`, `fsync`, `close`,
/// `renameat` and `unlinkat`.
package struct FileCalls: Sendable {
    package var open: @Sendable (_ folder: Int32, _ name: String, _ flags: Int32) -> Int32 = {
        openat($0, $1, $2, 0o666)
    }
    package var write: @Sendable (_ file: Int32, _ bytes: UnsafeRawBufferPointer) -> Int = {
        Glibc.write($0, $1.baseAddress, $1.count)
    }
    package var sync: @Sendable (_ file: Int32) -> Int32 = { fsync($0) }
    package var close: @Sendable (_ file: Int32) -> Int32 = { Glibc.close($0) }
    package var rename: @Sendable (_ folder: Int32, _ old: String, _ new: String) -> Int32 = {
        renameat($0, $1, $0, $2)
    }
    package var unlink: @Sendable (_ folder: Int32, _ name: String) -> Int32 = { unlinkat($0, $1, 0) }

    package init() {}
}
