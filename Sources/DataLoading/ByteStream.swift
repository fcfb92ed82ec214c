import Errors

/// Bytes that come in order: a file's own, or what is decompressed from it.
protocol ByteStream: AnyObject {
    /// For messages.
    var name: String { get }
    /// More can never come, whatever headers promise: the size, or what compression allows at best.
    var maximalByteCount: Int { get }
    /// Fills `buffer`, or less of it at the end of the data.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

extension InputFile {
    /// The file's content, decompressed where it is gzip (told by its first bytes).
    func stream() throws -> any ByteStream {
        try firstBytes(2) == [0x1f, 0x8b] ? GzipDecoder(file: self) : PlainStream(file: self)
    }
}

/// A file's bytes as they are.
final class PlainStream: ByteStream {
    private let file: InputFile
    var name: String { file.path }
    var maximalByteCount: Int { file.byteCount }

    init(file: InputFile) { self.file = file }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        while filled < buffer.count {
            let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            if count == 0 { break }
            filled += count
        }
        return filled
    }
}
