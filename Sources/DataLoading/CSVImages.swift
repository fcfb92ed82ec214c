import Errors

/// Images in a text table, one a line: Kaggle's files of digits and of Fashion-MNIST (`label,pixel0,…`, or without
/// labels), with or without a header.
package struct CSVImages {
    /// `[count, height, width]`, row-major.
    package let pixels: ByteBuffer
    /// Nil where the table has no label column.
    package let labels: [UInt8]?
    package let height: Int
    package let width: Int
    package var count: Int { pixels.count / (height * width) }

    /// The greatest number of columns; more than any image here has.
    static let columnLimit = 1 << 20

    /// Reads all of `file`, plain or gzip.
    package init(file: InputFile) throws { try self.init(stream: file.stream()) }

    init(stream: any ByteStream) throws {
        var table = CSVScanner(stream: stream)
        let first = try table.firstRow()
        let layout = try CSVLayout(first, name: stream.name)
        let pixelCount = layout.height * layout.width
        let pixels = ByteBuffer()
        var labels: [UInt8] = []
        // A pixel takes two characters at least.
        let greatestCount = stream.maximalByteCount / 2 + 1
        var filled = 0

        func append(_ values: [UInt8]) throws {
            if filled + pixelCount > pixels.count {
                let wanted = max(filled + pixelCount, min(greatestCount, max(1 << 20, 2 * filled)))
                try pixels.resize(to: wanted, for: stream.name)
            }
            var place = filled
            for (column, value) in values.enumerated() {
                if column == layout.labelColumn {
                    labels.append(value)
                } else {
                    pixels.mutableBytes[place] = value
                    place += 1
                }
            }
            filled = place
        }

        var row = [UInt8](repeating: 0, count: layout.columnCount)
        if !layout.hasHeader { try append(try table.values(of: first)) }
        while try table.readRow(into: &row) { try append(row) }
        guard filled > 0 else { throw Failure(.data, "\(stream.name): holds no row with an image") }
        guard filled / pixelCount <= Int32.max else {
            throw Failure(.data, "\(stream.name): holds more than 2^31 − 1 images")
        }
        try pixels.resize(to: filled, for: stream.name)
        self.pixels = pixels
        self.labels = layout.labelColumn == nil ? nil : labels
        (height, width) = (layout.height, layout.width)
    }
}

/// What the first row says of a table.
struct CSVLayout: Equatable {
    let columnCount: Int
    let labelColumn: Int?
    let hasHeader: Bool
    let height: Int
    let width: Int

    init(_ first: [String], name: String) throws {
        columnCount = first.count
        hasHeader = !first.allSatisfy { field in !field.isEmpty && field.utf8.allSatisfy { (0x30...0x39).contains($0) }
        }
        if hasHeader {
            let labelColumns = first.indices.filter { ["label", "class"].contains(first[$0].lowercased()) }
            guard labelColumns.count <= 1 else { throw Failure(.data, "\(name): line 1 names two label columns") }
            labelColumn = labelColumns.first
            var previous: Int?
            for (column, field) in first.enumerated() where column != labelColumn {
                guard field.lowercased().hasPrefix("pixel"), let number = Int(field.dropFirst(5)) else { continue }
                if let previous, number != previous &+ 1 {
                    throw Failure(
                        .data,
                        "\(name): line 1, column \(column + 1) is \(field) after pixel\(previous): the pixels are not in order"
                    )
                }
                previous = number
            }
        } else {
            // Without names, the number of columns tells: 785 is a label and 28 × 28 pixels, 784 pixels alone.
            labelColumn = Self.root(of: first.count) == nil && Self.root(of: first.count - 1) != nil ? 0 : nil
        }
        let pixelCount = columnCount - (labelColumn == nil ? 0 : 1)
        guard let side = Self.root(of: pixelCount) else {
            throw Failure(
                .data,
                "\(name): line 1 has \(pixelCount) columns of pixels\(labelColumn == nil ? "" : " beside the label"); "
                    + "a square number is expected, such as 784 for 28 × 28")
        }
        (height, width) = (side, side)
    }

    private static func root(of count: Int) -> Int? {
        guard count > 0 else { return nil }
        var root = 1
        while root * root < count { root += 1 }
        return root * root == count ? root : nil
    }
}

/// Walks over a table's bytes: fields between commas, in quotes or not, lines ended by LF or CRLF.
struct CSVScanner {
    private let stream: any ByteStream
    private let buffer = ByteBuffer()
    private var place = 0
    private var end = 0
    /// Of the row that is read next, from 1.
    private(set) var line = 1

    init(stream: any ByteStream) { self.stream = stream }

    private mutating func refill() throws -> Bool {
        if buffer.count == 0 { try buffer.resize(to: 256 * 1_024, for: stream.name) }
        end = try stream.read(into: buffer.mutableBytes)
        place = 0
        return end > 0
    }

    private mutating func hasMore() throws -> Bool {
        if place < end { return true }
        return try refill()
    }

    private mutating func next() throws -> UInt8? {
        if place == end, try !refill() { return nil }
        defer { place += 1 }
        return buffer.unsafeBytes[place]
    }

    /// The first row's fields, as text.
    mutating func firstRow() throws -> [String] {
        var fields: [String] = []
        var field: [UInt8] = []
        var byteCount = 0
        while true {
            let byte = try next()
            byteCount += 1
            switch byte {
            case nil, 0x0a, 0x2c:
                if fields.isEmpty && field.starts(with: [0xef, 0xbb, 0xbf]) { field.removeFirst(3) }
                while let last = field.last, [0x20, 0x0d, 0x22].contains(last) { field.removeLast() }
                while let first = field.first, [0x20, 0x22].contains(first) { field.removeFirst() }
                fields.append(String(decoding: field, as: UTF8.self))
                field = []
                guard fields.count <= CSVImages.columnLimit else {
                    throw Failure(
                        .data, "\(stream.name): line 1 has more than \(grouped(CSVImages.columnLimit)) columns")
                }
                if byte == 0x2c { continue }
                line += 1
                guard fields != [""] else { throw Failure(.data, "\(stream.name): line 1 is empty") }
                return fields
            case let byte?:
                field.append(byte)
                guard field.count <= 256 else {
                    throw Failure(
                        .data,
                        "\(stream.name): line 1, column \(fields.count + 1) is longer than 256 bytes: is it a table?")
                }
            }
        }
    }

    /// Of the first row where it is no header.
    func values(of first: [String]) throws -> [UInt8] {
        try first.enumerated().map { column, field in
            guard let value = UInt8(field) else { throw outside(field, column, line: 1) }
            return value
        }
    }

    /// Fills `row` with the numbers of the next line; false at the end of the table.
    mutating func readRow(into row: inout [UInt8]) throws -> Bool {
        var column = 0
        var value = 0
        var digitCount = 0
        // 0 before a field's number, 1 in it, 2 behind it.
        var state = 0
        var isQuoted = false
        let columnCount = row.count
        return try row.withUnsafeMutableBufferPointer { row in
            while true {
                if place == end, try !refill() {
                    if column == 0 && state == 0 && !isQuoted { return false }
                    return try finish(row, column, value, digitCount, isQuoted, columnCount)
                }
                let byte = buffer.unsafeBytes[place]
                place += 1
                switch byte {
                case 0x30...0x39 where state < 2:
                    state = 1
                    value = value * 10 + Int(byte - 0x30)
                    digitCount += 1
                    guard digitCount <= 3 && value <= 255 else { throw outside("\(value)…", column, line: line) }
                case 0x2c where !isQuoted:
                    guard column < columnCount - 1 else { throw wrongCount("more than \(columnCount)", columnCount) }
                    guard digitCount > 0 else { throw outside("", column, line: line) }
                    row[column] = UInt8(value)
                    column += 1
                    (value, digitCount, state) = (0, 0, 0)
                case 0x0a where !isQuoted:
                    if column == 0 && state == 0 {
                        // An empty line at the end is no row; within the table it is a mistake.
                        line += 1
                        while try hasMore() {
                            let byte = buffer.unsafeBytes[place]
                            place += 1
                            guard byte == 0x0a || byte == 0x0d || byte == 0x20 else {
                                throw Failure(.data, "\(stream.name): line \(grouped(line - 1)) is empty")
                            }
                        }
                        return false
                    }
                    return try finish(row, column, value, digitCount, isQuoted, columnCount)
                case 0x0a:
                    throw Failure(.data, "\(stream.name): line \(grouped(line)) ends inside quotes")
                case 0x0d, 0x20:
                    if state == 1 { state = 2 }
                case 0x22 where state == 0 && !isQuoted:
                    isQuoted = true
                case 0x22 where isQuoted:
                    isQuoted = false
                    state = 2
                default:
                    throw outside("byte 0x\(hexadecimal(byte))", column, line: line)
                }
            }
        }
    }

    private mutating func finish(
        _ row: UnsafeMutableBufferPointer<UInt8>, _ column: Int, _ value: Int, _ digitCount: Int, _ isQuoted: Bool,
        _ columnCount: Int
    ) throws -> Bool {
        guard !isQuoted else { throw Failure(.data, "\(stream.name): line \(grouped(line)) ends inside quotes") }
        guard column == columnCount - 1 else { throw wrongCount("\(column + 1)", columnCount) }
        guard digitCount > 0 else { throw outside("", column, line: line) }
        row[column] = UInt8(value)
        line += 1
        return true
    }

    private func wrongCount(_ found: String, _ expected: Int) -> Failure {
        Failure(.data, "\(stream.name): line \(grouped(line)) has \(found) columns, but line 1 has \(expected)")
    }

    private func outside(_ found: String, _ column: Int, line: Int) -> Failure {
        let text = found.isEmpty ? "nothing" : String(found.prefix(24))
        return Failure(
            .data,
            "\(stream.name): line \(grouped(line)), column \(column + 1): \(text), where a whole number 0 to 255 is expected"
        )
    }
}
