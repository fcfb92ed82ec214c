extension SweepTable {
    /// Columns side by side, the best row marked with `*`; long cells are cut so that a line has at most `width` columns.
    package func text(width: Int?) -> String {
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
                || ["failed", "none"].contains(row[column])
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
