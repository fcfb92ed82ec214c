import Testing

/// Fields of a protocol buffer message as they lie in its bytes: a reader of our own, to see what was really written.
struct Wire {
    enum Value {
        case varint(UInt64)
        case fixed(UInt64)
        case bytes(ArraySlice<UInt8>)
    }

    private(set) var fields: [(number: Int, value: Value)] = []

    init(_ bytes: ArraySlice<UInt8>) throws {
        var place = bytes.startIndex
        func varint() throws -> UInt64 {
            var value: UInt64 = 0
            for shift in stride(from: 0, to: 64, by: 7) {
                try #require(place < bytes.endIndex)
                defer { place += 1 }
                value |= UInt64(bytes[place] & 0x7f) << UInt64(shift)
                if bytes[place] < 0x80 { return value }
            }
            throw WireError()
        }
        func fixed(_ count: Int) throws -> UInt64 {
            try #require(bytes.endIndex - place >= count)
            defer { place += count }
            return bytes[place..<place + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        while place < bytes.endIndex {
            let key = try varint()
            switch key & 7 {
            case 0: fields.append((Int(key >> 3), .varint(try varint())))
            case 1: fields.append((Int(key >> 3), .fixed(try fixed(8))))
            case 2:
                let count = Int(try varint())
                try #require(bytes.endIndex - place >= count)
                fields.append((Int(key >> 3), .bytes(bytes[place..<place + count])))
                place += count
            case 5: fields.append((Int(key >> 3), .fixed(try fixed(4))))
            default: throw WireError()
            }
        }
    }

    struct WireError: Error {}

    func messages(_ number: Int) throws -> [Wire] {
        try fields.filter { $0.number == number }.compactMap { field in
            guard case .bytes(let bytes) = field.value else { return nil }
            return try Wire(bytes)
        }
    }

    func message(_ number: Int) throws -> Wire { try #require(try messages(number).first) }

    func bytes(_ number: Int) -> [ArraySlice<UInt8>] {
        fields.compactMap { field in
            guard field.number == number, case .bytes(let bytes) = field.value else { return nil }
            return bytes
        }
    }

    func texts(_ number: Int) -> [String] { bytes(number).map { String(decoding: $0, as: UTF8.self) } }
    func text(_ number: Int) -> String { texts(number).first ?? "" }

    func integers(_ number: Int) -> [Int] {
        fields.compactMap { field in
            guard field.number == number, case .varint(let value) = field.value else { return nil }
            return Int(truncatingIfNeeded: value)
        }
    }

    func fixed(_ number: Int) -> [UInt64] {
        fields.compactMap { field in
            guard field.number == number, case .fixed(let value) = field.value else { return nil }
            return value
        }
    }
}
