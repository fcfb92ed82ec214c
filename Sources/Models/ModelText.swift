import Errors

/// The grammar of `--model`: layers separated by commas, each a name and its sizes.
///
///     model = layer { "," layer }
///     layer = "dense" size | "relu"
///     size  = a whole number from 1 to 1,000,000
///
/// Case and white space do not matter: `"dense 128, relu, dense 10"`.
package enum ModelText {
    package static let layerNames = ["dense", "relu"]
    private static let greatestSize = 1_000_000

    /// - Throws: `Failure(.usage)` that names the wrong word and its column, counted from 1.
    package static func parse(_ text: String) throws -> [LayerDescription] {
        var layers: [LayerDescription] = []
        var column = 1
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            layers.append(try parseLayer(words(of: part, column: column), column: column, in: text))
            column += part.count + 1
        }
        return layers
    }

    /// The text that `parse` reads as `layers`.
    package static func text(of layers: [LayerDescription]) -> String {
        layers.map(\.text).joined(separator: ", ")
    }

    private struct Word {
        let text: String
        let column: Int
    }

    private static func words(of part: Substring, column: Int) -> [Word] {
        part.split(whereSeparator: \.isWhitespace).map { word in
            Word(text: word.lowercased(), column: column + part.distance(from: part.startIndex, to: word.startIndex))
        }
    }

    private static func parseLayer(_ words: [Word], column: Int, in text: String) throws -> LayerDescription {
        guard let name = words.first else {
            throw failure("a layer is missing at column \(column)", in: text)
        }
        let layer: LayerDescription
        let wordCount: Int
        switch name.text {
        case "dense":
            layer = .dense(outputFeatures: try size(words, after: name, in: text))
            wordCount = 2
        case "relu":
            layer = .relu
            wordCount = 1
        default:
            let near = Spelling.nearest(to: name.text, in: layerNames).map { "; did you mean \"\($0)\"?" } ?? ""
            let known = layerNames.joined(separator: ", ")
            throw failure("unknown layer \"\(name.text)\" at column \(name.column)\(near) (known: \(known))", in: text)
        }
        if words.count > wordCount {
            let extra = words[wordCount]
            throw failure("unexpected \"\(extra.text)\" at column \(extra.column); is a comma missing?", in: text)
        }
        return layer
    }

    private static func size(_ words: [Word], after name: Word, in text: String) throws -> Int {
        guard words.count > 1 else {
            throw failure(
                "\"\(name.text)\" at column \(name.column) needs a size, as in \"\(name.text) 128\"", in: text)
        }
        guard let size = Int(words[1].text), (1...greatestSize).contains(size) else {
            throw failure(
                "\"\(words[1].text)\" at column \(words[1].column) is not a size from 1 to \(greatestSize)", in: text)
        }
        return size
    }

    private static func failure(_ what: String, in text: String) -> Failure {
        Failure(.usage, "model \"\(text)\": \(what)")
    }
}
