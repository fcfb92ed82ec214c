import Errors
import Foundation

/// The columns of a text table that a network meets.
package struct TableColumns: Codable, Sendable, Equatable {
    /// What a network takes, in its order.
    package let features: [String]
    /// What it is to give; empty where a table is only predicted on.
    package let targets: [String]

    package init(features: [String], targets: [String]) { (self.features, self.targets) = (features, targets) }
}

/// Which columns of a table are read as what.
package enum ColumnChoice: Sendable, Equatable {
    /// The targets, and as features all others but some.
    case targets([String], ignored: [String])
    /// These, wherever they stand.
    case named(TableColumns)
}

/// What the first line says of a table, and where a row's values go.
struct TableLayout {
    let columns: TableColumns
    /// By column of the table: the place of its value among the features and then the targets; nil where it is not wanted.
    let places: [Int?]
    /// By column of the table; a column without a name is called by its number, from 1.
    let names: [String]

    /// - Parameter names: Of the header, `""` where there is none; nil for a table without a header.
    init(_ header: [String]?, columnCount: Int, choice: ColumnChoice, path: String) throws {
        let names = (0..<columnCount).map { header.map(\.[$0]).flatMap { $0.isEmpty ? nil : $0 } ?? "\($0 + 1)" }
        var numbers: [String: Int] = [:]
        for (number, name) in names.enumerated() {
            if let other = numbers.updateValue(number, forKey: name) {
                throw Failure(
                    .data,
                    "\(path): line 1: columns \(other + 1) and \(number + 1) are both called "
                        + "\(Self.quoted(name)); give them different names")
            }
        }
        func number(_ name: String) throws -> Int {
            if let number = numbers[name] { return number }
            let near = Spelling.nearest(to: name, in: names.prefix(1_000).filter { $0.utf8.count <= 80 })
            let question = near.map { " (did you mean \(Self.quoted($0))?)" } ?? ""
            let known = names.prefix(20).joined(separator: ", ") + (columnCount > 20 ? ", …" : "")
            throw Failure(
                .data,
                "\(path): has no column \(Self.quoted(name))\(question); it has \(grouped(columnCount)): "
                    + known.onOneLine(atMost: 300))
        }

        switch choice {
        case .named(let named): columns = named
        case .targets(let targets, let ignored):
            let isTarget = Set(try targets.map(number))
            let isIgnored = Set(try ignored.map(number))
            if let both = targets.first(where: { ignored.contains($0) }) {
                throw Failure(.usage, "--ignore-columns \(both): is the target, which cannot be left out")
            }
            let features = names.indices.filter { !isTarget.contains($0) && !isIgnored.contains($0) }
            // pandas writes an index without a name: a network that learns from row numbers learns nothing.
            if let header, let nameless = features.first(where: { header[$0].isEmpty }) {
                throw Failure(
                    .data,
                    "\(path): line 1: column \(nameless + 1) has no name, as an index that pandas wrote; "
                        + "--ignore-columns \(nameless + 1) leaves it out")
            }
            guard !features.isEmpty else {
                throw Failure(.data, "\(path): no column is left beside the target to predict it from")
            }
            columns = TableColumns(features: features.map { names[$0] }, targets: targets)
        }
        var places = [Int?](repeating: nil, count: columnCount)
        for (place, name) in (columns.features + columns.targets).enumerated() { places[try number(name)] = place }
        (self.places, self.names) = (places, names)
    }

    static func quoted(_ name: String) -> String { "\"\(name.onOneLine(atMost: 80))\"" }
}

extension TableColumns {
    /// One line of JSON, as a checkpoint has it.
    package var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do { return String(decoding: try encoder.encode(self), as: UTF8.self) } catch {
            preconditionFailure("TableColumns: \(error)")
        }
    }

    /// What `json` says; nil where it is not that, or has no feature or a name twice.
    package init?(json: String) {
        guard let columns = try? JSONDecoder().decode(TableColumns.self, from: Data(json.utf8)),
            !columns.features.isEmpty, !columns.targets.isEmpty,
            Set(columns.features + columns.targets).count == columns.features.count + columns.targets.count
        else { return nil }
        self = columns
    }
}
