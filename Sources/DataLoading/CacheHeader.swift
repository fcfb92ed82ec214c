import Crypto
import Errors
import Files
import Glibc

/// What a file of decoded data says of itself, as lines of text; the last line is the SHA-256 of those before.
struct CacheHeader: Equatable {
    struct Part: Equatable {
        let count: Int
        let hasOrigins: Bool
    }

    static let pageByteCount = 4_096
    private static let magic = "lockstep decoded data 1\n"
    private static let byteLimit = 1 << 20

    /// Of the sources (`DatasetLocation.sourceSignature`).
    let signature: String
    /// `ImageDataset.identity`
    var identity: String
    let height: Int
    let width: Int
    let channels: Int
    let classCount: Int
    let classNames: [String]
    /// Train, test and, where there is one, validation.
    let parts: [Part]

    init(
        signature: String, identity: String, height: Int, width: Int, channels: Int, classCount: Int,
        classNames: [String], parts: [Part]
    ) {
        (self.signature, self.identity, self.height, self.width) = (signature, identity, height, width)
        (self.channels, self.classCount, self.classNames, self.parts) = (channels, classCount, classNames, parts)
    }

    /// The header's bytes, a multiple of a page.
    var bytes: [UInt8] {
        var text = Self.magic + "\(signature) \(identity)\n\(height) \(width) \(channels) \(classCount)\n"
        text += parts.map { "\($0.count) \($0.hasOrigins ? 1 : 0)" }.joined(separator: " ") + "\n"
        text += "\(classNames.count)\n" + classNames.map { $0 + "\n" }.joined()
        text += SHA256.hash(data: Array(text.utf8)).map(hexadecimal).joined() + "\n"
        let bytes = Array(text.utf8)
        return bytes + [UInt8](repeating: 0, count: Self.aligned(bytes.count) - bytes.count)
    }

    /// Reads and checks the header of `file`.
    init(file: InputFile) throws {
        func failure(_ problem: String) -> Failure {
            Failure(.data, "\(file.path): \(problem); remove it, and it is made anew")
        }
        let bytes = try file.firstBytes(min(file.byteCount, Self.byteLimit))
        guard bytes.starts(with: Self.magic.utf8) else { throw failure("is no cache of this version") }
        guard let end = bytes.firstIndex(of: 0) else { throw failure("its header has no end") }
        let lines = bytes[..<end].split(separator: 0x0a, omittingEmptySubsequences: false)
        // The text ends with a line's end: the last piece is empty.
        guard lines.count >= 7, lines[lines.count - 1].isEmpty else { throw failure("its header is cut off") }
        let digest = lines[lines.count - 2]
        let covered = bytes[..<(end - digest.count - 1)]
        guard digest.elementsEqual(SHA256.hash(data: Array(covered)).map(hexadecimal).joined().utf8) else {
            throw failure("its header is damaged")
        }
        // What follows was written by this program, since the checksum is right; a mistake is still refused.
        let texts = lines.map { String(decoding: $0, as: UTF8.self) }
        let names = texts[1].split(separator: " ").map(String.init)
        let shape = texts[2].split(separator: " ").compactMap { Int($0) }
        let counts = texts[3].split(separator: " ").compactMap { Int($0) }
        guard names.count == 2, shape.count == 4, shape.allSatisfy({ (1...1 << 20).contains($0) }), shape[3] <= 256,
            [4, 6].contains(counts.count), counts.allSatisfy({ (0...Int(Int32.max)).contains($0) }),
            let nameCount = Int(texts[4]), nameCount == lines.count - 7, nameCount == 0 || nameCount == shape[3]
        else { throw failure("its header makes no sense") }
        (signature, identity) = (names[0], names[1])
        (height, width, channels, classCount) = (shape[0], shape[1], shape[2], shape[3])
        classNames = Array(texts[5..<(5 + nameCount)])
        parts = stride(from: 0, to: counts.count, by: 2).map {
            Part(count: counts[$0], hasOrigins: counts[$0 + 1] == 1)
        }
        guard let total = sections.last.map({ $0.offset + Self.aligned($0.byteCount) }), total == file.byteCount else {
            throw failure("its \(grouped(file.byteCount)) bytes are not what its header promises")
        }
    }

    enum Kind { case pixels, labels, origins }

    struct Section: Equatable {
        let part: Int
        let kind: Kind
        let offset: Int
        let byteCount: Int
    }

    /// Where everything lies.
    var sections: [Section] {
        var offset = bytes.count
        var sections: [Section] = []
        for (index, part) in parts.enumerated() {
            var kinds: [(Kind, Int)] = [(.pixels, part.count * height * width * channels), (.labels, part.count)]
            if part.hasOrigins { kinds.append((.origins, part.count * ExtendedLabels.columnCount * 4)) }
            for (kind, byteCount) in kinds {
                sections.append(Section(part: index, kind: kind, offset: offset, byteCount: byteCount))
                offset += Self.aligned(byteCount)
            }
        }
        return sections
    }

    static func aligned(_ byteCount: Int) -> Int { (byteCount + pageByteCount - 1) / pageByteCount * pageByteCount }

    /// Pixels up to here are copied to memory with huge pages: a map of a file has pages of 4 KiB, with which two ranks
    /// train 784-128-64-10 by 5 to 15 percent slower. Larger ones are mapped.
    private static let copiedByteCount = 128 << 20

    /// - Parameter isShared: The copy is one for all processes of this host, 32 ms for 47 MB and 1 ms for those that
    ///   find it; a private one takes 12 ms.
    private func pixels(_ section: Section, of file: InputFile, isShared: Bool) throws -> ByteBuffer {
        guard section.byteCount <= Self.copiedByteCount else {
            return try ByteBuffer(mapping: file, offset: section.offset, count: section.byteCount)
        }
        // One process copies, the others wait and find it.
        if isShared && section.byteCount >= HostMemory.smallestByteCount && file.lock() {
            defer { file.unlock() }
            let name = "lockstep-\(signature)-\(section.part)"
            let memory =
                try HostMemory(finding: name, byteCount: section.byteCount)
                ?? HostMemory(name: name, copying: file, offset: section.offset, byteCount: section.byteCount)
            if let buffer = memory.flatMap(ByteBuffer.init) { return buffer }
        }
        return try ByteBuffer(copying: file, offset: section.offset, count: section.byteCount)
    }

    /// Labels and rows of origins are read.
    func dataset(_ file: InputFile, name: String, isShared: Bool = false) throws -> ImageDataset {
        var images: [LabelledImages] = []
        for (index, part) in parts.enumerated() {
            var pixels: ByteBuffer?
            var labels: [UInt8] = []
            var origins: ExtendedLabels?
            for section in sections where section.part == index {
                if section.kind == .pixels {
                    pixels = try self.pixels(section, of: file, isShared: isShared)
                    continue
                }
                let bytes = try [UInt8](unsafeUninitializedCapacity: section.byteCount) { buffer, count in
                    count = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: section.offset)
                }
                if section.kind == .labels {
                    labels = bytes
                } else {
                    origins = ExtendedLabels(
                        rows: (0..<bytes.count / 4).map { word in
                            bytes.withUnsafeBytes {
                                Int32(littleEndian: $0.load(fromByteOffset: word * 4, as: Int32.self))
                            }
                        })
                }
            }
            guard let pixels, labels.count == part.count, labels.allSatisfy({ Int($0) < classCount }) else {
                throw Failure(.data, "\(file.path): its labels are damaged; remove it, and it is made anew")
            }
            images.append(
                LabelledImages(
                    pixels: pixels, labels: labels, height: height, width: width, channels: channels,
                    classCount: classCount, origins: origins))
        }
        return ImageDataset(
            name: name, train: images[0], test: images[1], validation: images.count > 2 ? images[2] : nil,
            classNames: classNames)
    }
}

/// Writes a file of decoded data under another name, and then puts it in its place.
struct CacheWriter {
    let path: String
    let header: CacheHeader

    /// A section while it is written.
    final class SectionWriter {
        let part: Int
        let kind: CacheHeader.Kind
        private let descriptor: Int32
        private let path: String
        private var offset: Int
        private let end: Int

        fileprivate init(_ section: CacheHeader.Section, _ descriptor: Int32, _ path: String) {
            (part, kind, offset) = (section.part, section.kind, section.offset)
            end = section.offset + section.byteCount
            (self.descriptor, self.path) = (descriptor, path)
        }

        /// The section's next bytes.
        func put(_ bytes: UnsafeRawBufferPointer) throws {
            precondition(offset + bytes.count <= end, "CacheWriter: more bytes than the section has")
            var rest = bytes
            while !rest.isEmpty {
                let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset))
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { throw Failure.writing(path, errno) }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                offset += count
            }
        }
    }

    func write(sections body: (SectionWriter) throws -> Void) throws {
        try write(sections: body) { _ in header }
    }

    /// - Parameter finalHeader: Called when all sections are in the file; as long as `header`.
    func write(
        sections body: (SectionWriter) throws -> Void, finalHeader: (InputFile) throws -> CacheHeader
    ) throws {
        let temporary = "\(path).partial-\(getpid())"
        unlink(temporary)
        let descriptor = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Failure.writing(path, errno) }
        defer {
            close(descriptor)
            unlink(temporary)
        }
        let sections = header.sections
        let total = sections.last.map { $0.offset + CacheHeader.aligned($0.byteCount) } ?? 0
        // Room is made first: a full disk shows here, and not as a fault in a map.
        let code = posix_fallocate(descriptor, 0, off_t(total))
        guard code == 0 else {
            errno = code
            throw Failure.writing(path, errno)
        }
        for section in sections { try body(SectionWriter(section, descriptor, path)) }
        let final = try finalHeader(InputFile(path: temporary)).bytes
        precondition(final.count == header.bytes.count, "CacheWriter: the header has grown")
        guard fsync(descriptor) == 0 else { throw Failure.writing(path, errno) }
        let written = final.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        guard written == final.count, fsync(descriptor) == 0, rename(temporary, path) == 0 else {
            throw Failure.writing(path, errno)
        }
    }
}
