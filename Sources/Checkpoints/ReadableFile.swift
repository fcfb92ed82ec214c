import Errors
import Files
import Glibc

/// A regular file that is open for reading, and its size when it was opened.
struct ReadableFile: ~Copyable {
    let path: String
    let byteCount: Int
    private let descriptor: Int32

    init(_ path: String) throws(Failure) {
        guard !path.utf8.contains(0) else { throw Failure(.inputNotFound, "\(path): not the name of a file") }
        // Without O_NONBLOCK, opening a named pipe would wait for a writer.
        var descriptor: Int32
        repeat { descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) } while descriptor < 0 && errno == EINTR
        guard descriptor >= 0 else {
            let isMissing = errno == ENOENT || errno == ENOTDIR
            throw Failure(
                isMissing ? .inputNotFound : .inputOutput, "\(path): cannot be opened: \(systemMessage(errno))")
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let code = errno
            close(descriptor)
            throw Failure(.inputOutput, "\(path): cannot be read: \(systemMessage(code))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw Failure(.data, "\(path): not a regular file")
        }
        self.path = path
        self.byteCount = Int(status.st_size)
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    func bytes(_ range: Range<Int>) throws(Failure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        if let failure = bytes.withUnsafeMutableBytes({ read(at: range.lowerBound, into: $0) }) { throw failure }
        return bytes
    }

    /// Fills `target` from byte `offset` of the file on; returns what went wrong.
    func read(at offset: Int, into target: UnsafeMutableRawBufferPointer) -> Failure? {
        var done = 0
        while done < target.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: target[done...])
            let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
            if count < 0 && errno == EINTR { continue }
            if count < 0 { return Failure(.inputOutput, "\(path): cannot be read: \(systemMessage(errno))") }
            if count == 0 { return Failure(.data, "\(path): became shorter while it was read") }
            done += count
        }
        return nil
    }
}
