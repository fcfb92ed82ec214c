/// A piece of a page. What is put into its text by interpolation is escaped, unless it is a piece itself.
package struct HTML: Sendable, Equatable, ExpressibleByStringInterpolation {
    package private(set) var text: String

    package init(stringLiteral value: String) { text = value }
    package init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        package init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity * 2) }
        package mutating func appendLiteral(_ literal: String) { text += literal }
        package mutating func appendInterpolation(_ value: String) { text += HTML.escaped(value) }
        package mutating func appendInterpolation(_ value: Int) { text += String(value) }
        package mutating func appendInterpolation(_ piece: HTML) { text += piece.text }
        package mutating func appendInterpolation(_ piece: HTML?) { text += piece?.text ?? "" }
        package mutating func appendInterpolation(_ pieces: [HTML]) { for piece in pieces { text += piece.text } }
        /// A length or a place in a drawing, to a tenth.
        package mutating func appendInterpolation(_ place: Double) { text += HTML.tenths(place) }
    }

    /// What is part of the program, not of somebody's files.
    static func trusted(_ text: String) -> HTML { HTML(stringLiteral: text) }

    static func + (left: HTML, right: HTML) -> HTML { HTML(stringLiteral: left.text + right.text) }
    static func += (left: inout HTML, right: HTML) { left.text += right.text }

    /// For text and for values of attributes in quotes. Control characters, which HTML does not allow, become U+FFFD.
    package static func escaped(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            default:
                let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
                result.unicodeScalars.append(isControl ? "\u{FFFD}" : scalar)
            }
        }
        return result
    }

    private static func tenths(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return "0" }
        let tenths = Int((value * 10).rounded())
        let (whole, rest) = (tenths.magnitude / 10, tenths.magnitude % 10)
        return (tenths < 0 ? "-" : "") + (rest == 0 ? "\(whole)" : "\(whole).\(rest)")
    }

    /// JSON for a script element: no part of it can end the element.
    package static func json(_ text: String) -> HTML {
        HTML(stringLiteral: text.split(separator: "<", omittingEmptySubsequences: false).joined(separator: "\\u003c"))
    }
}

extension [HTML] {
    package func joined(_ separator: HTML = "") -> HTML {
        HTML(stringLiteral: map(\.text).joined(separator: separator.text))
    }
}
