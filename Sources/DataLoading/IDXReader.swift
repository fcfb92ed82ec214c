import Errors

/// Reads one IDX file, plain or gzip (told by its first bytes), in order and in pieces.
///
/// Opening reads and checks the header alone and refuses a payload that the file cannot hold. Then the payload is read
/// once, by `readPayload` or `forEachElement`, which also check that nothing follows it.
package final class IDXReader: ArrayReader {
    package let header: IDXHeader
    package var path: String { file.path }
    package var dimensions: [Int] { header.dimensions }
    package var numberKind: NumberKind {
        switch header.elementType {
        case .ubyte: .byte
        case .byte, .short, .int: .integer
        case .float: .float
        case .double: .double
        }
    }
    package var description: String { header.description }
    private let file: InputFile
    private let gzip: GzipDecoder?

    package convenience init(path: String) throws { try self.init(file: InputFile(path: path)) }

    /// `file` may be bytes in memory.
    package init(file: InputFile) throws {
        let path = file.path
        guard file.byteCount >= 4 else {
            throw Failure(.data, "\(path): \(file.byteCount) bytes are too few for an IDX file")
        }
        self.file = file
        let gzip = try file.firstBytes(2) == [0x1f, 0x8b] ? GzipDecoder(file: file) : nil
        self.gzip = gzip
        header = try IDXHeader(path: path) { buffer in
            guard try Self.read(file, gzip, into: buffer) == buffer.count else {
                throw Failure(.data, "\(path): ends inside its header; fetch or copy the file again")
            }
        }
        try checkPlausibility()
    }

    /// The size of a plain file is known; that of a gzip file is bounded by what deflate can do.
    private func checkPlausibility() throws {
        let promise = "the header promises \(header.description), \(grouped(header.payloadByteCount)) bytes"
        if gzip == nil {
            let present = file.byteCount - header.headerByteCount
            guard present == header.payloadByteCount else {
                throw Failure(.data, "\(path): \(promise), but \(grouped(present)) follow it")
            }
        } else {
            guard (header.payloadByteCount - 1) / GzipDecoder.maximalRatio < file.byteCount else {
                throw Failure(
                    .data, "\(path): \(promise), more than \(grouped(file.byteCount)) bytes of gzip can hold")
            }
        }
    }

    /// From here on plain files of bytes are mapped: they may be larger than memory.
    static let mappedByteCount = 128 << 20

    package func mappedPayload() throws -> ByteBuffer? {
        guard gzip == nil, header.elementType == .ubyte, header.payloadByteCount >= Self.mappedByteCount,
            file.isMappable
        else { return nil }
        return try ByteBuffer(mapping: file, offset: header.headerByteCount, count: header.payloadByteCount)
    }

    /// The payload as it lies in the file, straight into `buffer`, which grows with what is really there.
    package func readPayload(into buffer: ByteBuffer) throws {
        while buffer.count < header.payloadByteCount {
            let filled = buffer.count
            try buffer.grow(toward: header.payloadByteCount, for: path)
            try readExactly(into: UnsafeMutableRawBufferPointer(rebasing: buffer.mutableBytes[filled...]))
        }
        try finish()
    }

    /// Calls `body` with each element in file order; every IDX type is exact in `Double`.
    package func forEachElement(_ body: (_ index: Int, _ value: Double) throws -> Void) throws {
        let width = header.elementType.byteCount
        let chunkCount = 8_192
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkCount * width, alignment: 16)
        defer { chunk.deallocate() }
        var index = 0
        while index < header.elementCount {
            let count = min(chunkCount, header.elementCount - index)
            try readExactly(into: UnsafeMutableRawBufferPointer(rebasing: chunk[..<(count * width)]))
            for element in 0..<count { try body(index + element, Self.decode(chunk, element, header.elementType)) }
            index += count
        }
        try finish()
    }

    private static func decode(
        _ bytes: UnsafeMutableRawBufferPointer, _ index: Int, _ type: IDXHeader.ElementType
    ) -> Double {
        func load<Word: FixedWidthInteger>(_: Word.Type) -> Word {
            Word(bigEndian: bytes.load(fromByteOffset: index * MemoryLayout<Word>.size, as: Word.self))
        }
        return switch type {
        case .ubyte: Double(load(UInt8.self))
        case .byte: Double(load(Int8.self))
        case .short: Double(load(Int16.self))
        case .int: Double(load(Int32.self))
        case .float: Double(Float(bitPattern: load(UInt32.self)))
        case .double: Double(bitPattern: load(UInt64.self))
        }
    }

    private func readExactly(into buffer: UnsafeMutableRawBufferPointer) throws {
        guard try Self.read(file, gzip, into: buffer) == buffer.count else {
            throw Failure(
                .data, "\(path): ends before its \(header.description) are complete; fetch or copy the file again")
        }
    }

    /// Reads the end of the file, where gzip has its checksum.
    private func finish() throws {
        var extra: UInt8 = 0
        let count = try withUnsafeMutableBytes(of: &extra) { try Self.read(file, gzip, into: $0) }
        guard count == 0 else {
            throw Failure(.data, "\(path): holds more than the \(header.description) that its header promises")
        }
    }

    /// Fills `buffer`, or less of it at the end of the data.
    private static func read(
        _ file: InputFile, _ gzip: GzipDecoder?, into buffer: UnsafeMutableRawBufferPointer
    ) throws -> Int {
        if let gzip { return try gzip.read(into: buffer) }
        var filled = 0
        while filled < buffer.count {
            let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            if count == 0 { break }
            filled += count
        }
        return filled
    }
}
