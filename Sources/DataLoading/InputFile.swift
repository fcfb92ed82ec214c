import Errors
import Glibc

/// A regular file open for reading, from its first byte to its last.
final class InputFile {
    let path: String
    let byteCount: Int
    private let descriptor: Int32

    init(path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR {
                throw Failure(.inputNotFound, "\(path): no such file; check the path or the data set's folder")
            }
            throw Failure(.inputOutput, "\(path): cannot be opened (\(systemErrorText())); check its permissions")
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let text = systemErrorText()
            close(descriptor)
            throw Failure(.inputOutput, "\(path): cannot be examined (\(text))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw Failure(.inputOutput, "\(path): is not a regular file; name a file that holds data")
        }
        self.path = path
        self.byteCount = Int(status.st_size)
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// The first bytes of the file, at most `count`; the place of `read` stays.
    func firstBytes(_ count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            initializedCount = try retrying { pread(descriptor, buffer.baseAddress, count, 0) }
        }
    }

    /// Reads on into `buffer` and returns how many bytes it got: 0 at the end only.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        try retrying { Glibc.read(descriptor, buffer.baseAddress, buffer.count) }
    }

    private func retrying(_ call: () -> Int) throws -> Int {
        while true {
            let count = call()
            if count >= 0 { return count }
            if errno != EINTR { throw Failure(.inputOutput, "\(path): cannot be read (\(systemErrorText()))") }
        }
    }
}

/// What `errno` means, in the system's words.
func systemErrorText() -> String {
    String(cString: strerror(errno))
}
