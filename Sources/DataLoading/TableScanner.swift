import Errors

/// Walks over a text table's bytes field by field: RFC 4180's quotes, lines ended by LF or CRLF, and one separator: a comma,
/// semicolon or tab, whichever the first line has.
struct TableScanner {
    /// What comes behind a field.
    enum End { case field, line, table }

    private enum State { case before, plain, quoted, behind }

    /// The greatest number of bytes of one field, whether it is wanted or not.
    static let fieldLimit = 1 << 16

    private let stream: any ByteStream
    private let buffer = ByteBuffer()
    private var place = 0
    private var end = 0
    private var separator = UInt8(ascii: ",")
    /// Of the byte that is read next, from 1.
    private(set) var line = 1
    /// What was read last: without quotes, and without blanks around it.
    private(set) var field: [UInt8] = []

    init(stream: any ByteStream) throws {
        self.stream = stream
        guard try refill() else { return }
        if buffer.unsafeBytes[..<end].starts(with: [0xef, 0xbb, 0xbf]) { place = 3 }
        separator = firstSeparator
    }

    private mutating func refill() throws -> Bool {
        if buffer.count == 0 { try buffer.resize(to: 256 * 1_024, for: stream.name) }
        end = try stream.read(into: buffer.mutableBytes)
        place = 0
        return end > 0
    }

    /// A comma, where the first line has one outside of quotes; otherwise a semicolon, otherwise a tab.
    private var firstSeparator: UInt8 {
        let candidates: [UInt8] = [0x2c, 0x3b, 0x09]
        var isSeen = [false, false, false]
        var isQuoted = false
        for byte in buffer.unsafeBytes[place..<end] {
            if byte == 0x0a && !isQuoted { break }
            if byte == 0x22 { isQuoted.toggle() }
            if !isQuoted, let number = candidates.firstIndex(of: byte) { isSeen[number] = true }
        }
        return isSeen.firstIndex(of: true).map { candidates[$0] } ?? candidates[0]
    }

    private mutating func next() throws -> UInt8? {
        if place == end, try !refill() { return nil }
        defer { place += 1 }
        let byte = buffer.unsafeBytes[place]
        if byte == 0x0a { line += 1 }
        return byte
    }

    private mutating func skip(_ expected: UInt8) throws -> Bool {
        if place == end, try !refill() { return false }
        guard buffer.unsafeBytes[place] == expected else { return false }
        place += 1
        return true
    }

    /// Reads a field.
    /// - Parameter keepsText: False leaves `field` empty.
    mutating func readField(keepsText: Bool = true) throws -> End {
        field.removeAll(keepingCapacity: true)
        let firstLine = line
        var state = State.before
        var length = 0
        while let byte = try next() {
            length += 1
            guard length <= Self.fieldLimit else {
                throw failure(
                    firstLine,
                    "has a field longer than \(grouped(Self.fieldLimit)) bytes: "
                        + (state == .quoted ? "is a quote not closed?" : "is it a table?"))
            }
            switch (state, byte) {
            case (.quoted, 0x22):
                if try !skip(0x22) {
                    state = .behind
                } else if keepsText {
                    field.append(0x22)
                }
            case (.quoted, _):
                if keepsText { field.append(byte) }
            case (_, separator):
                trim(state)
                return .field
            case (_, 0x0a):
                trim(state)
                return .line
            case (.before, 0x20), (.before, 0x09), (.before, 0x0d), (.behind, 0x20), (.behind, 0x09), (.behind, 0x0d):
                break
            case (.before, 0x22): state = .quoted
            case (.behind, _): throw failure(firstLine, "has text behind a quoted field")
            case (.before, _), (.plain, _):
                state = .plain
                if keepsText { field.append(byte) }
            }
        }
        guard state != .quoted else { throw failure(firstLine, "begins a quote that is not closed") }
        trim(state)
        return .table
    }

    /// Blanks behind a field that has no quotes are not part of it.
    private mutating func trim(_ state: State) {
        guard state == .plain else { return }
        while let last = field.last, [0x20, 0x09, 0x0d].contains(last) { field.removeLast() }
    }

    private func failure(_ line: Int, _ what: String) -> Failure {
        Failure(.data, "\(stream.name): line \(grouped(line)) \(what)")
    }
}
