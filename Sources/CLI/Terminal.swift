import Communication
import Errors
import Foundation

/// What standard output can show.
struct Terminal: Sendable {
    /// Columns of the terminal; nil where lines are not to be redrawn.
    let width: Int?
    let hasColor: Bool

    /// Under a launcher a rank's output looks like a terminal whether it is one or not, so that only the width that
    /// `launch/local` passes in `LOCKSTEP_TERMINAL_WIDTH` counts.
    init(environment: [String: String]) {
        if Launcher.detect(environment: environment).isLaunched {
            width = environment["LOCKSTEP_TERMINAL_WIDTH"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
        } else if isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb" {
            var size = winsize()
            let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
            width = isKnown ? Int(size.ws_col) : 80
        } else {
            width = nil
        }
        hasColor = width != nil && (environment["NO_COLOR"] ?? "").isEmpty
    }

    func bold(_ text: String) -> String { hasColor ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
    func dim(_ text: String) -> String { hasColor ? "\u{1B}[2m\(text)\u{1B}[0m" : text }
}

/// Numbers as people read them, the same in every locale.
enum Text {
    static func fixed(_ value: Double, _ decimals: Int) -> String {
        String(format: "%.\(decimals)f", locale: nil, value)
    }

    static func percent(_ fraction: Double) -> String { fixed(fraction * 100, 2) + " %" }

    /// 75 → "1:15", 3700 → "1:01:40".
    static func clock(_ seconds: Double) -> String {
        let total = Int(min(max(seconds, 0), 1e9).rounded(.up))
        let (hours, minutes, rest) = (total / 3_600, total / 60 % 60, total % 60)
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return hours > 0 ? "\(hours):\(two(minutes)):\(two(rest))" : "\(minutes):\(two(rest))"
    }

    static func plural(_ count: Int, _ noun: String) -> String { "\(grouped(count)) \(noun)\(count == 1 ? "" : "s")" }

    static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
