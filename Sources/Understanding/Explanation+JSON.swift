/// An explanation for programs: a list of blocks, each with its `kind`.
extension Explanation: Encodable {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(blocks)
    }
}

extension Explanation.Block: Encodable {
    private enum CodingKeys: String, CodingKey { case kind, text, formulas, equations, rows }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        func encode(_ kind: String, _ value: some Encodable, for key: CodingKeys) throws {
            try container.encode(kind, forKey: .kind)
            try container.encode(value, forKey: key)
        }
        switch self {
        case .title(let text): try encode("title", text, for: .text)
        case .heading(let text): try encode("heading", text, for: .text)
        case .paragraph(let text): try encode("paragraph", text, for: .text)
        case .formulas(let formulas): try encode("formulas", formulas, for: .formulas)
        case .equations(let equations): try encode("equations", equations, for: .equations)
        case .table(let rows): try encode("table", rows, for: .rows)
        }
    }
}

extension Explanation.Equation: Encodable {
    private enum CodingKeys: String, CodingKey { case name, symbols, numbers, value }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(symbols.joined(separator: " "), forKey: .symbols)
        try container.encode(numbers.joined(separator: " "), forKey: .numbers)
        try container.encode(number, forKey: .value)
    }
}
