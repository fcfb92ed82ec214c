import Foundation
import Sweeps

/// Functions to minimize: those of Tests/Peers/search_functions.py.
package struct SearchFunction: Sendable {
    package let name: String
    package let space: SearchSpace
    package let value: @Sendable ([String: SweepValue]) -> Double

    package static let all = [
        branin, hartmann6, styblinski, mixed, training, optimizers, kernels, choices, fashion,
    ]
}

private func uniform(_ name: String, _ low: Double, _ high: Double, _ conditions: [SearchSpace.Condition] = [])
    -> SearchSpace.Dimension
{
    .init(name: name, domain: .range(Distribution(.uniform(min: low, max: high))), conditions: conditions)
}

private func logarithmic(_ name: String, _ low: Double, _ high: Double, _ conditions: [SearchSpace.Condition] = [])
    -> SearchSpace.Dimension
{
    .init(
        name: name, domain: .range(Distribution(.logUniform(min: log(low), max: log(high)))), conditions: conditions)
}

func whole(_ name: String, _ low: Int, _ high: Int, _ conditions: [SearchSpace.Condition] = [])
    -> SearchSpace.Dimension
{
    .init(name: name, domain: .range(Distribution(.whole(min: low, max: high))), conditions: conditions)
}

func choice(_ name: String, _ values: [String]) -> SearchSpace.Dimension {
    .init(name: name, domain: .choices(Choices(values.map { SweepValue($0) })))
}

private func when(_ parent: Int, _ values: String...) -> [SearchSpace.Condition] {
    [.init(parent: parent, values: values.map { SweepValue($0) })]
}

extension [String: SweepValue] {
    func number(_ name: String) -> Double { self[name]?.number ?? .nan }
    func text(_ name: String) -> String { self[name]?.text ?? "" }
}

extension SearchFunction {
    static let branin = SearchFunction(
        name: "branin", space: SearchSpace([uniform("x", -5, 10), uniform("y", 0, 15)])
    ) { p in
        let (x, y) = (p.number("x"), p.number("y"))
        let pi = Double.pi
        let curve = 5.1 / (4 * pi * pi) * x * x
        let a = y - curve + 5 / pi * x - 6
        let wave = 10 * (1 - 1 / (8 * pi)) * cos(x)
        return a * a + wave + 10
    }

    static let hartmann6 = SearchFunction(
        name: "hartmann6", space: SearchSpace((0..<6).map { uniform("x\($0)", 0, 1) })
    ) { p in
        let alpha = [1.0, 1.2, 3.0, 3.2]
        let a = [
            [10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14],
        ]
        let c: [[Double]] = [
            [1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381],
        ]
        return -(0..<4).reduce(0.0) { sum, i in
            let q = (0..<6).reduce(0.0) { q, j in
                let d = p.number("x\(j)") - c[i][j] * 1e-4
                return q + a[i][j] * d * d
            }
            return sum + alpha[i] * exp(-q)
        }
    }

    static let styblinski = SearchFunction(
        name: "styblinski", space: SearchSpace((0..<4).map { uniform("x\($0)", -5, 5) })
    ) { p in
        (0..<4).reduce(0.0) { sum, i in
            let x = p.number("x\(i)")
            return sum + x * x * x * x - 16 * x * x + 5 * x
        } / 2
    }

    static let mixed = SearchFunction(
        name: "mixed",
        space: SearchSpace([
            choice("c", ["a", "b", "c"]), whole("i0", -5, 10), whole("i1", -5, 10), uniform("x0", -5, 10),
            uniform("x1", -5, 10),
        ])
    ) { p in
        let (shift, offset) = ["a": (0.0, 0.0), "b": (0.5, 0.3), "c": (1.0, 0.6)][p.text("c")]!
        let x = [p.number("x0") - shift, p.number("x1") + shift, p.number("i0"), p.number("i1")]
        let squares = x.reduce(0) { $0 + $1 * $1 } / 4
        let waves = x.reduce(0) { $0 + cos(2 * Double.pi * $1) } / 4
        let hill = -20 * exp(-0.2 * squares.squareRoot())
        return hill - exp(waves) + 20 + M_E + offset
    }

    package static let training = SearchFunction(
        name: "training",
        space: SearchSpace([
            choice("batch", ["16", "32", "64", "128", "256"]), uniform("dropout", 0, 0.7), whole("layers", 1, 6),
            logarithmic("lr", 1e-6, 1), logarithmic("wd", 1e-8, 0.1),
        ])
    ) { p in
        let size = log2(p.number("batch") / 64)
        let rate = log10(p.number("lr")) + 2.5 - 0.3 * size
        let decay = log10(p.number("wd")) + 4
        let dropout = p.number("dropout")
        let layers = p.number("layers") - 3
        var sum = 0.1 + 0.08 * rate * rate
        sum += 0.02 * decay * decay * (1 + dropout)
        sum += 0.5 * (dropout - 0.2) * (dropout - 0.2)
        sum += 0.01 * layers * layers
        return sum + 0.01 * abs(size)
    }

    static let optimizers = SearchFunction(
        name: "optimizers",
        space: SearchSpace([
            choice("optimizer", ["sgd", "momentum", "adam"]), logarithmic("lr", 1e-5, 1),
            uniform("momentum", 0, 0.99, when(0, "momentum")), logarithmic("rest", 1e-4, 0.5, when(0, "adam")),
            logarithmic("wd", 1e-7, 0.1),
        ])
    ) { p in
        let rate = log10(p.number("lr"))
        let decay = log10(p.number("wd")) + 4
        let value = 0.01 * decay * decay
        switch p.text("optimizer") {
        case "sgd":
            let off = rate + 0.7
            return value + 0.30 + 0.05 * off * off
        case "momentum":
            let m = p.number("momentum")
            let effective = rate - log10(1 - m) + 0.5
            let off = m - 0.9
            return value + 0.24 + 0.06 * effective * effective + 0.1 * off * off
        default:
            let rest = log10(p.number("rest")) + 2.5
            let off = rate + 3
            return value + 0.20 + 0.08 * off * off + 0.02 * rest * rest
        }
    }

    static let kernels = SearchFunction(
        name: "kernels",
        space: SearchSpace([
            choice("kernel", ["rbf", "poly", "linear"]), logarithmic("C", 1e-3, 1e3),
            logarithmic("gamma", 1e-5, 10, when(0, "rbf", "poly")), whole("degree", 2, 5, when(0, "poly")),
        ])
    ) { p in
        let c = log10(p.number("C"))
        if p.text("kernel") == "linear" { return 0.15 + 0.02 * c * c }
        let gamma = log10(p.number("gamma"))
        if p.text("kernel") == "poly" {
            let degree = p.number("degree") - 3
            let slope = c + 2 * gamma
            let off = gamma + 1
            return 0.10 + 0.02 * degree * degree + 0.01 * slope * slope + 0.01 * off * off
        }
        let (ridge, off) = (c + gamma + 1, c - 1)
        return 0.05 + 0.03 * ridge * ridge + 0.01 * off * off
    }

    static let choices = SearchFunction(
        name: "choices",
        // Texts, as for the other program: nothing says that they have an order.
        space: SearchSpace((0..<6).map { choice("c\($0)", ["c0", "c1", "c2", "c3"]) })
    ) { p in
        var c: [Int] = []
        for i in 0..<6 { c.append(Int(p.text("c\(i)").dropFirst()) ?? 0) }
        var sum = 0.0
        for i in 0..<6 { sum += table(i, c[i]) }
        for i in 0..<5 { sum += 0.5 * table(100 + 31 * i + 5 * c[i], c[i + 1]) }
        return sum
    }
}

private func table(_ a: Int, _ b: Int) -> Double {
    let mixed = (a * 7919 + b * 104_729 + 13) * 2_654_435_761
    return Double(mixed % (1 << 32)) / 4_294_967_296
}
