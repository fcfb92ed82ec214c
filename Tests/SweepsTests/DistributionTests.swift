import Foundation
import Numerics
import Sweeps
import Testing

/// `Tests/Fixtures/wandb-distributions.json`: 20,000 draws by wandb's package `sweeps`, written by the script beside
/// it.
struct WandbDistribution: Decodable, CustomTestStringConvertible {
    let name: String
    let yaml: String
    let count: Int
    let counts: [Count]?
    let quantiles: [Double]?

    struct Count: Decodable {
        let value: String
        let number: Int

        init(from decoder: any Decoder) throws {
            var list = try decoder.unkeyedContainer()
            if let number = try? list.decode(Double.self) {
                value = Self.text(number)
            } else {
                value = try list.decode(String.self)
            }
            number = try list.decode(Int.self)
        }

        /// Nine digits tell values apart.
        static func text(_ number: Double) -> String { String(format: "%.9g", number == 0 ? 0 : number) }
    }

    var testDescription: String { name }

    /// As many draws of ours, by the random sampler itself.
    func draws() throws -> [SweepValue] {
        // Any option that takes such values; validation of values is not the question here.
        let file = "x: \(yaml)"
        let domain = try SweepDefinition.domain(yaml: file, name: "x")
        let space = SearchSpace([.init(name: "x", domain: domain)])
        return (0..<count).map { space.drawn($0, seed: 2)[0].value }
    }
}

@Suite("Distributions")
struct DistributionTests {
    static let all = fixture("wandb-distributions.json", as: [WandbDistribution].self)

    @Test("all 18 of wandb's are compared") func complete() {
        #expect(Self.all.count == 26)
        let names = Set(Self.all.map { $0.name.split(separator: " ")[0] })
        #expect(names.count == 19, "18 names, and repeated values: \(names)")
    }

    @Test("draws are distributed as wandb's", arguments: all)
    func agreement(theirs: WandbDistribution) throws {
        let draws = try theirs.draws()
        if let counts = theirs.counts {
            var ours: [String: Int] = [:]
            for value in draws {
                ours[value.number.map { WandbDistribution.Count.text($0) } ?? value.text, default: 0] += 1
            }
            let p = Self.chiSquared(ours, Dictionary(uniqueKeysWithValues: counts.map { ($0.value, $0.number) }))
            #expect(p > 0.001, "χ²: p = \(p), ours \(ours)")
        } else if let quantiles = theirs.quantiles {
            let ours = draws.compactMap(\.number).sorted()
            #expect(ours.count == theirs.count)
            let p = Self.kolmogorovSmirnov(ours, quantiles: quantiles, count: theirs.count)
            #expect(p > 0.001, "Kolmogorov–Smirnov: p = \(p)")
        }
    }

    @Test("the comparison sees a distribution that is a little off") func sensitivity() {
        let uniform = (0..<20_000).map { (Double($0) + 0.5) / 20_000 }
        let quantiles = (0..<400).map { (Double($0) + 0.5) / 400 }
        #expect(Self.kolmogorovSmirnov(uniform, quantiles: quantiles, count: 20_000) > 0.99)
        #expect(Self.kolmogorovSmirnov(uniform.map { $0 * $0 }, quantiles: quantiles, count: 20_000) < 1e-9)
        #expect(Self.kolmogorovSmirnov(uniform.map { $0 * 0.97 }, quantiles: quantiles, count: 20_000) < 0.001)
        #expect(Self.chiSquared(["a": 10_000, "b": 10_000], ["a": 10_080, "b": 9_920]) > 0.1)
        #expect(Self.chiSquared(["a": 10_400, "b": 9_600], ["a": 10_000, "b": 10_000]) < 0.001)
        #expect(Self.chiSquared(["a": 20_000], ["a": 19_980, "b": 20]) < 0.001)
    }

    /// p of two samples of equal size having one distribution. Values that are rare in both count as one.
    static func chiSquared(_ a: [String: Int], _ b: [String: Int]) -> Double {
        var rest = (0, 0)
        var cells: [(Double, Double)] = []
        for key in Set(a.keys).union(b.keys).sorted() {
            let (x, y) = (a[key] ?? 0, b[key] ?? 0)
            if x + y < 10 { rest = (rest.0 + x, rest.1 + y) } else { cells.append((Double(x), Double(y))) }
        }
        if rest.0 + rest.1 > 0 { cells.append((Double(rest.0), Double(rest.1))) }
        guard cells.count > 1 else { return 1 }
        let statistic = cells.reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) / ($1.0 + $1.1) }
        return upperGamma(Double(cells.count - 1) / 2, statistic / 2)
    }

    /// Q(a, x), by the series of its complement.
    private static func upperGamma(_ a: Double, _ x: Double) -> Double {
        guard x > 0 else { return 1 }
        var term = 1 / a
        var sum = term
        var n = a
        while abs(term) > 1e-16 * abs(sum) {
            n += 1
            term *= x / n
            sum += term
        }
        return max(0, 1 - sum * exp(-x + a * log(x) - lgamma(a)))
    }

    /// p of two samples of `count` having one distribution, of which one is known by its quantiles, in steps of 1/400.
    static func kolmogorovSmirnov(_ ours: [Double], quantiles: [Double], count: Int) -> Double {
        var distance = 0.0
        for (index, quantile) in quantiles.enumerated() {
            let below = Double(ours.count { $0 <= quantile }) / Double(ours.count)
            distance = max(distance, abs(below - (Double(index) + 0.5) / Double(quantiles.count)))
        }
        let size = (Double(count) / 2).squareRoot()
        let x = (size + 0.12 + 0.11 / size) * distance
        var sum = 0.0
        for k in 1...100 { sum += (k % 2 == 1 ? 2 : -2) * exp(-2 * Double(k * k) * x * x) }
        return x < 0.2 ? 1 : min(max(sum, 0), 1)
    }

    private static let families: [Distribution] = [
        Distribution(.whole(min: -3, max: 8)), Distribution(.uniform(min: -1, max: 4)),
        Distribution(.uniform(min: 0.1, max: 0.9), step: 0.25), Distribution(.logUniform(min: -9, max: -2)),
        Distribution(.logUniform(min: 0, max: 4), step: 3), Distribution(.normal(mean: 3, deviation: 2)),
        Distribution(.normal(mean: 3, deviation: 2), step: 0.5), Distribution(.logNormal(mean: -1, deviation: 0.5)),
        Distribution(.beta(BetaDistribution(a: 2, b: 0.5))),
        Distribution(.beta(BetaDistribution(a: 2, b: 3)), step: 0.1),
    ]

    @Test("a value's place is where the value is", arguments: families)
    func places(distribution: Distribution) {
        for index in 0...200 {
            let u = Double(index) / 200
            let value = distribution.value(at: u)
            let place = distribution.place(of: value)
            #expect((0...1).contains(place))
            let again = distribution.value(at: place)
            #expect(abs(again - value) <= 1e-9 * max(1, abs(value)), "\(u): \(value), again \(again)")
            if distribution.step == nil && !distribution.isWhole && u > 0 && u < 1 { #expect(abs(place - u) < 1e-9) }
        }
        if let values = distribution.values(limit: 1_000) {
            #expect(values == values.sorted() && Set(values).count == values.count)
            let seen = Set((0...10_000).map { distribution.value(at: Double($0) / 10_000) })
            #expect(seen.isSubset(of: Set(values)) && seen.count == values.count)
        }
    }
}
