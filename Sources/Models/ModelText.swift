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
            let near = closest(to: name.text).map { "; did you mean \"\($0)\"?" } ?? ""
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

    private static func closest(to name: String) -> String? {
        let candidates = layerNames.map { ($0, editDistance($0, name)) }
        guard let best = candidates.min(by: { $0.1 < $1.1 }), best.1 <= 2 else { return nil }
        return best.0
    }

    /// Levenshtein's distance, with a swap of neighbours counted once.
    static func editDistance(_ first: String, _ second: String) -> Int {
        let a = Array(first)
        let b = Array(second)
        var table = [[Int]](repeating: [Int](repeating: 0, count: b.count + 1), count: a.count + 1)
        for i in 0...a.count { table[i][0] = i }
        for j in 0...b.count { table[0][j] = j }
        for i in a.indices {
            for j in b.indices {
                let substitution = table[i][j] + (a[i] == b[j] ? 0 : 1)
                table[i + 1][j + 1] = min(table[i][j + 1] + 1, table[i + 1][j] + 1, substitution)
                if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                    table[i + 1][j + 1] = min(table[i + 1][j + 1], table[i - 1][j - 1] + 1)
                }
            }
        }
        return table[a.count][b.count]
    }
}
