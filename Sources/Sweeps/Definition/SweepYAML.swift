import Errors
import Training
import Yams

/// Reads a sweep's file into nodes, and says where in it something is wrong.
struct SweepYAML {
    /// The file's name, for messages.
    let path: String

    private static let byteLimit = 1 << 20
    /// Of all nodes, those of aliases as often as they are named.
    private static let nodeLimit = 200_000
    private static let depthLimit = 32

    /// The root of a YAML or JSON text.
    ///
    /// - Throws: `Failure(.data)` for what is not YAML, and before it is expanded for what nobody writes by hand.
    func root(_ text: String) throws -> Node? {
        guard text.utf8.count <= Self.byteLimit else {
            throw Failure(.data, "\(path): \(grouped(text.utf8.count)) bytes: a sweep's file has at most 1 MiB")
        }
        guard text.utf8.contains(UInt8(ascii: "*")) else {
            let root = try compose(text)
            if let root { _ = try size(root, sizes: [:], depth: 0) }
            return root
        }
        // Aliases of aliases grow without bound, so they are looked at first as names, each `*` replaced by a letter
        // for
        // private use, with which no other scalar begins.
        guard !text.unicodeScalars.contains(Self.star) else {
            throw Failure(.data, "\(path): a character for private use (U+E000) has no place here")
        }
        let marked = text.unicodeScalars.map { $0 == "*" ? Self.star : $0 }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: marked)
        try parsing { try check(Parser(yaml: String(view))) }
        return try compose(text)
    }

    /// Anchors belong to their parser, and nodes hold them weakly.
    private func check(_ parser: Parser) throws {
        let root = try parser.singleRoot()
        try withExtendedLifetime(parser) {
            if let root { _ = try expandedSize(root) }
        }
    }

    private static let star: Unicode.Scalar = "\u{E000}"

    private func compose(_ text: String) throws -> Node? { try parsing { try Yams.compose(yaml: text) } }

    private func parsing<T>(_ body: () throws -> T) throws -> T {
        do { return try body() } catch let error as YamlError {
            if case .duplicatedKeysInMapping(let keys, let context) = error {
                throw Failure(
                    .data,
                    "\(path):\(context.mark.line):\(context.mark.column): \"\(keys[0].prefix(60))\" is there twice")
            }
            throw Failure(.data, "\(path)\(error.position): not valid YAML: \(error.problem)")
        }
    }

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
            throw failure(node, "nested more than \(Self.depthLimit) deep: a sweep's file has a few levels")
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

    /// `path:line:column`.
    func place(_ node: Node?) -> String {
        node?.mark.map { "\(path):\($0.line):\($0.column)" } ?? path
    }

    func failure(_ node: Node?, _ what: String) -> Failure { Failure(.data, "\(place(node)): \(what)") }

    /// Puts the place of a node in front of a failure that has none.
    func placed<T>(_ node: Node?, _ body: () throws -> T) throws -> T {
        do { return try body() } catch let failure as Failure {
            throw failure.message.hasPrefix("\(path):") ? failure : self.failure(node, failure.message)
        }
    }

    /// Key, its node and value, in the file's order.
    func entries(_ node: Node, _ what: String) throws -> [(name: String, key: Node, value: Node)] {
        guard case .mapping(let mapping) = node else { throw failure(node, what) }
        return try mapping.map { key, value in
            guard let name = key.scalar?.string else { throw failure(key, "a key is a name") }
            return (name, key, value)
        }
    }

    func number(_ node: Node, _ name: String) throws -> Double {
        guard let scalar = node.scalar, !scalar.isQuoted, let number = Double(scalar.string), number.isFinite else {
            throw failure(
                node, "\"\(name)\" needs a number\(node.scalar.map { ", not \"\($0.string.prefix(60))\"" } ?? "")")
        }
        return number
    }

    func wholeNumber(_ node: Node, _ name: String, from least: Int) throws -> Int {
        guard let scalar = node.scalar, let number = Int(scalar.string), number >= least, number < 1 << 50 else {
            throw failure(node, "\"\(name)\" needs a whole number from \(least)")
        }
        return number
    }
}

extension Node.Scalar {
    var isQuoted: Bool { style == .singleQuoted || style == .doubleQuoted }
}

extension YamlError {
    /// `:LINE:COLUMN` where the parser knows it.
    fileprivate var position: String {
        switch self {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _):
            ":\(mark.line):\(mark.column)"
        default: ""
        }
    }
}
