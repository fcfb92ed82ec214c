import CZlib
import Errors
import Files
import Glibc

/// A new file that is written in order, plain or gzip.
final class OutputFile {
    let path: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    /// zlib keeps the stream's address; nil where nothing is compressed.
    private let stream: UnsafeMutablePointer<z_stream>?
    private var isClosed = false
    private(set) var byteCount = 0

    private static let bufferByteCount = 1 << 20

    /// The file must not exist. Compressed files hold no time and no name: the same content gives the same bytes.
    init(path: String, compresses: Bool = false) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Failure.writing(path, errno) }
        guard compresses else {
            stream = nil
            return
        }
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        self.stream = stream
        // The corresponding zlib function is deflateInit2; 16 asks for gzip's header and trailer.
        let code = deflateInit2_(
            stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else { throw Failure(.internal, "\(path): zlib cannot start (code \(code))") }
    }

    deinit {
        if let stream {
            deflateEnd(stream)
            stream.deallocate()
        }
        if !isClosed { Glibc.close(descriptor) }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard let stream else { return try append(bytes) }
        // zlib counts in 32 bits.
        var rest = bytes
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest[..<min(rest.count, 1 << 30)])
            try deflate(stream, part, Z_NO_FLUSH)
            rest = UnsafeRawBufferPointer(rebasing: rest[part.count...])
        }
    }

    func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

    func write(_ text: String) throws { try write(Array(text.utf8)) }

    /// Writes what is left and synchronises the file with the disk.
    func finish() throws {
        if let stream { try deflate(stream, UnsafeRawBufferPointer(start: nil, count: 0), Z_FINISH) }
        try flush()
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw Failure.writing(path, errno) }
        isClosed = true
        guard Glibc.close(descriptor) == 0 || errno == EINTR else { throw Failure.writing(path, errno) }
    }

    private func deflate(
        _ stream: UnsafeMutablePointer<z_stream>, _ bytes: UnsafeRawBufferPointer, _ mode: Int32
    ) throws {
        stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(bytes.count)
        try withUnsafeTemporaryAllocation(byteCount: 128 * 1_024, alignment: 16) { output in
            while true {
                stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(output.count)
                let code = CZlib.deflate(stream, mode)
                guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else {
                    throw Failure(.internal, "\(path): zlib cannot go on (code \(code))")
                }
                let count = output.count - Int(stream.pointee.avail_out)
                try append(UnsafeRawBufferPointer(rebasing: output[..<count]))
                if mode == Z_FINISH ? code == Z_STREAM_END : stream.pointee.avail_in == 0 && count < output.count {
                    return
                }
            }
        }
    }

    private func append(_ bytes: UnsafeRawBufferPointer) throws {
        byteCount += bytes.count
        if buffer.count + bytes.count <= Self.bufferByteCount {
            buffer.append(contentsOf: bytes)
        } else {
            try flush()
            try put(bytes)
        }
    }

    private func flush() throws {
        try buffer.withUnsafeBytes(put)
        buffer.removeAll(keepingCapacity: true)
    }

    private func put(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw Failure.writing(path, errno) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }
}

/// A new folder that appears under its name when it is whole.
struct OutputFolder {
    let path: String
    /// Where it is filled.
    let temporary: String

    /// `path` must be absent or an empty folder.
    init(path: String) throws {
        let trimmed = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        if let mode = try DatasetFolder.mode(trimmed) {
            guard mode & S_IFMT == S_IFDIR, try FolderListing.items(trimmed).isEmpty else {
                throw Failure(.outputRefused, "\(trimmed): is there already; name a new folder, or remove it")
            }
        }
        self.path = trimmed
        temporary = "\(trimmed).partial-\(getpid())"
        try Self.remove(temporary)
        try Self.make(temporary)
    }

    /// Makes a folder and those above it.
    static func make(_ path: String) throws {
        if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
            throw Failure.writing(path, errno)
        }
        try make(String(path[..<slash]))
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw Failure.writing(path, errno) }
    }

    func putInPlace() throws {
        // An empty folder of that name gives way.
        guard rename(temporary, path) == 0 else { throw Failure.writing(path, errno) }
    }

    func discard() { try? Self.remove(temporary) }

    private static func remove(_ path: String) throws {
        guard let mode = try DatasetFolder.mode(path) else { return }
        if mode & S_IFMT == S_IFDIR {
            for item in try FolderListing.items(path) { try remove("\(path)/\(item.name)") }
            guard rmdir(path) == 0 else { throw Failure.writing(path, errno) }
        } else {
            guard unlink(path) == 0 else { throw Failure.writing(path, errno) }
        }
    }
}
