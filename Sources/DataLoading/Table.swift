import Errors

/// Numbers of a text table, a row a line: `.csv`, with commas, semicolons or tabs, with a header or without, plain or gzip.
///
/// A number becomes a double and then a float, as NumPy and pandas do it. What is not one is refused with its line and column.
package struct Table: Sendable {
    package let columns: TableColumns
    /// `[count, features]`, row-major, of float32.
    package let features: ByteBuffer
    /// `[count, targets]`, row-major.
    package let targets: [Float]
    package let count: Int

    /// The greatest number of columns.
    static let columnLimit = 1 << 16

    /// Reads all of `file`.
    package init(file: InputFile, choosing choice: ColumnChoice) throws {
        let stream = try file.stream()
        var rows = try TableRows(stream: stream, choosing: choice)
        let (featureCount, targetCount) = (rows.columns.features.count, rows.columns.targets.count)
        let size = featureCount * MemoryLayout<Float>.size
        let features = ByteBuffer()
        var targets: [Float] = []
        var (filled, count) = (0, 0)
        // A value takes two characters at least.
        let greatestByteCount = (stream.maximalByteCount / 2 + 1) * MemoryLayout<Float>.size
        while try rows.read() {
            guard count < Int32.max else { throw Failure(.data, "\(file.path): holds more than 2^31 − 1 rows") }
            if filled + size > features.count {
                let wanted = max(filled + size, min(greatestByteCount, max(1 << 16, 2 * filled)))
                try features.resize(to: wanted, for: file.path)
            }
            rows.values.withUnsafeBytes { values in
                UnsafeMutableRawBufferPointer(rebasing: features.mutableBytes[filled..<filled + size])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: values[..<size]))
            }
            targets += rows.values[featureCount..<featureCount + targetCount]
            filled += size
            count += 1
        }
        guard count > 0 else { throw Failure(.data, "\(file.path): holds no row of numbers") }
        try features.resize(to: filled, for: file.path)
        columns = rows.columns
        (self.features, self.targets, self.count) = (features, targets, count)
    }
}

/// Reads a table row by row.
private struct TableRows {
    private var scanner: TableScanner
    private let name: String
    private let layout: TableLayout
    /// The first line's fields, where they are no header.
    private var firstRow: [String]?
    /// The wanted values of the row read last: features, then targets.
    private(set) var values: [Float]
    var columns: TableColumns { layout.columns }

    init(stream: any ByteStream, choosing choice: ColumnChoice) throws {
        name = stream.name
        scanner = try TableScanner(stream: stream)
        var first: [String] = []
        var end = TableScanner.End.field
        while end == .field {
            guard first.count < Table.columnLimit else {
                throw Failure(.data, "\(name): line 1 has more than \(grouped(Table.columnLimit)) columns")
            }
            end = try scanner.readField()
            first.append(String(decoding: scanner.field, as: UTF8.self))
        }
        guard first != [""] else { throw Failure(.data, "\(name): line 1 is empty") }
        let hasHeader = !first.allSatisfy { Self.number(Array($0.utf8)) != nil }
        layout = try TableLayout(hasHeader ? first : nil, columnCount: first.count, choice: choice, path: name)
        firstRow = hasHeader ? nil : first
        values = [Float](repeating: 0, count: layout.columns.features.count + layout.columns.targets.count)
    }

    /// Fills `values` with the next row's; false at the end of the table.
    mutating func read() throws -> Bool {
        if let row = firstRow {
            firstRow = nil
            for (column, text) in row.enumerated() { try take(Array(text.utf8), column, line: 1) }
            return true
        }
        let line = scanner.line
        let columnCount = layout.places.count
        for column in 0..<columnCount {
            let end = try scanner.readField(keepsText: layout.places[column] != nil || column == 0)
            if column == 0 && end != .field && scanner.field.isEmpty {
                guard end != .table else { return false }
                return try skipEmptyLines(from: line)
            }
            try take(scanner.field, column, line: line)
            guard (end == .field) == (column < columnCount - 1) else {
                let found = end == .field ? "more than \(columnCount)" : "\(column + 1)"
                throw Failure(
                    .data, "\(name): line \(grouped(line)) has \(found) columns, but line 1 has \(columnCount)")
            }
        }
        return true
    }

    /// Empty lines at the end are no rows; within the table one is a mistake.
    private mutating func skipEmptyLines(from line: Int) throws -> Bool {
        while true {
            let end = try scanner.readField()
            guard end != .field && scanner.field.isEmpty else {
                throw Failure(.data, "\(name): line \(grouped(line)) is empty")
            }
            if end == .table { return false }
        }
    }

    private mutating func take(_ field: [UInt8], _ column: Int, line: Int) throws {
        guard let place = layout.places[column] else { return }
        guard let value = Self.number(field), value.isFinite else {
            let text = String(decoding: field, as: UTF8.self)
            let found =
                switch Self.number(field) {
                case nil where field.isEmpty: "nothing, where a number is needed"
                case nil: "\(TableLayout.quoted(text)) is no number"
                default: "\(TableLayout.quoted(text)) is beyond what a float32 holds"
                }
            let isFeature = place < columns.features.count
            let name = layout.names[column].onOneLine(atMost: 80)
            throw Failure(
                .data,
                "\(self.name): line \(grouped(line)), column \(column + 1) (\(name)): \(found); mend the line or leave it out"
                    + (isFeature ? ", or leave the column out with --ignore-columns" : ""))
        }
        values[place] = value
    }

    /// A decimal number; nil where the text is none, such as `NaN` or `0x10`.
    private static func number(_ field: [UInt8]) -> Float? {
        guard (1...64).contains(field.count),
            field.allSatisfy({ (0x30...0x39).contains($0) || [0x2b, 0x2d, 0x2e, 0x45, 0x65].contains($0) })
        else { return nil }
        return Double(String(decoding: field, as: UTF8.self)).map { Float($0) }
    }
}
