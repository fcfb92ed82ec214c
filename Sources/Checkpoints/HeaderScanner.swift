import Errors

/// Reads the JSON of a header from left to right, strictly (RFC 8259), and builds no tree.
///
/// The caller asks for what must come next, so nesting is never deeper than its own calls. Whatever is built from the
/// text is charged to a budget: a small file cannot ask for much memory.
struct HeaderScanner {
    let path: String
    private let bytes: [UInt8]
    private(set) var position: Int
    /// What stood between the quotes of the string that was read last.
    private(set) var lastString = 0..<0
    private let end: Int
    /// Bytes that what is built may still take.
    private var budget: Int

    /// `bytes[range]` must be valid UTF-8.
    init(_ bytes: [UInt8], _ range: Range<Int>, budget: Int, path: String) {
        self.bytes = bytes
        self.position = range.lowerBound
        self.end = range.upperBound
        self.budget = budget
        self.path = path
    }

    func failure(_ message: String) -> Failure { Failure(.data, "\(path): \(message)") }

    /// For text that is not what must come here. Byte 0 of the header is the brace.
    private func unexpected(_ wanted: String) -> Failure {
        failure("header byte \(position - SafetensorsHeader.lengthByteCount): expected \(wanted)")
    }

    mutating func charge(_ byteCount: Int) throws(Failure) {
        budget -= byteCount
        guard budget >= 0 else { throw failure("the header describes too much for a file of this size") }
    }

    private var next: UInt8? { position < end ? bytes[position] : nil }

    private mutating func skipWhitespace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        skipWhitespace()
        guard next == UInt8(ascii: scalar) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ scalar: Unicode.Scalar) throws(Failure) {
        guard take(scalar) else { throw unexpected("'\(scalar)'") }
    }

    /// Nothing but the format's padding may follow.
    mutating func expectPadding() throws(Failure) {
        while next == 0x20 { position += 1 }
        guard position == end else { throw unexpected("the end of the header") }
    }

    /// An object: `visit` gets each key and must read its value.
    mutating func members(_ visit: (String, inout HeaderScanner) throws(Failure) -> Void) throws(Failure) {
        try expect("{")
        if take("}") { return }
        repeat {
            let key = try string()
            try expect(":")
            try visit(key, &self)
        } while take(",")
        try expect("}")
    }

    /// An array of non-negative integers.
    mutating func integers() throws(Failure) -> [Int] {
        var values: [Int] = []
        try expect("[")
        if take("]") { return values }
        repeat {
            try charge(3 * MemoryLayout<Int>.stride)
            values.append(try integer())
        } while take(",")
        try expect("]")
        return values
    }

    private mutating func integer() throws(Failure) -> Int {
        skipWhitespace()
        let start = position
        var value = 0
        while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
            guard !overflow, !carry else { throw unexpected("an integer below 2^63") }
            value = sum
            position += 1
        }
        guard position > start, position == start + 1 || bytes[start] != UInt8(ascii: "0") else {
            throw unexpected("a non-negative integer")
        }
        return value
    }

    mutating func string() throws(Failure) -> String {
        try expect("\"")
        let start = position
        var hasEscape = false
        while let byte = next, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw unexpected("no bare control character in a string") }
            if byte == UInt8(ascii: "\\") {
                hasEscape = true
                position += 1
            }
            position += 1
        }
        guard position < end else { throw unexpected("the end of a string") }
        let raw = start..<position
        lastString = raw
        position += 1
        // Up to 15 bytes lie inside the String itself; longer ones behind an object's header.
        try charge(raw.count > 15 ? raw.count + 48 : 0)
        guard hasEscape else { return String(decoding: bytes[raw], as: UTF8.self) }

        // No escape is shorter than the UTF-8 of what it means.
        var isValid = true
        let text = String(unsafeUninitializedCapacity: raw.count) { target in
            var scanner = EscapeDecoder(bytes: bytes, position: raw.lowerBound, end: raw.upperBound)
            guard let count = scanner.decode(into: target) else {
                isValid = false
                return 0
            }
            return count
        }
        guard isValid else {
            position = start
            throw unexpected("a string with valid escapes")
        }
        return text
    }
}

/// Decodes the inside of a JSON string that has escapes.
private struct EscapeDecoder {
    let bytes: [UInt8]
    var position: Int
    let end: Int

    /// The number of bytes written, or nil when an escape is not valid.
    mutating func decode(into target: UnsafeMutableBufferPointer<UInt8>) -> Int? {
        var count = 0
        while position < end {
            let byte = bytes[position]
            position += 1
            if byte != UInt8(ascii: "\\") {
                target[count] = byte
                count += 1
                continue
            }
            guard let scalar = escape(), let encoded = UTF8.encode(scalar) else { return nil }
            for unit in encoded {
                target[count] = unit
                count += 1
            }
        }
        return count
    }

    /// What follows a backslash.
    private mutating func escape() -> Unicode.Scalar? {
        guard position < end else { return nil }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default: return nil
        }
        guard let unit = codeUnit() else { return nil }
        // Half of a surrogate pair is no scalar: the initialiser refuses it.
        guard unit & 0xFC00 == 0xD800 else { return Unicode.Scalar(unit) }
        guard position + 1 < end, bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u") else {
            return nil
        }
        position += 2
        guard let low = codeUnit(), low & 0xFC00 == 0xDC00 else { return nil }
        return Unicode.Scalar(0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF)
    }

    /// Four hexadecimal digits.
    private mutating func codeUnit() -> UInt32? {
        guard position + 4 <= end else { return nil }
        var value: UInt32 = 0
        for byte in bytes[position..<position + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            value = value << 4 | UInt32(digit)
        }
        position += 4
        return value
    }
}
