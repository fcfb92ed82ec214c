import Foundation

/// Numbers as an explanation writes them.
package enum Numbers {
    /// Those that have few decimals as they are, such as 0.15; others with nine decimals; small ones with an exponent.
    package static func text(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "not a number" : value < 0 ? "-∞" : "∞" }
        if value == 0 { return "0" }
        let short = String(format: "%.6g", locale: nil, value)
        // 0.3925 may be 0.39250000000000002 behind a sum.
        if let rounded = Double(short), (rounded - value).magnitude <= 1e-14 * value.magnitude { return short }
        let size = value.magnitude
        return size < 1e-4 || size >= 1e9
            ? String(format: "%.9g", locale: nil, value) : fixed(value, 9)
    }

    /// As a factor or a term: a negative number in parentheses.
    static func factor(_ value: Double) -> String { value < 0 ? "(\(text(value)))" : text(value) }

    static func fixed(_ value: Double, _ decimals: Int) -> String {
        String(format: "%.\(decimals)f", locale: nil, value)
    }
}
