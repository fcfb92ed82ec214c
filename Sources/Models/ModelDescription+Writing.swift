extension ModelDescription {
    /// A list of layers with their fields named.
    package init(_ layers: [LayerDescription]) {
        self.init(modelText: ModelText.text(of: layers))
    }

    /// - Parameter modelText: In the spelling that `ModelText.text` gives: keywords in the order of the form.
    private init(modelText: String) {
        self = .list(Self.split(modelText, at: ",").map { Self.layer($0) })
    }

    private static func layer(_ text: String) -> ModelDescription {
        var words = split(text, at: " ")[...]
        guard let name = words.popFirst(), let grammar = LayerGrammar.all.first(where: { $0.name == name }) else {
            return .scalar(text)
        }
        let form = LayerForm(grammar.form)
        var fields: [(form: LayerForm.Field, value: ModelDescription)] = []
        for field in form.fields {
            if field.isKeyword {
                guard words.first == field.name else { continue }
                words.removeFirst()
            }
            guard let word = words.popFirst() else { break }
            let block = word.dropFirst().dropLast()
            fields.append((field, field.isBlock ? ModelDescription(modelText: String(block)) : .scalar(word)))
        }
        switch fields.count {
        case 0: return .scalar(name)
        case 1 where fields[0].form == form.fields.first && !fields[0].form.isKeyword:
            return .mapping([Field(name, fields[0].value)])
        default: return .mapping([Field(name, .mapping(fields.map { Field($0.form.name, $0.value) }))])
        }
    }

    /// The parts of a text, without empty ones; what stands in braces stays together.
    private static func split(_ text: String, at separator: Character) -> [String] {
        var parts = [""]
        var depth = 0
        for character in text {
            if character == separator && depth == 0 {
                parts.append("")
            } else {
                parts[parts.count - 1].append(character)
            }
            depth += character == "{" ? 1 : character == "}" ? -1 : 0
        }
        return parts.map { part in
            String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }.filter { !$0.isEmpty }
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
