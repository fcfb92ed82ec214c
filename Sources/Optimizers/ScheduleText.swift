import Errors

/// The grammar of `--schedule` and `--warmup`: a name and its numbers, separated by white space. Those in brackets may
/// be left out.
///
///     schedule = "constant" | "step" EPOCHS [GAMMA = 0.1] | "exponential" GAMMA | "cosine" [MINIMUM = 0]
///              | "one-cycle" [MAXIMUM [INCREASING = 0.3 [INITIAL_DIVISOR = 25 [FINAL_DIVISOR = 10000]]]]
///              | "plateau" [FACTOR = 0.1 [PATIENCE = 10 [THRESHOLD = 0.0001]]]
///     warmup   = COUNT "steps" | COUNT "epochs"
package enum ScheduleText {
    /// This table is what `--schedule` offers, what the tests run and what the documentation lists.
    package static let names = ["constant", "step", "exponential", "cosine", "one-cycle", "plateau"]

    /// - Throws: `Failure(.usage)` that names the wrong word and its column, counted from 1.
    package static func parse(_ text: String) throws -> ScheduleDescription {
        var words = Words(option: "schedule", text)
        guard let name = words.next() else { throw words.failure("a name is missing (\(known))") }
        let result: ScheduleDescription
        switch name.text {
        case "constant": result = .constant
        case "step":
            result = .step(
                epochs: try words.count("epochs", from: 1), gamma: try words.number("gamma", 0...1, default: 0.1))
        case "exponential": result = .exponential(gamma: try words.number("gamma", 0...1))
        case "cosine": result = .cosine(minimum: try words.number("minimum", 0...1e6, default: 0))
        case "one-cycle":
            result = .oneCycle(
                maximum: try words.optionalNumber("maximum learning rate", 1e-30...1e6),
                increasing: try words.number("share of increasing steps", 0...1, default: 0.3),
                initialDivisor: try words.number("initial divisor", 1...1e12, default: 25),
                finalDivisor: try words.number("final divisor", 1...1e12, default: 1e4))
        case "plateau":
            // A factor of 1 would never change anything.
            result = .plateau(
                factor: try words.number("factor", 0...0.999_999, default: 0.1),
                patience: try words.count("patience", from: 0, default: 10),
                threshold: try words.number("threshold", 0...1, default: 1e-4))
        default:
            let near = Spelling.nearest(to: name.text, in: names).map { "; did you mean \"\($0)\"?" } ?? ""
            throw words.failure("unknown \"\(name.text)\" at column \(name.column)\(near) (\(known))")
        }
        try words.end()
        return result
    }

    /// The text that `parse` reads as `schedule`.
    package static func text(of schedule: ScheduleDescription) -> String {
        switch schedule {
        case .constant: "constant"
        case .step(let epochs, let gamma): "step \(epochs) \(gamma)"
        case .exponential(let gamma): "exponential \(gamma)"
        case .cosine(let minimum): "cosine \(minimum)"
        case .oneCycle(nil, _, _, _): "one-cycle"
        case .oneCycle(let maximum?, let increasing, let initialDivisor, let finalDivisor):
            "one-cycle \(maximum) \(increasing) \(initialDivisor) \(finalDivisor)"
        case .plateau(let factor, let patience, let threshold): "plateau \(factor) \(patience) \(threshold)"
        }
    }

    package static func parseWarmUp(_ text: String) throws -> WarmUp {
        // "500steps" and "500 steps" are the same.
        let digits = text.prefix { $0.isNumber || $0 == " " }
        var words = Words(option: "warmup", digits + " " + text.dropFirst(digits.count))
        let count = try words.count("number", from: 1)
        guard let unit = words.next(), ["step", "steps", "epoch", "epochs"].contains(unit.text) else {
            throw words.failure("\"steps\" or \"epochs\" is missing at column \(digits.count + 1), as in \"500steps\"")
        }
        try words.end()
        return unit.text.hasPrefix("step") ? .steps(count) : .epochs(count)
    }

    package static func text(of warmUp: WarmUp) -> String {
        switch warmUp {
        case .steps(let count): "\(count)steps"
        case .epochs(let count): "\(count)epochs"
        }
    }

    private static var known: String { "known: \(names.joined(separator: ", "))" }
}

/// Words of an option's text, each with its column counted from 1.
private struct Words {
    struct Word {
        let text: String
        let column: Int
    }

    private let option: String
    private let text: String
    private var rest: ArraySlice<Word>
    private var name = ""

    init(option: String, _ text: some StringProtocol) {
        self.option = option
        self.text = String(text)
        rest = ArraySlice(
            text.split(whereSeparator: \.isWhitespace).map {
                Word(text: $0.lowercased(), column: text.distance(from: text.startIndex, to: $0.startIndex) + 1)
            })
    }

    mutating func next() -> Word? {
        let word = rest.popFirst()
        if name.isEmpty { name = word?.text ?? "" }
        return word
    }

    mutating func optionalNumber(_ what: String, _ range: ClosedRange<Double>) throws -> Double? {
        guard let word = next() else { return nil }
        guard let value = Double(word.text), range.contains(value) else {
            throw failure(
                "\"\(word.text)\" at column \(word.column) is no \(what) from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return value
    }

    mutating func number(
        _ what: String, _ range: ClosedRange<Double>, default standard: Double? = nil
    ) throws -> Double {
        guard let value = try optionalNumber(what, range) ?? standard else {
            throw failure("\"\(name)\" needs a \(what) at column \(text.count + 1)")
        }
        return value
    }

    mutating func count(_ what: String, from least: Int, default standard: Int? = nil) throws -> Int {
        guard let word = next() else {
            guard let standard else { throw failure("a number (\(what)) is missing at column \(text.count + 1)") }
            return standard
        }
        guard let value = Int(word.text), (least...1 << 40).contains(value) else {
            throw failure("\"\(word.text)\" at column \(word.column) is no whole number (\(what)) from \(least)")
        }
        return value
    }

    func end() throws {
        guard let extra = rest.first else { return }
        throw failure("unexpected \"\(extra.text)\" at column \(extra.column)")
    }

    func failure(_ what: String) -> Failure { Failure(.usage, "\(option) \"\(text)\": \(what)") }
}
