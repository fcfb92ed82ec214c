extension ModelDescription {
    /// A list of layers with their fields named.
    package init(_ layers: [LayerDescription]) {
        self.init(modelText: ModelText.text(of: layers))
    }

    /// - Parameter modelText: In the spelling that `ModelText.text` gives: keywords in the order of the form.
    private init(modelText: String) {
        self = .list(Self.parts(of: modelText).map { Self.layer($0) })
    }

    private static func layer(_ text: String) -> ModelDescription {
        let block = text.firstIndex(of: "{").map { open in
            text[text.index(after: open)..<(text.lastIndex(of: "}") ?? text.endIndex)]
        }
        let head = text.prefix { $0 != "{" }.split(separator: " ").map(String.init)
        guard let name = head.first, let grammar = LayerGrammar.all.first(where: { $0.name == name }) else {
            return .scalar(text)
        }
        var words = head.dropFirst()
        var fields: [Field] = []
        for field in LayerForm(grammar.form).fields {
            if field.isKeyword {
                guard words.first == field.name else { continue }
                words.removeFirst()
            }
            guard let word = words.popFirst() else { break }
            fields.append(Field(field.name, .scalar(word)))
        }
        let layers = block.map { ModelDescription(modelText: String($0)) }
        switch (fields.count, layers) {
        case (0, nil): return .scalar(name)
        case (0, .some(let layers)): return .mapping([Field(name, layers)])
        case (1, nil) where !fields[0].isKeyword(of: grammar): return .mapping([Field(name, fields[0].value)])
        default: return .mapping([Field(name, .mapping(fields + (layers.map { [Field("layers", $0)] } ?? [])))])
        }
    }

    /// The layers of a text: commas inside braces do not separate.
    private static func parts(of text: String) -> [String] {
        var parts = [""]
        var depth = 0
        for character in text {
            depth += character == "{" ? 1 : character == "}" ? -1 : 0
            if character == "," && depth == 0 { parts.append("") } else { parts[parts.count - 1].append(character) }
        }
        return parts.map { part in
            String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
    }

    /// One line of YAML for each layer; names and sizes need no quotes.
    package var yaml: String {
        guard case .list(let layers) = self else { return flow }
        return layers.map { "- \($0.block)" }.joined(separator: "\n")
    }

    /// A layer in a line of its own: the outermost mapping needs no braces.
    private var block: String {
        guard case .mapping(let fields) = self, fields.count == 1 else { return flow }
        return "\(fields[0].name): \(fields[0].value.flow)"
    }

    private var flow: String {
        switch self {
        case .scalar(let text): text
        case .list(let parts): "[" + parts.map(\.flow).joined(separator: ", ") + "]"
        case .mapping(let fields): "{" + fields.map { "\($0.name): \($0.value.flow)" }.joined(separator: ", ") + "}"
        }
    }
}

extension ModelDescription.Field {
    fileprivate func isKeyword(of grammar: LayerGrammar) -> Bool {
        LayerForm(grammar.form).fields.contains { $0.name == name && $0.isKeyword }
    }
}
