import Errors

/// The grammar of `--model`: layers separated by commas, each a name and its sizes. `LayerGrammar.all` is the table.
///
///     model = layer { "," layer }
///
/// Braces hold a model inside of a layer. Case and white space do not matter: `"dense 128, relu, dense 10"`.
package enum ModelText {
    /// Of a text, and of blocks in blocks: a file may be anybody's, and reading it ends soon.
    private static let greatestByteCount = 65_536
    private static let greatestDepth = 32

    package static var layerNames: [String] { LayerGrammar.all.map(\.name) }

    /// What to say of a name that is no layer's. `place` follows it.
    static func unknownLayer(_ name: String, place: String = "") -> String {
        let names = layerNames
        let near = Spelling.nearest(to: name, in: names).map { "; did you mean \"\($0)\"?" } ?? ""
        return "unknown layer \"\(name)\"\(place)\(near) (known: \(names.joined(separator: ", ")))"
    }

    /// - Throws: `Failure(.usage)` that names the wrong word and its column, counted from 1.
    package static func parse(_ text: String) throws -> [LayerDescription] {
        guard text.utf8.count <= greatestByteCount else {
            throw Failure(.usage, "model: a text of \(text.utf8.count) bytes, where \(greatestByteCount) are the most")
        }
        return try parse(text[...], column: 1, text: text)
    }

    /// A part of `text` that begins at `column`.
    static func parse(_ part: Substring, column: Int, text: String) throws -> [LayerDescription] {
        var layers: [LayerDescription] = []
        var rest = part
        var column = column
        while true {
            let end = try topLevelComma(in: rest, column: column, text: text)
            var words = LayerWords(rest[..<(end ?? rest.endIndex)], column: column, text: text)
            layers.append(try words.layer())
            guard let end else { return layers }
            column += rest.distance(from: rest.startIndex, to: end) + 1
            rest = rest[rest.index(after: end)...]
        }
    }

    /// The first comma outside of braces.
    private static func topLevelComma(in part: Substring, column: Int, text: String) throws -> String.Index? {
        var open: [Int] = []
        for (offset, index) in part.indices.enumerated() {
            switch part[index] {
            case "{" where open.count == greatestDepth:
                throw Failure(
                    .usage,
                    "model \"\(text)\": \"{\" at column \(column + offset) is inside of \(greatestDepth) others, the most"
                )
            case "{": open.append(column + offset)
            case "}" where open.isEmpty:
                throw Failure(.usage, "model \"\(text)\": \"}\" at column \(column + offset) closes nothing")
            case "}": open.removeLast()
            case "," where open.isEmpty: return index
            default: break
            }
        }
        guard let first = open.first else { return nil }
        throw Failure(.usage, "model \"\(text)\": \"{\" at column \(first) is not closed")
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
        LayerGrammar(name: "conv-transpose", form: "conv-transpose CHANNELS SIZE [stride N] [padding N]") {
            try .convolutionTranspose(&$0)
        },
        LayerGrammar(name: "flatten", form: "flatten") { _ in .flatten },
        LayerGrammar(name: "reshape", form: "reshape HEIGHTxWIDTHxCHANNELS") { try .reshape(&$0) },
        LayerGrammar(name: "batchnorm", form: "batchnorm") { _ in .batchNorm },
        LayerGrammar(name: "layernorm", form: "layernorm") { _ in .layerNorm },
        LayerGrammar(name: "softmax", form: "softmax") { _ in .softmax },
        dropout, residual,
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
        var place = (index: part.startIndex, column: column)
        words = Self.split(part).map { word in
            place = (word.startIndex, place.column + part.distance(from: place.index, to: word.startIndex))
            return Word(text: word.first == "{" ? String(word) : word.lowercased(), column: place.column)
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

    /// At white space; what stands in braces is one word with them.
    private static func split(_ part: Substring) -> [Substring] {
        var words: [Substring] = []
        var begin: String.Index?
        var depth = 0
        for index in part.indices {
            let character = part[index]
            if depth == 0, character.isWhitespace || character == "{", let first = begin {
                words.append(part[first..<index])
                begin = nil
            }
            if begin == nil && !character.isWhitespace { begin = index }
            if character == "{" { depth += 1 }
            guard character == "}", let first = begin else { continue }
            depth -= 1
            if depth == 0 {
                words.append(part[first...index])
                begin = nil
            }
        }
        if let begin { words.append(part[begin...]) }
        return words
    }

    /// The layers in the braces that come next.
    mutating func block(_ meaning: String) throws -> [LayerDescription] {
        let column = next < words.count ? words[next].column : 0
        let inner = try value(meaning, "layers in braces, such as { dense 64, relu }") { word -> Substring? in
            word.first == "{" ? word.dropFirst().dropLast() : nil
        }
        return try ModelText.parse(inner, column: column + 1, text: text)
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
