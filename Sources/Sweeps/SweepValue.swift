import Errors
import Foundation
import Training
import Yams

/// One value of a parameter: what the option is given, and what JSON and comparisons make of it.
package struct SweepValue: Sendable {
    enum Kind: Hashable, Sendable {
        /// The option is not given.
        case null
        case number(Double)
        case other(String)
    }

    /// As written; for a list, as the option takes it.
    package let text: String
    let kind: Kind
    /// Where the file says it.
    let place: String

    /// - Throws: `Failure(.data)` for what an option cannot take.
    init(_ node: Node, option: String, place: String) throws {
        guard !node.isNull else {
            self.init(text: "none", kind: .null, place: place)
            return
        }
        guard let text = try TrainingOptions.text(of: node, option: option) else {
            throw Failure(.data, "\"\(option)\": a value must be a text, a number or a list of such")
        }
        let style = node.scalar?.style ?? .doubleQuoted
        let isQuoted = style == .singleQuoted || style == .doubleQuoted
        self.init(text, isQuoted: isQuoted, place: place)
    }

    init(_ text: String, isQuoted: Bool = false, place: String) {
        // YAML 1.1 takes 1e-3 for a text; nobody means that.
        let isNumeric = text.first.map { "+-.0123456789".contains($0) } ?? false
        if !isQuoted && isNumeric, let number = Double(text), number.isFinite {
            self.init(text: text, kind: .number(number), place: place)
        } else {
            self.init(text: text, kind: .other(text), place: place)
        }
    }

    /// As the trial store holds it.
    package init(text: String, number: Double?, isNull: Bool) {
        self.init(text: text, kind: isNull ? .null : number.map { .number($0) } ?? .other(text), place: "")
    }

    private init(text: String, kind: Kind, place: String) {
        self.text = text
        self.kind = kind
        self.place = place
    }

    /// The option is not given.
    static let none = SweepValue(text: "none", kind: .null, place: "")

    package var isNull: Bool { kind == .null }

    /// For people: a number that was drawn has up to 17 digits, of which four say what it is.
    package var shortText: String {
        guard let number, text.count > 8, number != number.rounded() else { return text }
        return String(format: "%.4g", locale: nil, number)
    }

    /// For curves; nil for what is no number.
    package var number: Double? {
        guard case .number(let number) = kind else { return nil }
        return number
    }
}

/// 1 and 1.0 are the same value, as they are for wandb.
extension SweepValue: Hashable {
    package static func == (left: SweepValue, right: SweepValue) -> Bool { left.kind == right.kind }
    package func hash(into hasher: inout Hasher) { hasher.combine(kind) }
}

extension SweepValue: Encodable {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch kind {
        case .null: try container.encodeNil()
        case .number(let number):
            if let whole = Int(text) { try container.encode(whole) } else { try container.encode(number) }
        case .other(let text): try container.encode(text)
        }
    }
}

extension SweepValue {
    /// A number that was drawn.
    package init(number: Double) {
        let whole = Int(exactly: number).flatMap { abs($0) < 1 << 53 ? "\($0)" : nil }
        self.init(whole ?? "\(number)", place: "")
    }

    /// A text, a number where it reads as one.
    package init(_ text: String) { self.init(text, place: "") }
}
