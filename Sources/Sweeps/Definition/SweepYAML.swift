import Errors
import Training
import Yams

/// Reads a sweep's file into nodes, and says where in it something is wrong.
struct SweepYAML {
    /// The file's name, for messages.
    let path: String

    /// The root of a YAML or JSON text.
    ///
    /// - Throws: `Failure(.data)` for what is not YAML, and before it is expanded for what nobody writes by hand.
    func root(_ text: String) throws -> Node? {
        try parsing { try BoundedYAML(path: path, subject: "a sweep's file").root(text) }
    }

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
