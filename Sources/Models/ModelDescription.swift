import Errors

/// A model, or a part of one, as a structured file (YAML) writes it.
///
/// There is one grammar, `LayerGrammar.all`: a description is translated to the words of a model text, its named fields
/// being those of the layer's form. `conv CHANNELS KERNEL [stride N]` is `conv: {channels: 32, kernel: 3x3, stride: 2}`.
package indirect enum ModelDescription: Hashable, Sendable {
    case scalar(String)
    case list([ModelDescription])
    case mapping([Field])

    package struct Field: Hashable, Sendable {
        package let name: String
        package let value: ModelDescription

        package init(_ name: String, _ value: ModelDescription) {
            self.name = name
            self.value = value
        }
    }

    /// The model text of a list of layers, or of a text, which stays as it is.
    ///
    /// - Throws: `Failure(.usage)` that names the layer by its number.
    package func modelText() throws -> String {
        switch self {
        case .scalar(let text): text
        case .list(let layers): try Self.text(of: layers, place: "model")
        case .mapping:
            throw Failure(.usage, "model: a text or a list of layers is needed, such as [{dense: 128}, relu]")
        }
    }

    private static func text(of layers: [ModelDescription], place: String) throws -> String {
        try layers.enumerated().map { index, layer in
            try layer.layerText(place: "\(place): layer \(index + 1)")
        }.joined(separator: ", ")
    }

    private func layerText(place: String) throws -> String {
        switch self {
        case .scalar(let text): return text
        case .mapping(let fields) where fields.count == 1:
            return try Self.layerText(fields[0].name, fields[0].value, place: place)
        case .mapping, .list:
            throw Failure(.usage, "\(place) needs one name and its sizes, such as relu or \"dense: 128\"")
        }
    }

    private static func layerText(_ name: String, _ value: ModelDescription, place: String) throws -> String {
        let name = name.lowercased()
        guard let grammar = LayerGrammar.all.first(where: { $0.name == name }) else {
            throw Failure(.usage, "\(place): " + ModelText.unknownLayer(name))
        }
        let form = LayerForm(grammar.form)
        let place = "\(place) (\(name))"
        switch value {
        case .scalar(let words): return words.isEmpty ? name : "\(name) \(words)"
        case .list(let parts) where form.hasBlock: return try "\(name) { \(text(of: parts, place: place)) }"
        case .list(let parts): return try ([name] + parts.map { try $0.word(place) }).joined(separator: " ")
        case .mapping(let fields): return try ([name] + form.words(fields, place: place)).joined(separator: " ")
        }
    }

    /// One value of a layer: a scalar, or extents such as `[3, 5]` for 3x5.
    fileprivate func word(_ place: String) throws -> String {
        switch self {
        case .scalar(let text) where !text.isEmpty: return text
        case .list(let extents) where !extents.isEmpty:
            return try extents.map { extent in
                guard case .scalar(let text) = extent else { return try self.refused(place) }
                return text
            }.joined(separator: "x")
        default: return try refused(place)
        }
    }

    private func refused(_ place: String) throws -> String {
        throw Failure(.usage, "\(place): a value is needed, such as 3 or 3x5")
    }
}

/// The fields of one layer, read from the form that documents it: upper-case words stand for values in their order,
/// lower-case words are keywords before a value, brackets enclose what may be left out, braces a block of layers.
struct LayerForm {
    struct Field: Hashable {
        let name: String
        let isKeyword: Bool
        let isOptional: Bool
    }

    let name: String
    let fields: [Field]
    let hasBlock: Bool
    private let form: String

    init(_ form: String) {
        var words = form.split(separator: " ").map(String.init)[...]
        var fields: [Field] = []
        var hasBlock = false
        name = words.removeFirst()
        while let word = words.popFirst() {
            if word.hasPrefix("{") {
                hasBlock = true
                words = words.drop { $0 != "}" }.dropFirst()
                continue
            }
            let plain = word.filter { $0 != "[" && $0 != "]" }
            let isKeyword = plain.first?.isLowercase == true
            if isKeyword { _ = words.popFirst() }
            fields.append(
                Field(name: plain.lowercased(), isKeyword: isKeyword, isOptional: word.hasPrefix("[")))
        }
        self.fields = fields
        self.hasBlock = hasBlock
        self.form = form
    }

    /// The words of a model text behind the layer's name.
    func words(_ given: [ModelDescription.Field], place: String) throws -> [String] {
        let names = fields.map(\.name) + (hasBlock ? ["layers"] : [])
        for field in given where !names.contains(field.name) {
            let near = Spelling.nearest(to: field.name, in: names).map { "; did you mean \"\($0)\"?" } ?? ""
            let known = names.isEmpty ? "it has none" : "known: \(names.joined(separator: ", "))"
            throw Failure(.usage, "\(place): unknown field \"\(field.name)\"\(near) (\(known))")
        }
        var words: [String] = []
        for field in fields {
            guard let value = given.first(where: { $0.name == field.name })?.value else {
                guard field.isOptional else {
                    throw Failure(.usage, "\(place): \"\(field.name)\" is missing, as in \"\(form)\"")
                }
                continue
            }
            words += (field.isKeyword ? [field.name] : []) + [try value.word("\(place), \(field.name)")]
        }
        if hasBlock {
            guard let value = given.first(where: { $0.name == "layers" })?.value else {
                throw Failure(.usage, "\(place): \"layers\" is missing, a list of layers")
            }
            words += try ["{", value.modelText(), "}"]
        }
        return words
    }
}
