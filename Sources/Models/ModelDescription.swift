import Errors

/// A model, or a part of one, as a structured file (YAML) writes it.
///
/// There is one grammar, `LayerGrammar.all`: a description is translated to the words of a model text, its named fields
/// being those of the layer's form. `conv CHANNELS SIZE [stride N]` is `conv: {channels: 32, kernel: 3x3, stride: 2}`.
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
        case .list where form.fields.first?.isBlock == true:
            return try ([name] + form.words([Field("layers", value)], place: place)).joined(separator: " ")
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

    /// The layers of a block.
    fileprivate func blockText(_ place: String) throws -> String {
        guard case .list(let layers) = self else { throw Failure(.usage, "\(place): a list of layers is needed") }
        return try Self.text(of: layers, place: place)
    }

    private func refused(_ place: String) throws -> String {
        throw Failure(.usage, "\(place): a value is needed, such as 3 or 3x5")
    }
}

/// The fields of one layer, read from the form that documents it: upper-case words stand for values in their order,
/// lower-case words are keywords before a value, brackets enclose what may be left out, braces a block of layers. The size
/// of what slides in strides is a kernel, and a value of several extents (AxB) a shape.
struct LayerForm {
    struct Field: Hashable {
        let name: String
        let isKeyword: Bool
        let isOptional: Bool
        /// Its value is a list of layers.
        let isBlock: Bool
    }

    let fields: [Field]
    private let form: String

    init(_ form: String) {
        var words = form.split(separator: " ").dropFirst()
        var fields: [Field] = []
        while let word = words.popFirst() {
            let plain = word.filter { $0 != "[" && $0 != "]" }
            let isKeyword = plain.first?.isLowercase == true
            let value = isKeyword ? words.popFirst() ?? "" : Substring(plain)
            let isBlock = value.hasPrefix("{")
            if isBlock { words = words.drop { !$0.hasPrefix("}") }.dropFirst() }
            fields.append(
                Field(
                    name: isBlock && !isKeyword ? "layers" : plain.lowercased(), isKeyword: isKeyword,
                    isOptional: word.hasPrefix("["), isBlock: isBlock))
        }
        let slides = fields.contains { $0.name == "stride" }
        self.fields = fields.map { field in
            guard !field.isKeyword else { return field }
            let name = field.name == "size" && slides ? "kernel" : field.name.contains("x") ? "shape" : field.name
            return Field(name: name, isKeyword: false, isOptional: field.isOptional, isBlock: field.isBlock)
        }
        self.form = form
    }

    /// The words of a model text behind the layer's name.
    func words(_ given: [ModelDescription.Field], place: String) throws -> [String] {
        let names = fields.map(\.name)
        for field in given where !names.contains(field.name) {
            let near = Spelling.nearest(to: field.name, in: names).map { "; did you mean \"\($0)\"?" } ?? ""
            let known = names.isEmpty ? "it has none" : "known: \(names.joined(separator: ", "))"
            throw Failure(.usage, "\(place): unknown field \"\(field.name)\"\(near) (\(known))")
        }
        return try fields.flatMap { field -> [String] in
            guard let value = given.first(where: { $0.name == field.name })?.value else {
                guard field.isOptional else {
                    throw Failure(.usage, "\(place): \"\(field.name)\" is missing, as in \"\(form)\"")
                }
                return []
            }
            let place = "\(place), \(field.name)"
            let text = field.isBlock ? "{ \(try value.blockText(place)) }" : try value.word(place)
            return (field.isKeyword ? [field.name] : []) + [text]
        }
    }
}
