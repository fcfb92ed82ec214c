import Errors

/// Reads one of NumPy's arrays (`.npy`, versions 1 to 3; or a member of an `.npz`) in C order, in pieces.
///
/// Opening reads and checks the header alone and refuses a payload that the file cannot hold.
package final class NPYReader: ArrayReader {
    package let path: String
    package let dimensions: [Int]
    package var numberKind: NumberKind { format.numberKind }
    package let description: String
    private let format: NumberFormat
    private let payloadByteCount: Int
    private let stream: any ByteStream

    package convenience init(file: InputFile) throws { try self.init(stream: file.stream()) }

    init(stream: any ByteStream) throws {
        let name = stream.name
        func bytes(_ count: Int) throws -> [UInt8] {
            try [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
                initializedCount = try stream.read(into: UnsafeMutableRawBufferPointer(buffer))
                guard initializedCount == count else {
                    throw Failure(.data, "\(name): ends inside its header; save or copy the file again")
                }
            }
        }
        let magic = try bytes(8)
        guard magic.prefix(6) == [0x93] + Array("NUMPY".utf8) else {
            throw Failure(
                .data,
                "\(name): begins with bytes \(magic.prefix(6).map(hexadecimal).joined(separator: " ")), but a NumPy array "
                    + "with 93 4e 55 4d 50 59")
        }
        guard (1...3).contains(magic[6]) else {
            throw Failure(.data, "\(name): version \(magic[6]).\(magic[7]) of NumPy's format; 1 to 3 can be read")
        }
        let lengthBytes = try bytes(magic[6] == 1 ? 2 : 4)
        let length = lengthBytes.reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= 65_535 else {
            throw Failure(.data, "\(name): a header of \(grouped(length)) bytes; a plain array's has fewer than 65,536")
        }
        let header = try NPYHeader(text: bytes(length), name: name)
        (format, dimensions) = (header.format, header.dimensions)
        description = header.description

        var payload = format.byteCount
        var hasOverflow = false
        for extent in dimensions {
            let (product, overflow) = payload.multipliedReportingOverflow(by: extent)
            hasOverflow = hasOverflow || overflow
            payload = product
        }
        let headerByteCount = 8 + lengthBytes.count + length
        guard !hasOverflow, payload <= max(0, stream.maximalByteCount - headerByteCount) else {
            throw Failure(
                .data,
                "\(name): the header promises \(description), more than the file's \(grouped(stream.maximalByteCount)) "
                    + "bytes can hold")
        }
        payloadByteCount = payload
        path = name
        self.stream = stream
    }

    package func readPayload(into buffer: ByteBuffer) throws {
        while buffer.count < payloadByteCount {
            let filled = buffer.count
            try buffer.grow(toward: payloadByteCount, for: path)
            try readExactly(into: UnsafeMutableRawBufferPointer(rebasing: buffer.mutableBytes[filled...]))
        }
        try finish()
    }

    package func forEachElement(_ body: (_ index: Int, _ value: Double) throws -> Void) throws {
        let chunkCount = 8_192
        let elementCount = payloadByteCount / format.byteCount
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkCount * format.byteCount, alignment: 16)
        defer { chunk.deallocate() }
        var index = 0
        while index < elementCount {
            let count = min(chunkCount, elementCount - index)
            try readExactly(into: UnsafeMutableRawBufferPointer(rebasing: chunk[..<(count * format.byteCount)]))
            for element in 0..<count { try body(index + element, format.value(chunk, element)) }
            index += count
        }
        try finish()
    }

    private func readExactly(into buffer: UnsafeMutableRawBufferPointer) throws {
        guard try stream.read(into: buffer) == buffer.count else {
            throw Failure(.data, "\(path): ends before its \(description) are complete; save or copy the file again")
        }
    }

    private func finish() throws {
        var extra: UInt8 = 0
        guard try withUnsafeMutableBytes(of: &extra, { try stream.read(into: $0) }) == 0 else {
            throw Failure(.data, "\(path): holds more than the \(description) that its header promises")
        }
    }
}

/// `{'descr': '|u1', 'fortran_order': False, 'shape': (60000, 28, 28), }` and blanks, a Python literal.
struct NPYHeader: Equatable {
    let format: NumberFormat
    let dimensions: [Int]
    let description: String

    init(text: [UInt8], name: String) throws {
        var scanner = NPYHeaderScanner(bytes: text, name: name)
        try scanner.parse()
        guard let descr = scanner.descr, let shape = scanner.shape, let isFortran = scanner.isFortran else {
            throw Failure(.data, "\(name): the header lacks descr, fortran_order or shape")
        }
        guard let format = NumberFormat(descr) else {
            throw Failure(
                .data,
                "\(name): elements of type '\(descr.onOneLine(atMost: 64))' cannot be read; integers, float32 and float64 "
                    + "can")
        }
        guard !isFortran || shape.filter({ $0 != 1 }).count <= 1 else {
            throw Failure(.data, "\(name): is in Fortran's order; save it with numpy.ascontiguousarray")
        }
        self.format = format
        dimensions = shape
        description = "\(descr) [" + shape.map(grouped).joined(separator: " × ") + "]"
    }
}

private struct NPYHeaderScanner {
    let bytes: [UInt8]
    let name: String
    var place = 0
    var descr: String?
    var isFortran: Bool?
    var shape: [Int]?

    mutating func parse() throws {
        try expect("{")
        while !take("}") {
            let key = try quoted()
            try expect(":")
            switch key {
            case "descr" where descr == nil: descr = try quoted()
            case "fortran_order" where isFortran == nil: isFortran = try truth()
            case "shape" where shape == nil: shape = try extents()
            default: throw failure("an unknown or repeated key '\(key.onOneLine(atMost: 64))'")
            }
            if !take(",") {
                try expect("}")
                break
            }
        }
        skipBlanks()
        guard place == bytes.count else { throw failure("text behind the header's }") }
    }

    private mutating func skipBlanks() {
        while place < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[place]) { place += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipBlanks()
        guard place < bytes.count, bytes[place] == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws {
        if !take(character) { throw failure("no '\(character)'") }
    }

    private mutating func quoted() throws -> String {
        skipBlanks()
        guard place < bytes.count, bytes[place] == UInt8(ascii: "'") || bytes[place] == UInt8(ascii: "\"") else {
            throw failure("no quoted text (a structured array cannot be read)")
        }
        let quote = bytes[place]
        place += 1
        let begin = place
        while place < bytes.count, bytes[place] != quote { place += 1 }
        guard place < bytes.count, place - begin <= 64 else { throw failure("a text without its end") }
        defer { place += 1 }
        return String(decoding: bytes[begin..<place], as: UTF8.self)
    }

    private mutating func truth() throws -> Bool {
        skipBlanks()
        for (word, value) in [("True", true), ("False", false)] where bytes[place...].starts(with: word.utf8) {
            place += word.utf8.count
            return value
        }
        throw failure("neither True nor False")
    }

    private mutating func extents() throws -> [Int] {
        try expect("(")
        var extents: [Int] = []
        while !take(")") {
            skipBlanks()
            let begin = place
            var value = 0
            while place < bytes.count, (0x30...0x39).contains(bytes[place]), place - begin < 18 {
                value = value * 10 + Int(bytes[place] - 0x30)
                place += 1
            }
            guard place > begin else { throw failure("no whole number in the shape") }
            _ = take("L")  // Python 2's long
            extents.append(value)
            guard extents.count <= 8 else { throw failure("more than 8 dimensions") }
            if !take(",") {
                try expect(")")
                break
            }
        }
        return extents
    }

    private func failure(_ problem: String) -> Failure {
        Failure(.data, "\(name): the array's header has \(problem) at byte \(min(place, bytes.count)) of its text")
    }
}
