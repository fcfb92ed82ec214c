/// How NumPy lays out a number.
struct NumberFormat: Equatable {
    enum Kind {
        case unsigned
        case signed
        case float
    }

    let kind: Kind
    let byteCount: Int
    let isBigEndian: Bool

    /// A `descr` such as `|u1`, `<f4` or `>i8`; nil for what is not a plain number that we read.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 3 else { return nil }
        switch bytes[0] {
        case UInt8(ascii: "<"), UInt8(ascii: "|"), UInt8(ascii: "="): isBigEndian = false
        case UInt8(ascii: ">"): isBigEndian = true
        default: return nil
        }
        byteCount = Int(bytes[2]) - Int(UInt8(ascii: "0"))
        switch bytes[1] {
        case UInt8(ascii: "u"): kind = .unsigned
        case UInt8(ascii: "i"): kind = .signed
        case UInt8(ascii: "f"): kind = .float
        // NumPy's bool: a byte that is 0 or 1.
        case UInt8(ascii: "b") where byteCount == 1: kind = .unsigned
        default: return nil
        }
        guard (kind == .float ? [4, 8] : [1, 2, 4, 8]).contains(byteCount) else { return nil }
        // "|" says that order has no meaning.
        guard bytes[0] != UInt8(ascii: "|") || byteCount == 1 else { return nil }
    }

    var numberKind: NumberKind {
        switch kind {
        case .unsigned: byteCount == 1 ? .byte : .integer
        case .signed: .integer
        case .float: byteCount == 4 ? .float : .double
        }
    }

    /// Exact, but for integers of 64 bits beyond 2^53, which are rounded.
    func value(_ bytes: UnsafeMutableRawBufferPointer, _ index: Int) -> Double {
        func load<Word: FixedWidthInteger>(_: Word.Type) -> Word {
            let word = bytes.loadUnaligned(fromByteOffset: index * byteCount, as: Word.self)
            return isBigEndian ? Word(bigEndian: word) : Word(littleEndian: word)
        }
        return switch (kind, byteCount) {
        case (.unsigned, 1): Double(load(UInt8.self))
        case (.unsigned, 2): Double(load(UInt16.self))
        case (.unsigned, 4): Double(load(UInt32.self))
        case (.unsigned, _): Double(load(UInt64.self))
        case (.signed, 1): Double(load(Int8.self))
        case (.signed, 2): Double(load(Int16.self))
        case (.signed, 4): Double(load(Int32.self))
        case (.signed, _): Double(load(Int64.self))
        case (.float, 4): Double(Float(bitPattern: load(UInt32.self)))
        case (.float, _): Double(bitPattern: load(UInt64.self))
        }
    }
}
