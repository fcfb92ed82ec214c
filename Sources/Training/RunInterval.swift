import Errors
import Foundation

/// How much of a run, in its own measure or by the clock: `500steps`, `2epochs`, `30s`, `5min`, `2h`.
package enum RunInterval: Hashable, Sendable {
    case steps(Int)
    case epochs(Int)
    case seconds(Double)

    private static let secondsOfUnit: [(names: [String], seconds: Double)] = [
        (["ms"], 0.001), (["s", "sec", "second", "seconds"], 1), (["min", "minute", "minutes"], 60),
        (["h", "hour", "hours"], 3_600),
    ]

    /// - Throws: `Failure(.usage)` that begins with the option's name.
    package init(_ text: String, option: String) throws {
        let number = text.prefix { $0.isNumber || $0 == "." }
        let unit = text.dropFirst(number.count).trimmingCharacters(in: .whitespaces)
        func wrong(_ what: String) -> Failure {
            Failure(.usage, "--\(option) \"\(text)\": \(what), as in 500steps, 2epochs, 30s or 5min")
        }
        if ["step", "steps", "epoch", "epochs"].contains(unit) {
            guard let count = Int(number), count >= 1, count <= 1 << 40 else {
                throw wrong("a whole number from 1 is needed")
            }
            self = unit.hasPrefix("step") ? .steps(count) : .epochs(count)
            return
        }
        guard let known = Self.secondsOfUnit.first(where: { $0.names.contains(unit) }) else {
            throw wrong(unit.isEmpty ? "a unit is missing" : "the unit \"\(unit)\" is unknown")
        }
        guard let value = Double(number), value > 0, value < 1e9 else { throw wrong("a number above 0 is needed") }
        self = .seconds(value * known.seconds)
    }

    package var text: String {
        switch self {
        case .steps(let count): "\(count)steps"
        case .epochs(let count): "\(count)epochs"
        case .seconds(let value): "\(value)s"
        }
    }
}

/// When checkpoints are written besides the last one, and how many stay.
package struct CheckpointPolicy: Hashable, Sendable {
    /// Nil for the last one only.
    package var interval: RunInterval?
    /// Of the newest; the best is kept besides.
    package var keptCount: Int

    package init(interval: RunInterval? = .epochs(1), keptCount: Int = 3) {
        self.interval = interval
        self.keptCount = keptCount
    }

    package static let never = "never"
    package var intervalText: String { interval?.text ?? Self.never }
}
