import Errors
import Foundation

/// Numbers as the page writes them, the same in every locale.
package enum PageText {
    static let none = "–"

    /// `digits` significant ones.
    package static func number(_ value: Double?, _ digits: Int = 4) -> String {
        guard let value else { return none }
        guard value.isFinite else { return value.isNaN ? "not a number" : value > 0 ? "∞" : "−∞" }
        if value == value.rounded(), abs(value) < 1e15 { return grouped(Int(value)) }
        return String(format: "%.\(digits)g", locale: nil, value)
    }

    package static func fixed(_ value: Double?, _ decimals: Int) -> String {
        guard let value, value.isFinite else { return number(value) }
        return String(format: "%.\(decimals)f", locale: nil, value)
    }

    package static func percent(_ fraction: Double?, _ decimals: Int = 2) -> String {
        guard let fraction else { return none }
        return fixed(fraction * 100, decimals) + "\u{a0}%"
    }

    /// 75.3 → "1 min 15 s".
    package static func duration(_ seconds: Double?) -> String {
        guard let seconds, seconds.isFinite, seconds >= 0 else { return none }
        guard seconds >= 60 else { return "\(number(seconds, 3)) s" }
        let total = Int(min(seconds, 1e9).rounded())
        let (hours, minutes, rest) = (total / 3_600, total / 60 % 60, total % 60)
        return hours > 0 ? "\(hours) h \(minutes) min" : "\(minutes) min \(rest) s"
    }

    package static func plural(_ count: Int, _ noun: String) -> String {
        "\(grouped(count)) \(noun)\(count == 1 ? "" : "s")"
    }

    /// As a shell reads it back.
    package static func shellWord(_ text: String) -> String {
        let plain = text.unicodeScalars.allSatisfy { scalar in
            scalar.isASCII && (scalar.properties.isAlphabetic || "0123456789_-./:=,+@%".unicodeScalars.contains(scalar))
        }
        guard !plain || text.isEmpty else { return text }
        return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
