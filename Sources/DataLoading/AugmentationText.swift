import Errors

/// `shift 2, rotate 10, scale 0.9 1.1, shear 0.1, elastic 2 7, flip, erase 0.5 8, noise 8, mixup 0.2, cutmix 1`
extension Augmentation {
    package init(text: String) throws {
        self.init()
        guard text != "none" else { return }
        var seen: Set<String> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let words = part.split(separator: " ").map(String.init)
            let name = words.first ?? ""
            func failure(_ problem: String) -> Failure { Failure(.usage, "--augment \(text): \(problem)") }
            guard let change = Self.changes.first(where: { $0.name == name }) else {
                let question =
                    Spelling.nearest(to: name, in: Self.changes.map(\.name)).map { " (did you mean \($0)?)" } ?? ""
                throw failure(
                    "\"\(name)\" is unknown\(question); there are \(Self.changes.map(\.name).joined(separator: ", "))")
            }
            guard seen.insert(name).inserted else { throw failure("\(name) is there twice") }
            let values = words.dropFirst().compactMap { Double($0) }
            guard values.count == words.count - 1, values.count == change.ranges.count else {
                throw failure("\(name) takes \(change.parameters.isEmpty ? "no number" : change.parameters)")
            }
            for (value, range) in zip(values, change.ranges) where !range.contains(value) {
                throw failure("\(name) \(value) is outside \(range.lowerBound) to \(range.upperBound)")
            }
            guard !["elastic", "erase"].contains(name) || Double(Int(values[1])) == values[1] else {
                throw failure("\(name) takes \(change.parameters), the second a whole number")
            }
            guard name != "scale" || values[0] <= values[1] else { throw failure("scale takes LEAST before GREATEST") }
            change.set(&self, values)
        }
    }

    /// What `init(text:)` reads back to the same; `none` for no change.
    package var text: String {
        func number(_ value: Double) -> String {
            // Not `Int(exactly:)`: it calls libm's `trunc`. All numbers lie in 0...1,024.
            Double(Int(value)) == value ? "\(Int(value))" : "\(value)"
        }
        var parts: [String] = []
        if shift != 0 { parts.append("shift \(number(shift))") }
        if rotation != 0 { parts.append("rotate \(number(rotation))") }
        if scale != 1...1 { parts.append("scale \(number(scale.lowerBound)) \(number(scale.upperBound))") }
        if shear != 0 { parts.append("shear \(number(shear))") }
        if let elastic { parts.append("elastic \(number(elastic.amplitude)) \(elastic.spacing)") }
        if flips { parts.append("flip") }
        if let erasing { parts.append("erase \(number(erasing.probability)) \(erasing.greatestSide)") }
        if noise != 0 { parts.append("noise \(number(noise))") }
        if let alpha = mixing.mixup { parts.append("mixup \(number(alpha))") }
        if let alpha = mixing.cutmix { parts.append("cutmix \(number(alpha))") }
        return parts.isEmpty ? "none" : parts.joined(separator: ", ")
    }

    private struct Change: Sendable {
        let name: String
        /// As an error says them.
        let parameters: String
        let ranges: [ClosedRange<Double>]
        let set: @Sendable (inout Augmentation, [Double]) -> Void
    }

    private static let changes = [
        Change(name: "shift", parameters: "PIXELS", ranges: [0...256]) { $0.shift = $1[0] },
        Change(name: "rotate", parameters: "DEGREES", ranges: [0...180]) { $0.rotation = $1[0] },
        Change(name: "scale", parameters: "LEAST GREATEST", ranges: [leastScale...4, leastScale...4]) {
            $0.scale = $1[0]...$1[1]
        },
        Change(name: "shear", parameters: "SLOPE", ranges: [0...1]) { $0.shear = $1[0] },
        Change(name: "elastic", parameters: "PIXELS SPACING", ranges: [0...64, 1...256]) {
            $0.elastic = Elastic(amplitude: $1[0], spacing: Int($1[1]))
        },
        Change(name: "flip", parameters: "", ranges: []) { augmentation, _ in augmentation.flips = true },
        Change(name: "erase", parameters: "PROBABILITY SIDE", ranges: [0...1, 1...1_024]) {
            $0.erasing = Erasing(probability: $1[0], greatestSide: Int($1[1]))
        },
        Change(name: "noise", parameters: "LEVELS", ranges: [0...255]) { $0.noise = $1[0] },
        Change(name: "mixup", parameters: "ALPHA", ranges: [0.01...100]) { $0.mixing.mixup = $1[0] },
        Change(name: "cutmix", parameters: "ALPHA", ranges: [0.01...100]) { $0.mixing.cutmix = $1[0] },
    ]
}
