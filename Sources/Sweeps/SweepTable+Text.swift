extension SweepTable {
    /// Columns side by side, the best row marked with `*`. So that a line has at most `width` columns, long settings become
    /// letters, explained below, and names are cut.
    package func text(width: Int?) -> String {
        guard let width else { return aligned(width: nil) }
        let (short, legend) = abbreviated
        return ([short.aligned(width: width)] + legend).joined(separator: "\n")
    }

    /// Settings of more than 16 characters as A, B, …, and what they stand for.
    private var abbreviated: (table: SweepTable, legend: [String]) {
        var rows = rows
        var legend: [String] = []
        for column in 1..<firstResult where rows.contains(where: { $0[column].count > 16 }) {
            var letters: [String: String] = [:]
            for row in rows.indices {
                let cell = rows[row][column]
                if letters[cell] == nil {
                    letters[cell] = Self.letter(letters.count)
                    legend.append("\(columns[column]) \(Self.letter(letters.count - 1)): \(cell)")
                }
                rows[row][column] = letters[cell]!
            }
        }
        return (
            SweepTable(columns: columns, firstResult: firstResult, rows: rows, bestRow: bestRow, notes: notes), legend
        )
    }

    /// A … Z, AA …
    private static func letter(_ index: Int) -> String {
        let own = String(UnicodeScalar(UInt8(65 + index % 26)))
        return index < 26 ? own : letter(index / 26 - 1) + own
    }

    private func aligned(width: Int?) -> String {
        let names = columns.map { $0 == "trials" || $0 == "trial" ? "#" : $0 }
        var widths = names.indices.map { column in
            rows.reduce(names[column].count) { max($0, $1[column].count) }
        }
        if let width {
            // Names and settings give way, down to 6 characters; results do not.
            let least = names.indices.map { column in
                column > 0 && column < firstResult
                    ? 6 : rows.reduce(min(names[column].count, 6)) { max($0, $1[column].count) }
            }
            while widths.reduce(0, +) + 2 * widths.count > width {
                let spare = widths.indices.filter { widths[$0] > least[$0] }
                guard let widest = spare.max(by: { widths[$0] < widths[$1] }) else { break }
                widths[widest] -= 1
            }
        }
        func line(_ cells: [String], mark: String) -> String {
            let parts = cells.indices.map { column in
                let cell = cells[column].cut(to: widths[column])
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return isNumeric(column) ? padding + cell : cell + padding
            }
            return (parts.joined(separator: "  ") + mark).trimmingEnd
        }
        let lines = rows.enumerated().map { line($0.element, mark: $0.offset == bestRow ? " *" : "") }
        return ([line(names, mark: "")] + lines + notes).joined(separator: "\n")
    }

    /// A table of Markdown with the best row in bold, and the notes below it.
    package var markdown: String {
        func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
        func escaped(_ cell: String) -> String {
            cell.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
        }
        let rule = line(columns.indices.map { isNumeric($0) ? "---:" : "---" })
        let lines = rows.enumerated().map { index, row in
            line(row.map { index == bestRow ? "**\(escaped($0))**" : escaped($0) })
        }
        let paragraphs = notes.isEmpty ? "" : "\n\n" + notes.joined(separator: "\n\n")
        return ([line(columns), rule] + lines).joined(separator: "\n") + paragraphs
    }

    private func isNumeric(_ column: Int) -> Bool {
        rows.allSatisfy { row in
            row[column].unicodeScalars.allSatisfy { "0123456789.,-+e–…± /".unicodeScalars.contains($0) }
                || ["failed", "none", "running", "stopped"].contains(row[column])
        }
    }
}

extension String {
    fileprivate func cut(to width: Int) -> String {
        guard count > width else { return self }
        let head = (width - 1) / 2
        return String(prefix(head)) + "…" + String(suffix(width - 1 - head))
    }

    fileprivate var trimmingEnd: String { String(reversed().drop { $0 == " " }.reversed()) }
}
