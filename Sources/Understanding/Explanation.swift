/// An explanation as a document, before it is text or Markdown.
package struct Explanation: Sendable {
    package enum Block: Sendable {
        case title(String)
        case heading(String)
        case paragraph(String)
        case formulas([String])
        case equations([Equation])
        /// The first row is the header.
        case table([[String]])
    }

    /// `name = symbols = numbers = value`; what is the same as its neighbour is left out.
    package struct Equation: Sendable {
        let name: String
        /// Terms of a sum, each with its sign in front but for the first: lines are broken between them.
        let symbols: [String]
        let numbers: [String]
        let number: Double

        var value: String { Numbers.text(number) }

        init(_ name: String, _ symbols: [String], _ numbers: [String], _ value: Double) {
            self.name = name
            self.symbols = symbols
            self.numbers = numbers
            number = value
        }

        init(_ name: String, _ symbols: String, _ numbers: String, _ value: Double) {
            self.init(name, [symbols], [numbers], value)
        }
    }

    package internal(set) var blocks: [Block] = []
}

extension Explanation {
    static let width = 80

    /// For a terminal of 80 columns.
    package var text: String {
        var lines: [String] = []
        for block in blocks {
            if !lines.isEmpty { lines.append("") }
            switch block {
            case .title(let title): lines += [title, String(repeating: "=", count: title.count)]
            case .heading(let title): lines += [title, String(repeating: "-", count: title.count)]
            case .paragraph(let text): lines += Self.wrapped(text)
            case .formulas(let formulas): lines += formulas.map { "    \($0)" }
            case .equations(let equations): lines += equations.flatMap { $0.lines }
            case .table(let rows): lines += Self.aligned(rows)
            }
        }
        return lines.joined(separator: "\n")
    }

    package var markdown: String {
        var parts: [String] = []
        for block in blocks {
            switch block {
            case .title(let title): parts.append("# \(title)")
            case .heading(let title): parts.append("## \(title)")
            case .paragraph(let text): parts.append(text)
            case .formulas(let lines): parts.append(Self.fenced(lines))
            case .equations(let equations): parts.append(Self.fenced(equations.flatMap { $0.lines }))
            case .table(let rows):
                let lines = rows.map { "| " + $0.joined(separator: " | ") + " |" }
                let rule = "|" + String(repeating: " --- |", count: rows.first?.count ?? 0)
                parts.append((lines.prefix(1) + [rule] + lines.dropFirst()).joined(separator: "\n"))
            }
        }
        return parts.joined(separator: "\n\n")
    }

    private static func fenced(_ lines: [String]) -> String { (["```text"] + lines + ["```"]).joined(separator: "\n") }

    private static func wrapped(_ text: String) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }

    private static func aligned(_ rows: [[String]]) -> [String] {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            let line = "  " + cells.joined(separator: "   ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }
}

extension Explanation.Equation {
    /// One line where it fits into 80 columns, else one for each `=`, sums broken between their terms.
    var lines: [String] {
        var sides: [[String]] = []
        for side in [symbols, numbers == ["(\(value))"] ? [] : numbers, [value]]
        where !side.isEmpty && side != sides.last { sides.append(side) }
        let all = sides.map { $0.joined(separator: " ") }
        let line = "  \(name) = \(all.joined(separator: " = "))"
        if line.count <= Explanation.width { return [line] }
        let indent = String(repeating: " ", count: 2 + name.count + 1)
        return sides.enumerated().flatMap { number, terms in
            var lines = [(number == 0 ? "  \(name) " : indent) + "="]
            let room = Explanation.width - indent.count - 2
            let parts = terms.flatMap { $0.count <= room ? [$0] : $0.split(separator: " ").map { String($0) } }
            for term in parts {
                if lines[lines.count - 1].count + 1 + term.count <= Explanation.width {
                    lines[lines.count - 1] += " \(term)"
                } else {
                    lines.append("\(indent)  \(term)")
                }
            }
            return lines
        }
    }
}
