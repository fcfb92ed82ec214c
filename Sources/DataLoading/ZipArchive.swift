import CZlib
import Errors

/// The members of a zip archive (PKWARE's APPNOTE), as NumPy's `.npz` is one: stored or deflated, below 4 GiB.
package final class ZipArchive {
    struct Member: Equatable {
        let name: String
        let method: Int
        let crc: UInt32
        let compressedByteCount: Int
        let byteCount: Int
        let headerOffset: Int

        /// For messages of one line: the file chose it.
        var shownName: String { name.onOneLine(atMost: 60) }
    }

    package let file: InputFile
    let members: [Member]
    package var names: [String] { members.map(\.name) }

    /// Some of them, for messages.
    private var shownNames: String {
        let shown = members.prefix(8).map(\.shownName).joined(separator: ", ")
        return members.isEmpty ? "nothing" : shown + (members.count > 8 ? " and \(members.count - 8) more" : "")
    }

    private static let endByteCount = 22
    private static let entryByteCount = 46

    package init(file: InputFile) throws {
        self.file = file
        let path = file.path
        let tailCount = min(file.byteCount, Self.endByteCount + 65_535)
        let tail = try Self.bytes(file, tailCount, at: file.byteCount - tailCount, "its end")
        guard tailCount >= Self.endByteCount,
            let end = (0...tailCount - Self.endByteCount).reversed().first(where: {
                tail[$0..<$0 + 4].elementsEqual([0x50, 0x4b, 5, 6])
                    && $0 + Self.endByteCount + Self.word(tail, $0 + 20) == tailCount
            })
        else { throw Failure(.data, "\(path): is no zip archive: it has no central directory; save or copy it again") }
        let count = Self.word(tail, end + 10)
        let directoryCount = Self.long(tail, end + 12)
        let directoryOffset = Self.long(tail, end + 16)
        let endOffset = file.byteCount - tailCount + end
        guard count != 0xffff, directoryCount != 0xffff_ffff, directoryOffset != 0xffff_ffff else {
            throw Failure(.data, "\(path): is a zip64 archive of 4 GiB or more; save its arrays as .npy")
        }
        guard directoryOffset + directoryCount <= endOffset else {
            throw Failure(
                .data,
                "\(path): the central directory of \(grouped(directoryCount)) bytes at byte \(grouped(directoryOffset)) "
                    + "does not fit before its end at \(grouped(endOffset))")
        }
        guard count * Self.entryByteCount <= directoryCount else {
            throw Failure(
                .data, "\(path): promises \(grouped(count)) members in a directory of \(grouped(directoryCount)) bytes")
        }
        let directory = try Self.bytes(file, directoryCount, at: directoryOffset, "its central directory")
        var members: [Member] = []
        var place = 0
        for index in 0..<count {
            guard place + Self.entryByteCount <= directory.count,
                directory[place..<place + 4].elementsEqual([0x50, 0x4b, 1, 2])
            else { throw Failure(.data, "\(path): the central directory has no entry \(index) at byte \(place)") }
            let nameCount = Self.word(directory, place + 28)
            let next =
                place + Self.entryByteCount + nameCount + Self.word(directory, place + 30)
                + Self.word(directory, place + 32)
            guard next <= directory.count else {
                throw Failure(.data, "\(path): entry \(index) of the central directory is cut off")
            }
            let nameBegin = place + Self.entryByteCount
            let member = Member(
                name: String(decoding: directory[nameBegin..<nameBegin + nameCount], as: UTF8.self),
                method: Self.word(directory, place + 10), crc: UInt32(Self.long(directory, place + 16)),
                compressedByteCount: Self.long(directory, place + 20), byteCount: Self.long(directory, place + 24),
                headerOffset: Self.long(directory, place + 42))
            guard Self.word(directory, place + 8) & 1 == 0 else {
                throw Failure(.data, "\(path): \(member.shownName) is encrypted")
            }
            guard !members.contains(where: { $0.name == member.name }) else {
                throw Failure(.data, "\(path): holds \(member.shownName) twice")
            }
            // Arrays of a data set are few; with more, the comparison above would be slow.
            guard members.count < 1_000 else { throw Failure(.data, "\(path): holds more than 1,000 members") }
            members.append(member)
            place = next
        }
        self.members = members
    }

    /// The array `name`, `NAME.npy` in the archive.
    package func array(_ name: String) throws -> NPYReader {
        guard let member = members.first(where: { $0.name == name + ".npy" }) else {
            throw Failure(
                .data, "\(file.path): holds no array \(name); it holds \(shownNames)")
        }
        return try NPYReader(stream: ZipMember(member, of: file))
    }

    package func hasArray(_ name: String) -> Bool { members.contains { $0.name == name + ".npy" } }

    fileprivate static func bytes(_ file: InputFile, _ count: Int, at offset: Int, _ what: String) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            initializedCount = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            guard initializedCount == count else { throw Failure(.data, "\(file.path): ends inside \(what)") }
        }
    }

    fileprivate static func word(_ bytes: [UInt8], _ place: Int) -> Int {
        Int(bytes[place]) | Int(bytes[place + 1]) << 8
    }

    fileprivate static func long(_ bytes: [UInt8], _ place: Int) -> Int {
        word(bytes, place) | word(bytes, place + 2) << 16
    }
}

/// A member's bytes; at their end length and CRC-32 are checked.
private final class ZipMember: ByteStream {
    let name: String
    let maximalByteCount: Int
    private let member: ZipArchive.Member
    private let file: InputFile
    private let input: UnsafeMutableRawBufferPointer
    /// zlib keeps the stream's address.
    private let stream: UnsafeMutablePointer<z_stream>?
    private var offset: Int
    private var rest: Int
    private var deliveredCount = 0
    private var checksum: UInt32 = 0
    private var isAtEnd = false

    init(_ member: ZipArchive.Member, of file: InputFile) throws {
        let name = "\(file.path): \(member.shownName)"
        guard member.method == 0 || member.method == 8 else {
            throw Failure(.data, "\(name): compressed by method \(member.method); stored and deflate (8) can be read")
        }
        let local = try ZipArchive.bytes(file, 30, at: member.headerOffset, "the header of \(member.shownName)")
        guard local[..<4].elementsEqual([0x50, 0x4b, 3, 4]) else {
            throw Failure(.data, "\(name): no member begins at byte \(grouped(member.headerOffset))")
        }
        let begin = member.headerOffset + 30 + ZipArchive.word(local, 26) + ZipArchive.word(local, 28)
        guard begin + member.compressedByteCount <= file.byteCount else {
            throw Failure(
                .data,
                "\(name): \(grouped(member.compressedByteCount)) bytes from byte \(grouped(begin)) do not fit in it")
        }
        let possible = member.method == 0 ? member.compressedByteCount : GzipDecoder.bound(member.compressedByteCount)
        guard member.byteCount <= possible, member.method == 8 || member.byteCount == possible else {
            throw Failure(
                .data, "\(name): promises \(grouped(member.byteCount)) bytes in \(grouped(member.compressedByteCount))")
        }
        (self.name, self.member, self.file) = (name, member, file)
        (offset, rest, maximalByteCount) = (begin, member.compressedByteCount, member.byteCount)
        guard member.method == 8 else {
            (stream, input) = (nil, .init(start: nil, count: 0))
            return
        }
        input = .allocate(byteCount: 128 * 1_024, alignment: 16)
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        self.stream = stream
        // The corresponding zlib function is inflateInit2; negative: bare deflate.
        let code = inflateInit2_(stream, -MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else { throw Failure(.internal, "\(name): zlib cannot start (code \(code))") }
    }

    deinit {
        if let stream {
            inflateEnd(stream)
            stream.deallocate()
        }
        input.deallocate()
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        while filled < buffer.count && !isAtEnd {
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let count = try stream.map { try inflateOnce($0, into: room) } ?? copyOnce(into: room)
            let bytes = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
            checksum = UInt32(crc32_z(UInt(checksum), bytes, count))
            deliveredCount += count
            filled += count
            guard deliveredCount <= member.byteCount else {
                throw Failure(.data, "\(name): holds more than the \(grouped(member.byteCount)) bytes that it promises")
            }
            if isAtEnd { try finish() }
        }
        return filled
    }

    private func copyOnce(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let wanted = min(rest, buffer.count)
        let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: offset)
        guard count == wanted else { throw Failure(.data, "\(name): ends too early; save or copy the file again") }
        offset += count
        rest -= count
        isAtEnd = rest == 0
        return count
    }

    private func inflateOnce(
        _ stream: UnsafeMutablePointer<z_stream>, into buffer: UnsafeMutableRawBufferPointer
    ) throws -> Int {
        if stream.pointee.avail_in == 0 && rest > 0 {
            let wanted = min(rest, input.count)
            let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: input[..<wanted]), at: offset)
            guard count == wanted else { throw Failure(.data, "\(name): ends too early; save or copy the file again") }
            offset += count
            rest -= count
            stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_in = UInt32(count)
        }
        let room = min(buffer.count, 1 << 30)
        stream.pointee.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(room)
        let code = inflate(stream, Z_NO_FLUSH)
        let count = room - Int(stream.pointee.avail_out)
        switch code {
        case Z_OK: break
        case Z_STREAM_END: isAtEnd = true
        case Z_BUF_ERROR:
            throw Failure(.data, "\(name): the deflated data end too early; save or copy the file again")
        default:
            let reason = stream.pointee.msg.map { String(cString: $0) } ?? "zlib code \(code)"
            throw Failure(.data, "\(name): the deflated data are corrupt (\(reason)); save or copy the file again")
        }
        return count
    }

    private func finish() throws {
        guard deliveredCount == member.byteCount else {
            throw Failure(
                .data,
                "\(name): holds \(grouped(deliveredCount)) bytes, but promises \(grouped(member.byteCount))")
        }
        guard checksum == member.crc else {
            throw Failure(
                .data,
                "\(name): the checksum is wrong (CRC-32 \(hexadecimal(checksum)), not \(hexadecimal(member.crc)))")
        }
    }
}

func hexadecimal(_ word: UInt32) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
}
