import Errors
import Models
import Yams

extension TrainingOptions {
    /// The option of a name as a file spells it: Python's spelling is welcome, batch_size is batch-size.
    ///
    /// - Throws: `Failure(.data)` with the nearest name.
    package static func optionName(_ written: String) throws -> String {
        let name = written.replacingOccurrences(of: "_", with: "-")
        guard !keys.contains(where: { $0.name == name }) else { return name }
        let near = Spelling.nearest(to: name, in: keys.map(\.name)).map { "; did you mean \"\($0)\"?" } ?? ""
        throw Failure(.data, "unknown option \"\(written)\"\(near)")
    }

    /// Sets one option from a value's text; false where that is not of the option's type. `place`, where the text
    /// stands,
    /// begins the messages about it.
    package mutating func set(_ option: String, _ text: String, at place: String) -> Bool {
        guard let key = Self.keys.first(where: { $0.name == option }), key.parse(&self, text) else { return false }
        places[option] = place
        return true
    }

    /// Of every option that a file may hold.
    package static var optionNames: [String] { keys.map(\.name) }

    package static func typeName(of option: String) -> String { keys.first { $0.name == option }?.typeName ?? "" }

    /// What was said, in the order of the table.
    package var given: [(option: String, text: String)] {
        Self.keys.compactMap { key in key.text(self).map { (key.name, $0) } }
    }

    /// The text that an option takes for a value of a file: of a scalar its own, of a list for `model` its layers, of
    /// any
    /// other list its scalars with commas, so that `hidden-size: [256, 128]` is 256,128. Nil for other values.
    package static func text(of value: Node, option: String) throws -> String? {
        switch value {
        case .scalar(let scalar): return scalar.string
        case .sequence(let list) where option == "model": return try ModelDescription(list).modelText()
        case .sequence(let list):
            let words = list.compactMap { $0.scalar?.string }
            return words.count == list.count ? words.joined(separator: ",") : nil
        default: return nil
        }
    }
}

extension ModelDescription {
    /// - Throws: `Failure(.data)` for what is neither a scalar, a list nor a mapping with names.
    fileprivate init(_ node: Node) throws {
        switch node {
        case .scalar(let scalar): self = .scalar(node.isNull ? "" : scalar.string)
        case .sequence(let list): try self.init(list)
        case .mapping(let mapping):
            self = .mapping(
                try mapping.map { key, value in
                    guard let name = key.scalar?.string else { throw Failure(.data, "model: a name is needed") }
                    return Field(name, try ModelDescription(value))
                })
        case .alias: throw Failure(.data, "model: an alias (*name) without its anchor")
        }
    }

    fileprivate init(_ list: Node.Sequence) throws { self = .list(try list.map { try ModelDescription($0) }) }
}

extension Node {
    /// `null`, `~` or nothing.
    package var isNull: Bool { Resolver.default.resolveTag(of: self) == .null }
}
