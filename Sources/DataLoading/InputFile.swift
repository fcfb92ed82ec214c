import Errors
import Glibc

/// A regular file open for reading, or bytes in memory that are read as one.
package final class InputFile {
    package let path: String
    package let byteCount: Int
    private let source: Source
    private var place = 0

    private enum Source {
        case file(Int32)
        case memory([UInt8])
    }

    package init(path: String) throws {
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
        source = .file(descriptor)
    }

    /// `name` stands for the path in messages.
    package init(bytes: [UInt8], name: String) {
        path = name
        byteCount = bytes.count
        source = .memory(bytes)
    }

    /// Whether `map` is possible.
    var isMappable: Bool { if case .file = source { true } else { false } }

    deinit { if case .file(let descriptor) = source { close(descriptor) } }

    /// The first bytes of the file, at most `count`; the place of `read` stays.
    package func firstBytes(_ count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            initializedCount = try read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
        }
    }

    /// Reads on into `buffer` and returns how many bytes it got: 0 at the end only.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard case .file(let descriptor) = source else {
            let count = try read(into: buffer, at: place)
            place += count
            return count
        }
        return try retrying { Glibc.read(descriptor, buffer.baseAddress, buffer.count) }
    }

    /// Fills `buffer` from byte `offset` on, or as much of it as the file has.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
        switch source {
        case .memory(let bytes):
            let count = max(0, min(buffer.count, bytes.count - offset))
            if count > 0 {
                bytes.withUnsafeBytes { buffer.copyMemory(from: .init(rebasing: $0[offset..<offset + count])) }
            }
            return count
        case .file(let descriptor):
            var filled = 0
            while filled < buffer.count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
                let count = try retrying { pread(descriptor, rest.baseAddress, rest.count, off_t(offset + filled)) }
                if count == 0 { break }
                filled += count
            }
            return filled
        }
    }

    /// Copies `count` bytes from `offset` on to the begin of another file, inside the kernel. False where it cannot.
    /// - Throws: Where there are fewer.
    func send(to target: Int32, from offset: Int, count: Int) throws -> Bool {
        guard case .file(let descriptor) = source else { return false }
        var place = off_t(offset)
        while Int(place) < offset + count {
            let sent = sendfile(target, descriptor, &place, offset + count - Int(place))
            if sent == 0 { throw Failure(.data, "\(path): became shorter while it was read") }
            if sent < 0 && errno != EINTR { return false }
        }
        return true
    }

    /// All of `buffer`, from byte `offset` on.
    func fill(_ buffer: UnsafeMutableRawBufferPointer, from offset: Int) throws {
        guard try read(into: buffer, at: offset) == buffer.count else {
            throw Failure(.data, "\(path): became shorter while it was read")
        }
    }

    /// Keeps out other processes that ask too, and waits for them. False where the file system has no locks.
    func lock() -> Bool {
        guard case .file(let descriptor) = source else { return false }
        while flock(descriptor, LOCK_EX) != 0 { if errno != EINTR { return false } }
        return true
    }

    func unlock() {
        if case .file(let descriptor) = source { flock(descriptor, LOCK_UN) }
    }

    /// The address of `count` bytes from `offset` on, a multiple of a page, which the kernel reads when they are needed.
    func map(offset: Int, count: Int) throws -> UnsafeMutableRawPointer {
        guard case .file(let descriptor) = source else { fatalError("InputFile: bytes in memory are not mapped") }
        guard let address = mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, off_t(offset)), address != MAP_FAILED
        else { throw Failure(.inputOutput, "\(path): cannot be mapped into memory (\(systemErrorText()))") }
        return address
    }

    /// All bytes of a small file.
    /// - Throws: `Failure(.data)` where it is larger than `limit`.
    package func contents(limit: Int) throws -> [UInt8] {
        guard byteCount <= limit else {
            throw Failure(
                .data, "\(path): \(grouped(byteCount)) bytes are too many; at most \(grouped(limit)) are expected here")
        }
        return try firstBytes(byteCount)
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
