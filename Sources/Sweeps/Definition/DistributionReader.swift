import Errors
import Foundation
import Numerics
import Yams

/// What a parameter's mapping says about its values: wandb's 18 distributions with its defaults.
struct DistributionReader {
    enum Kind: String, CaseIterable {
        case constant, categorical
        case categoricalWithProbabilities = "categorical_w_probabilities"
        case intUniform = "int_uniform"
        case uniform
        case qUniform = "q_uniform"
        case logUniform = "log_uniform"
        case logUniformValues = "log_uniform_values"
        case qLogUniform = "q_log_uniform"
        case qLogUniformValues = "q_log_uniform_values"
        case invLogUniform = "inv_log_uniform"
        case invLogUniformValues = "inv_log_uniform_values"
        case normal
        case qNormal = "q_normal"
        case logNormal = "log_normal"
        case qLogNormal = "q_log_normal"
        case beta
        case qBeta = "q_beta"

        /// Fields that must be there, and others that may.
        var fields: (needed: [String], other: [String]) {
            switch self {
            case .constant: (["value"], [])
            case .categorical: (["values"], [])
            case .categoricalWithProbabilities: (["values", "probabilities"], [])
            case .intUniform, .uniform, .logUniform, .logUniformValues, .invLogUniform, .invLogUniformValues:
                (["min", "max"], [])
            case .qUniform, .qLogUniform, .qLogUniformValues: (["min", "max"], ["q"])
            case .normal, .logNormal: ([], ["mu", "sigma"])
            case .qNormal, .qLogNormal: ([], ["mu", "sigma", "q"])
            case .beta: ([], ["a", "b"])
            case .qBeta: ([], ["a", "b", "q"])
            }
        }
    }

    let file: SweepYAML
    /// The parameter's, with its groups.
    let name: String
    let key: Node
    let mapping: Node.Mapping

    private static let fields = [
        "distribution", "value", "values", "probabilities", "min", "max", "q", "mu", "sigma", "a", "b",
    ]

    /// The distribution that is said, or that the fields imply.
    func kind() throws -> Kind {
        let keys: [String] = mapping.keys.compactMap { $0.scalar?.string }
        for (node, _) in mapping {
            let field = node.scalar?.string ?? ""
            guard !Self.fields.contains(field) else { continue }
            let near = Spelling.nearest(to: field, in: Self.fields).map { "; did you mean \"\($0)\"?" } ?? ""
            throw file.failure(node, "\"\(name)\": unknown field \"\(field.prefix(60))\"\(near)")
        }
        let kind: Kind
        if let node = mapping["distribution"] {
            let written = node.scalar?.string ?? ""
            guard let named = Kind(rawValue: written) else {
                let names = Kind.allCases.map(\.rawValue)
                let near = Spelling.nearest(to: written, in: names).map { "; did you mean \($0)?" } ?? ""
                throw file.failure(
                    node,
                    "\"\(name)\": distribution \"\(written.prefix(60))\" is unknown; it may be "
                        + "\(names.joined(separator: ", "))\(near)")
            }
            kind = named
        } else if keys.contains("value") {
            kind = .constant
        } else if keys.contains("values") {
            kind = keys.contains("probabilities") ? .categoricalWithProbabilities : .categorical
        } else if keys.contains("min") || keys.contains("max") {
            guard !keys.contains("q") else {
                throw file.failure(
                    key, "\"\(name)\": with \"q\" say which distribution, such as distribution: q_uniform")
            }
            kind = isWhole("min") && isWhole("max") ? .intUniform : .uniform
        } else if keys.contains(where: { ["mu", "sigma", "a", "b"].contains($0) }) {
            throw file.failure(key, "\"\(name)\": say which distribution, such as distribution: normal")
        } else {
            throw file.failure(
                key, "\"\(name)\" needs \"value\", or \"values\" with a list that is not empty, or \"min\" and \"max\"")
        }
        let (needed, other) = kind.fields
        for field in needed where mapping[field] == nil {
            throw file.failure(key, "\"\(name)\": distribution \(kind.rawValue) needs \"\(field)\", which is missing")
        }
        for (node, _) in mapping {
            let field = node.scalar?.string ?? ""
            guard field == "distribution" || needed.contains(field) || other.contains(field) else {
                let takes = (needed + other).map { "\"\($0)\"" }.joined(separator: ", ")
                throw file.failure(
                    node,
                    "\"\(name)\": \"\(field)\" has no meaning for distribution \(kind.rawValue), which takes \(takes)")
            }
        }
        return kind
    }

    /// As wandb tells whole numbers from others: 1 is one and 1.0 is not.
    private func isWhole(_ field: String) -> Bool {
        mapping[field]?.scalar.map { Int($0.string) != nil } ?? true
    }

    /// Nodes of the values of a list or of a constant; nil for a range.
    func valueNodes(_ kind: Kind) throws -> [Node]? {
        switch kind {
        case .constant: return [mapping["value"]!]
        case .categorical, .categoricalWithProbabilities:
            guard case .sequence(let list) = mapping["values"], !list.isEmpty else {
                throw file.failure(
                    mapping["values"], "\"\(name)\" needs \"values\" with a list that is not empty, as in [1, 2]")
            }
            return Array(list)
        default: return nil
        }
    }

    func probabilities(_ kind: Kind, count: Int) throws -> [Double]? {
        guard kind == .categoricalWithProbabilities, let node = mapping["probabilities"] else { return nil }
        guard case .sequence(let list) = node, list.count == count else {
            throw file.failure(node, "\"\(name)\": \"probabilities\" needs a number for each of the \(count) values")
        }
        let numbers = try list.map { node in
            let number = try file.number(node, "probabilities")
            guard number >= 0 else { throw file.failure(node, "\"\(name)\": probability \(number) is negative") }
            return number
        }
        let sum = numbers.reduce(0, +)
        guard abs(sum - 1) <= 1e-5 else {
            throw file.failure(node, "\"\(name)\": the probabilities sum to \(sum), not to 1")
        }
        return numbers
    }

    func distribution(_ kind: Kind) throws -> Distribution {
        switch kind {
        case .constant, .categorical, .categoricalWithProbabilities:
            preconditionFailure("DistributionReader: \(kind) is no range")
        case .intUniform:
            let bounds = try ["min", "max"].map { field in
                guard let text = mapping[field]?.scalar?.string, let number = Int(text), abs(number) < 1 << 50 else {
                    throw file.failure(
                        mapping[field],
                        "\"\(name)\": int_uniform needs whole numbers; \"\(field)\" is none: give whole "
                            + "numbers, or use distribution: uniform")
                }
                return number
            }
            try checkOrder(Double(bounds[0]), Double(bounds[1]))
            return Distribution(.whole(min: bounds[0], max: bounds[1]))
        case .uniform, .qUniform:
            let (low, high) = try bounds()
            return Distribution(.uniform(min: low, max: high), step: try step(kind))
        case .logUniform, .qLogUniform:
            let (low, high) = try exponents()
            return Distribution(.logUniform(min: low, max: high), step: try step(kind))
        case .invLogUniform:
            let (low, high) = try exponents()
            return Distribution(.logUniform(min: -high, max: -low))
        case .logUniformValues, .qLogUniformValues, .invLogUniformValues:
            let (low, high) = try bounds()
            guard low > 0 else {
                throw file.failure(mapping["min"], "\"\(name)\": \"min\" is \(low): a number above 0 is needed")
            }
            return Distribution(
                .logUniform(min: ScalarMath.naturalLogarithm(low), max: ScalarMath.naturalLogarithm(high)),
                step: try step(kind))
        case .normal, .qNormal:
            return Distribution(.normal(mean: try field("mu", 0), deviation: try deviation()), step: try step(kind))
        case .logNormal, .qLogNormal:
            return Distribution(.logNormal(mean: try field("mu", 0), deviation: try deviation()), step: try step(kind))
        case .beta, .qBeta:
            let (a, b) = (try field("a", 1), try field("b", 1))
            guard a > 0 && b > 0 && a <= 1e6 && b <= 1e6 else {
                throw file.failure(key, "\"\(name)\": \"a\" and \"b\" of a beta distribution are above 0, up to 1e6")
            }
            return Distribution(.beta(BetaDistribution(a: a, b: b)), step: try step(kind))
        }
    }

    private func field(_ field: String, _ standard: Double) throws -> Double {
        try mapping[field].map { try file.number($0, field) } ?? standard
    }

    private func bounds() throws -> (Double, Double) {
        let (low, high) = (try field("min", 0), try field("max", 0))
        try checkOrder(low, high)
        return (low, high)
    }

    private func checkOrder(_ low: Double, _ high: Double) throws {
        guard low < high else {
            let value = mapping["min"]?.scalar?.string ?? ""
            throw file.failure(
                mapping["min"],
                "\"\(name)\": \"min\" \(value) is not less than \"max\" "
                    + "\(mapping["max"]?.scalar?.string ?? ""); for one number write value: \(value)")
        }
    }

    private func exponents() throws -> (Double, Double) {
        let (low, high) = try bounds()
        guard abs(low) <= 700 && abs(high) <= 700 else {
            throw file.failure(
                key,
                "\"\(name)\": \"min\" and \"max\" of a log_uniform are exponents of e; log_uniform_values takes numbers"
            )
        }
        return (low, high)
    }

    private func deviation() throws -> Double {
        let deviation = try field("sigma", 1)
        guard deviation > 0 else {
            throw file.failure(mapping["sigma"], "\"\(name)\": \"sigma\" \(deviation): a number above 0 is needed")
        }
        return deviation
    }

    private func step(_ kind: Kind) throws -> Double? {
        guard kind.fields.other.contains("q") else { return nil }
        let step = try field("q", 1)
        guard step > 0 else {
            throw file.failure(mapping["q"], "\"\(name)\": \"q\" \(step): a number above 0 is needed")
        }
        return step
    }

    /// That exponents are exponents.
    func note(_ kind: Kind) throws -> String? {
        guard [.logUniform, .qLogUniform, .invLogUniform].contains(kind),
            case .logUniform(let low, let high) = try distribution(kind).family
        else { return nil }
        func text(_ exponent: Double) -> String {
            String(format: "%.3g", locale: nil, ScalarMath.exponential(exponent))
        }
        return "\(name): \(kind.rawValue) has exponents of e, so it lies from \(text(low)) to \(text(high)); "
            + "log_uniform_values takes the numbers themselves"
    }

    /// wandb's grid of a range: all whole numbers from min to max; for q_uniform numpy's `arange`, without max.
    func gridValues(_ kind: Kind, _ distribution: Distribution) throws -> [Double] {
        let limit = 100_000
        switch (kind, distribution.family) {
        case (.intUniform, .whole(let low, let high)):
            if high - low < limit { return (low...high).map(Double.init) }
        case (.qUniform, .uniform(let low, let high)):
            let step = distribution.step ?? 1
            // As numpy counts: the second element minus the first is the step.
            let delta = (low + step) - low
            if (high - low) / step < Double(limit) {
                return (0..<Int(((high - low) / step).rounded(.up))).map { low + Double($0) * delta }
            }
        case (.uniform, _):
            throw file.failure(
                key,
                "\"\(name)\": whole \"min\" and \"max\" are needed in a grid, or a list of \"values\", or method: "
                    + "random"
            )
        default:
            throw file.failure(
                key,
                "\"\(name)\": distribution \(kind.rawValue) has no place in a grid; give \"values\", or use method: "
                    + "random")
        }
        throw file.failure(key, "\"\(name)\": more than 100,000 values; give fewer, or use method: random")
    }
}
