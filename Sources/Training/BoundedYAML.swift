import Errors
import Yams

/// Composes YAML that a person may have written: aliases of aliases grow without bound, so they are counted before they are
/// expanded.
package struct BoundedYAML {
    /// The file's name, for messages.
    package let path: String
    /// What the file is, for messages: "a sweep's file".
    package let subject: String

    private static let byteLimit = 1 << 20
    /// Of all nodes, those of aliases as often as they are named.
    private static let nodeLimit = 200_000
    private static let depthLimit = 32

    package init(path: String, subject: String) { (self.path, self.subject) = (path, subject) }

    /// The root of a YAML or JSON text.
    ///
    /// - Throws: `YamlError` for what is not YAML; `Failure(.data)`, before it is expanded, for what nobody writes by hand.
    package func root(_ text: String) throws -> Node? {
        guard text.utf8.count <= Self.byteLimit else {
            throw Failure(.data, "\(path): \(grouped(text.utf8.count)) bytes: \(subject) has at most 1 MiB")
        }
        guard text.utf8.contains(UInt8(ascii: "*")) else {
            let root = try Yams.compose(yaml: text)
            if let root { _ = try size(root, sizes: [:], depth: 0) }
            return root
        }
        // Aliases are looked at first as names, each `*` replaced by a letter for private use, with which no other scalar
        // begins.
        guard !text.unicodeScalars.contains(Self.star) else {
            throw Failure(.data, "\(path): a character for private use (U+E000) has no place here")
        }
        let marked = text.unicodeScalars.map { $0 == "*" ? Self.star : $0 }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: marked)
        try check(Parser(yaml: String(view)))
        return try Yams.compose(yaml: text)
    }

    /// Anchors belong to their parser, and nodes hold them weakly.
    private func check(_ parser: Parser) throws {
        let root = try parser.singleRoot()
        try withExtendedLifetime(parser) {
            if let root { _ = try expandedSize(root) }
        }
    }

    private static let star: Unicode.Scalar = "\u{E000}"

    /// The nodes of a tree whose aliases are names yet, with those they stand for.
    private func expandedSize(_ root: Node) throws -> Int {
        var sizes: [String: Int] = [:]
        return try size(root, sizes: &sizes, depth: 0)
    }

    private func size(_ node: Node, sizes: [String: Int], depth: Int) throws -> Int {
        var sizes = sizes
        return try size(node, sizes: &sizes, depth: depth)
    }

    private func size(_ node: Node, sizes: inout [String: Int], depth: Int) throws -> Int {
        guard depth <= Self.depthLimit else {
            throw failure(node, "nested more than \(Self.depthLimit) deep: \(subject) has a few levels")
        }
        var count = 1
        switch node {
        case .scalar(let scalar):
            if scalar.string.unicodeScalars.first == Self.star, scalar.style == .plain {
                let name = String(scalar.string.unicodeScalars.dropFirst())
                guard let size = sizes[name] else {
                    throw failure(node, "an alias is *name alone, of an anchor (&name) that stands before it")
                }
                count = size
            }
        case .sequence(let list): for item in list { count += try size(item, sizes: &sizes, depth: depth + 1) }
        case .mapping(let mapping):
            for (key, value) in mapping {
                guard case .scalar(let name) = key, name.string.unicodeScalars.first != Self.star else {
                    throw failure(key, "a key is a name, not a list, a mapping or an alias")
                }
                count += 1
                count += try size(value, sizes: &sizes, depth: depth + 1)
            }
        case .alias: break
        }
        guard count <= Self.nodeLimit else {
            throw failure(node, "more than \(grouped(Self.nodeLimit)) values, aliases (*name) written out")
        }
        if let anchor = node.anchor { sizes[anchor.rawValue] = count }
        return count
    }

    private func failure(_ node: Node, _ what: String) -> Failure {
        Failure(.data, "\(node.mark.map { "\(path):\($0.line):\($0.column)" } ?? path): \(what)")
    }
}
