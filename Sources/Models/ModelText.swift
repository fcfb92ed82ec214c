import Errors

/// The grammar of `--model`: layers separated by commas, each a name and its sizes. `LayerGrammar.all` is the table.
///
///     model = layer { "," layer }
///
/// Case and white space do not matter: `"dense 128, relu, dense 10"`.
package enum ModelText {
    package static var layerNames: [String] { LayerGrammar.all.map(\.name) }

    /// What to say of a name that is no layer's. `place` follows it.
    static func unknownLayer(_ name: String, place: String = "") -> String {
        let names = layerNames
        let near = Spelling.nearest(to: name, in: names).map { "; did you mean \"\($0)\"?" } ?? ""
        return "unknown layer \"\(name)\"\(place)\(near) (known: \(names.joined(separator: ", ")))"
    }

    /// - Throws: `Failure(.usage)` that names the wrong word and its column, counted from 1.
    package static func parse(_ text: String) throws -> [LayerDescription] {
        var layers: [LayerDescription] = []
        var column = 1
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            var words = LayerWords(part, column: column, text: text)
            layers.append(try words.layer())
            column += part.count + 1
        }
        return layers
    }

    /// The text that `parse` reads as `layers`.
    package static func text(of layers: [LayerDescription]) -> String {
        layers.map(\.text).joined(separator: ", ")
    }
}

/// How one layer is written.
struct LayerGrammar: Sendable {
    let name: String
    /// As documentation shows it, such as `dense SIZE`.
    let form: String
    /// Reads the words behind the name.
    let parse: @Sendable (inout LayerWords) throws -> LayerDescription

    static let all: [LayerGrammar] = sized + activations

    private static let sized: [LayerGrammar] = [
        LayerGrammar(name: "dense", form: "dense SIZE") { .dense(outputFeatures: try $0.size("SIZE")) },
        LayerGrammar(name: "relu", form: "relu") { _ in .relu },
        LayerGrammar(name: "conv", form: "conv CHANNELS SIZE [stride N] [padding N|same]") { try .convolution(&$0) },
        LayerGrammar(name: "maxpool", form: "maxpool SIZE [stride N] [padding N]") { try .maxPool(&$0) },
        LayerGrammar(name: "avgpool", form: "avgpool SIZE [stride N]") { try .averagePool(&$0) },
        LayerGrammar(name: "global-avgpool", form: "global-avgpool") { _ in .globalAveragePool },
        LayerGrammar(name: "flatten", form: "flatten") { _ in .flatten },
        dropout,
    ]
}

/// The words of one layer, read from left to right.
struct LayerWords {
    private struct Word {
        let text: String
        let column: Int
    }

    private static let greatestSize = 1_000_000
    private let words: [Word]
    private var next = 0
    /// Where the layer begins, and the whole model for messages.
    private let column: Int
    private let text: String
    private var form = ""

    init(_ part: Substring, column: Int, text: String) {
        words = part.split(whereSeparator: \.isWhitespace).map { word in
            Word(text: word.lowercased(), column: column + part.distance(from: part.startIndex, to: word.startIndex))
        }
        self.column = column
        self.text = text
    }

    fileprivate mutating func layer() throws -> LayerDescription {
        guard let name = words.first else { throw failure("a layer is missing at column \(column)") }
        guard let grammar = LayerGrammar.all.first(where: { $0.name == name.text }) else {
            throw failure(ModelText.unknownLayer(name.text, place: " at column \(name.column)"))
        }
        next = 1
        form = grammar.form
        let layer = try grammar.parse(&self)
        if next < words.count {
            let extra = words[next]
            throw failure("unexpected \"\(extra.text)\" at column \(extra.column); is a comma missing?")
        }
        return layer
    }

    /// A whole number from 1 to 1,000,000.
    mutating func size(_ meaning: String) throws -> Int {
        try value(meaning, "a size from 1 to \(Self.greatestSize)") {
            Int($0).flatMap { (1...Self.greatestSize).contains($0) ? $0 : nil }
        }
    }

    /// The next word as a value of any kind; `parse` returns nil for what is not one.
    mutating func value<Value>(_ meaning: String, _ kind: String, _ parse: (String) -> Value?) throws -> Value {
        guard next < words.count else {
            throw failure("\"\(words[0].text)\" at column \(words[0].column) needs \(meaning), as in \"\(form)\"")
        }
        let word = words[next]
        guard let value = parse(word.text) else {
            throw failure("\"\(word.text)\" at column \(word.column) is not \(kind)")
        }
        next += 1
        return value
    }

    /// Takes the next word if it is `keyword`.
    mutating func accepts(_ keyword: String) -> Bool {
        guard next < words.count, words[next].text == keyword else { return false }
        next += 1
        return true
    }

    /// The next word if `parse` takes it; nil, and nothing is taken, otherwise.
    mutating func optional<Value>(_ parse: (String) -> Value?) -> Value? {
        guard next < words.count, let value = parse(words[next].text) else { return nil }
        next += 1
        return value
    }

    private func failure(_ what: String) -> Failure { Failure(.usage, "model \"\(text)\": \(what)") }
}
