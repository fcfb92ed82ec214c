import Errors

// `String ==` and `<` go by canonical equivalence: composed and decomposed é are one. In a file they are two names.

extension String {
    func bytesEqual(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }
    func bytesPrecede(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }

    /// For messages of one line about names that a foreign file chose: escaped, and cut after 60 characters.
    package var quotedForMessage: String {
        var bytes: [UInt8] = []
        bytes.appendJSON(String(String.UnicodeScalarView(unicodeScalars.prefix(60))))
        let text = String(decoding: bytes, as: UTF8.self) + (unicodeScalars.dropFirst(60).isEmpty ? "" : "…")
        return text.onOneLine(atMost: .max)
    }
}

extension [String] {
    /// In an array in byte order: the first element that equals its successor.
    var firstRepeated: String? {
        zip(self, dropFirst()).first { $0.bytesEqual($1) }?.0
    }
}

extension [UInt8] {
    /// Appends `text` as a JSON string. Only what must be escaped is, each in one way, so the bytes are determined.
    mutating func appendJSON(_ text: String) {
        append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): append(contentsOf: #"\""#.utf8)
            case UInt8(ascii: "\\"): append(contentsOf: #"\\"#.utf8)
            case 0x08: append(contentsOf: #"\b"#.utf8)
            case 0x09: append(contentsOf: #"\t"#.utf8)
            case 0x0A: append(contentsOf: #"\n"#.utf8)
            case 0x0C: append(contentsOf: #"\f"#.utf8)
            case 0x0D: append(contentsOf: #"\r"#.utf8)
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                append(contentsOf: (digits.utf8.count == 1 ? #"\u000"# : #"\u00"#).utf8)
                append(contentsOf: digits.utf8)
            default: append(byte)
            }
        }
        append(UInt8(ascii: "\""))
    }
}
