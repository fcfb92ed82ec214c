import Foundation
import Numerics
import Sweeps
import Testing

@Suite("Linear algebra of the search")
struct AlgebraTests {
    /// Random numbers from −1 to 1.
    private static func numbers(_ count: Int, seed: Int) -> [Double] {
        (0..<count).map { SearchRandom(seed: 9, number: seed).uniform(subject: 0, draw: $0) * 2 - 1 }
    }

    private static func matrix(_ size: Int) -> [Double] {
        let a = numbers(size * size, seed: size)
        return (0..<size * size).map { index in
            let (i, j) = index.quotientAndRemainder(dividingBy: size)
            return (0..<size).reduce(i == j ? 0.1 : 0) { $0 + a[i * size + $1] * a[j * size + $1] }
        }
    }

    @Test("factor, solutions and inverse", arguments: [1, 2, 3, 7, 8, 9, 31, 64])
    func cholesky(size: Int) throws {
        let matrix = Self.matrix(size)
        let factor = try #require(Cholesky(matrix, count: size))
        for i in 0..<size {
            for j in 0...i {
                let product = (0...j).reduce(0) { $0 + factor[i, $1] * factor[j, $1] }
                #expect(abs(product - matrix[i * size + j]) < 1e-11 * Double(size))
            }
        }
        let x = Self.numbers(size, seed: 77)
        var b = (0..<size).map { i in (0..<size).reduce(0) { $0 + matrix[i * size + $1] * x[$1] } }
        factor.solveLower(&b)
        factor.solveUpper(&b)
        for i in 0..<size { #expect(abs(b[i] - x[i]) < 1e-7) }
        let inverse = factor.inverse()
        for i in 0..<size {
            for j in 0..<size {
                let sum = (0..<size).reduce(0.0) { sum, k in
                    sum + matrix[i * size + k] * inverse[max(k, j) * size + min(k, j)]
                }
                #expect(abs(sum - (i == j ? 1 : 0)) < 1e-7)
            }
        }
        let half = factor.halfLogDeterminant { log($0) }
        #expect(abs(half - (0..<size).reduce(0) { $0 + log(factor[$1, $1]) }) < 1e-12)
    }

    @Test("a leading block has the bits of its own factor") func leadingBlock() throws {
        let (large, small) = (20, 13)
        let matrix = Self.matrix(large)
        let block = (0..<small * small).map { matrix[$0 / small * large + $0 % small] }
        let (a, b) = (try #require(Cholesky(matrix, count: large)), try #require(Cholesky(block, count: small)))
        for i in 0..<small { for j in 0...i { #expect(a[i, j] == b[i, j]) } }
        var x = Self.numbers(small, seed: 3)
        var y = x
        a.solveLower(&x)
        b.solveLower(&y)
        #expect(x == y)
        a.solveUpper(&x)
        b.solveUpper(&y)
        #expect(x == y)
    }

    @Test("what is not positive definite has no factor") func indefinite() {
        #expect(Cholesky([1, 0, 2, 1], count: 2) == nil)
        #expect(Cholesky([0], count: 1) == nil)
        #expect(Cholesky([.nan], count: 1) == nil)
    }

    @Test("the minimizer finds minima inside and at the border of a box")
    func minimizer() {
        // Rosenbrock's valley; then a minimum outside the box.
        let valley: ([Double], inout [Double]) -> Double = { x, g in
            let (a, b) = (1 - x[0], x[1] - x[0] * x[0])
            g = [-2 * a - 400 * x[0] * b, 200 * b]
            return a * a + 100 * b * b
        }
        let free = BoundedMinimizer(lower: [-2, -2], upper: [2, 2], stepLimit: 300, tolerance: 1e-9)
            .minimize(from: [-1.2, 1], valley)
        #expect(abs(free.x[0] - 1) < 1e-5 && abs(free.x[1] - 1) < 1e-5)
        let bound = BoundedMinimizer(lower: [-2, -2], upper: [0.5, 2], stepLimit: 300, tolerance: 1e-9)
            .minimize(from: [-1.2, 1], valley)
        #expect(bound.x[0] == 0.5 && abs(bound.x[1] - 0.25) < 1e-6)
    }
}

@Suite("Gaussian process")
struct GaussianProcessTests {
    private static let points: [[Double]] = (0..<12).map { index in
        (0..<3).map { k in
            let u = SearchRandom(seed: 4, number: index).uniform(subject: k, draw: 0)
            return k == 2 ? (u * 3).rounded(.down) : u
        }
    }
    private static let values: [Double] = points.map { sin(5 * $0[0]) + $0[1] * $0[1] - 0.4 * $0[2] - 0.3 }
    private static let isChoice = [false, false, true]
    private static let hyperparameters = GaussianProcess.Hyperparameters(weights: [4, 2, 1.5], scale: 0.8, noise: 1e-3)

    private func process(pending: [[Double]] = []) throws -> GaussianProcess {
        try #require(
            GaussianProcess(
                Self.hyperparameters, isChoice: Self.isChoice, points: Self.points + pending, values: Self.values))
    }

    @Test("mean and variance are those of the definition, by elimination")
    func posterior() throws {
        let process = try process()
        let h = Self.hyperparameters
        func kernel(_ a: [Double], _ b: [Double]) -> Double {
            let q = (0..<3).reduce(0.0) { sum, k in
                sum + h.weights[k] * (Self.isChoice[k] ? (a[k] == b[k] ? 0 : 1) : pow(a[k] - b[k], 2))
            }
            let r = (5 * q).squareRoot()
            return h.scale * (1 + r + 5 * q / 3) * exp(-r)
        }
        let count = Self.points.count
        for x in [[0.3, 0.6, 1], [0.9, 0.1, 2], Self.points[4]] {
            let k = Self.points.map { kernel(x, $0) }
            // K [a | b] = [y | k] by Gauss and Jordan.
            var rows = (0..<count).map { i in
                (0..<count).map { kernel(Self.points[i], Self.points[$0]) + (i == $0 ? h.noise : 0) }
                    + [Self.values[i], k[i]]
            }
            for p in 0..<count {
                let pivot = rows[p][p]
                rows[p] = rows[p].map { $0 / pivot }
                for i in 0..<count where i != p {
                    let factor = rows[i][p]
                    for c in rows[i].indices { rows[i][c] -= factor * rows[p][c] }
                }
            }
            let mean = (0..<count).reduce(0) { $0 + k[$1] * rows[$1][count] }
            let variance = h.scale - (0..<count).reduce(0) { $0 + k[$1] * rows[$1][count + 1] }
            let found = process.predict(x)
            #expect(abs(found.mean - mean) < 1e-9 && abs(found.variance - variance) < 1e-9)
        }
    }

    @Test("derivatives of the expected improvement are its differences")
    func gradient() throws {
        for best in [-1.0, 0.2, 4] {
            let improvement = ExpectedImprovement(process: try process(), best: best)
            let x = [0.35, 0.55, 1]
            var gradient = [0.0, 0, 0]
            let value = improvement(x, free: [0, 1], gradient: &gradient)
            #expect(abs(value - improvement(x)) < 1e-12)
            for k in 0..<2 {
                var (low, high) = (x, x)
                low[k] -= 1e-5
                high[k] += 1e-5
                let difference = (improvement(high) - improvement(low)) / 2e-5
                #expect(abs(difference - gradient[k]) < 1e-5 * max(1, abs(difference)))
            }
        }
    }

    @Test("pending points keep the mean and take away the variance") func pending() throws {
        let x = [0.5, 0.5, 0.0]
        let (plain, side) = (try process().predict(x), try process(pending: [x]).predict(x))
        #expect(abs(plain.mean - side.mean) < 1e-12)
        #expect(side.variance < 0.02 * plain.variance || side.variance < 2e-3)
    }

    @Test("ln of the improvement's factor, near and far") func logarithm() {
        for z in stride(from: -1.9, through: 6, by: 0.37) {
            let h = exp(-z * z / 2) / (2 * Double.pi).squareRoot() + z * erfc(-z / 2.0.squareRoot()) / 2
            #expect(abs(ExpectedImprovement.logarithm(z).value - log(h)) < 1e-9)
        }
        // Continuous where the formula changes, and −z²/2 − 2 ln |z| − ln √2π far out.
        let (a, b) = (ExpectedImprovement.logarithm(-2), ExpectedImprovement.logarithm((-2.0).nextDown))
        #expect(abs(a.value - b.value) < 1e-9 && abs(a.slope - b.slope) < 1e-7)
        let far = ExpectedImprovement.logarithm(-1e4).value
        #expect(abs(far - (-5e7 - 2 * log(1e4) - 0.918_938_533)) < 1e-6)
    }

    @Test("fitting finds what matters, and takes noise for noise")
    func fitting() {
        let points = (0..<60).map { index in
            (0..<2).map { SearchRandom(seed: 8, number: index).uniform(subject: $0, draw: 0) }
        }
        let smooth = GaussianProcess.Hyperparameters.fitted(
            points: points, values: points.map { 1.4 * sin(6 * $0[0]) }, isChoice: [false, false])
        #expect(smooth.weights[0] > 10 * smooth.weights[1] && smooth.noise < 1e-3, "\(smooth)")
        let noise = points.indices.map { index in
            (SearchRandom(seed: 5, number: index).uniform(subject: 0, draw: 0) - 0.5) * 3.4
        }
        let rough = GaussianProcess.Hyperparameters.fitted(points: points, values: noise, isChoice: [false, false])
        #expect(rough.noise > 0.03 || rough.weights.max()! > 100, "\(rough)")
    }

    @Test("fits are at fixed numbers of results") func fitCounts() {
        let counts = (1...1_000).map { BayesianSampler.fitCount($0) }
        #expect(Array(counts[0..<32]) == Array(1...32))
        #expect(zip(counts, counts.dropFirst()).allSatisfy { $0 <= $1 } && zip(1..., counts).allSatisfy { $1 <= $0 })
        #expect(Set(counts).count < 100)
        #expect(counts.enumerated().allSatisfy { BayesianSampler.fitCount($0.element) == $0.element })
    }
}

@Suite("Samplers")
struct SamplerTests {
    private static let space = SearchSpace([
        .init(name: "kind", domain: .choices(Choices(["a", "b", "c"].map { SweepValue($0) }))),
        .init(name: "x", domain: .range(Distribution(.uniform(min: -1, max: 3)))),
        .init(name: "n", domain: .range(Distribution(.whole(min: 1, max: 9)))),
        .init(
            name: "only", domain: .range(Distribution(.logUniform(min: -5, max: 0))),
            conditions: [.init(parent: 0, values: [SweepValue("b")])]),
    ])

    private static func value(_ point: SearchPoint) -> Double {
        let p = Dictionary(space.values(at: point).map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        let x = p["x"]!.number! - 1.2
        let n = p["n"]!.number! - 4
        let only = p["only"].map { log($0.number!) + 2 }
        return x * x + 0.1 * n * n + (["a": 0.5, "b": 0, "c": 1][p["kind"]!.text]!) + (only.map { 0.1 * $0 * $0 } ?? 0)
    }

    private func best(_ method: SweepDefinition.Method, seed: UInt64, lag: Int, count: Int = 40) -> Double {
        var search = Search(Self.space, method: method, seed: seed, lag: lag)
        var best = Double.infinity
        for number in 1...count {
            guard let point = search.suggest() else { break }
            let value = Self.value(point)
            search.record(number % 9 == 5 ? nil : value)
            best = min(best, value)
        }
        return best
    }

    @Test("models find better configurations than chance", arguments: [0, 8])
    func quality(lag: Int) {
        func median(_ method: SweepDefinition.Method) -> Double {
            (1...7).map { best(method, seed: $0, lag: lag) }.sorted()[3]
        }
        let random = median(.random)
        #expect(median(.bayes) < 0.3 * random)
        #expect(median(.tpe) < 0.7 * random)
    }

    @Test("suggestions do not repeat and lie in the space", arguments: [SweepDefinition.Method.random, .bayes, .tpe])
    func validity(method: SweepDefinition.Method) {
        var search = Search(Self.space, method: method, seed: 3, lag: 2)
        var seen: Set<[UInt64]> = []
        for _ in 0..<30 {
            guard let point = search.suggest() else { return #expect(Bool(false), "the space is endless") }
            #expect(seen.insert(Self.space.key(point)).inserted)
            let values = Dictionary(
                Self.space.values(at: point).map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
            #expect((-1...3).contains(values["x"]?.number ?? 9))
            #expect((1...9).contains(values["n"]?.number ?? 0) && values["n"]?.number?.rounded() == values["n"]?.number)
            #expect((values["only"] != nil) == (values["kind"]?.text == "b"))
            search.record(Self.value(point))
        }
    }

    @Test(
        "another seed is another search, the same one the same",
        arguments: [SweepDefinition.Method.random, .bayes, .tpe])
    func seeds(method: SweepDefinition.Method) {
        #expect(best(method, seed: 4, lag: 1) == best(method, seed: 4, lag: 1))
        #expect(best(method, seed: 4, lag: 1, count: 3) != best(method, seed: 5, lag: 1, count: 3))
    }

    @Test("a Parzen estimator is a density") func density() {
        let model = ModelSpace(
            SearchSpace([
                .init(name: "x", domain: .range(Distribution(.uniform(min: 0, max: 1)))),
                .init(name: "n", domain: .range(Distribution(.whole(min: 1, max: 4)))),
                .init(name: "c", domain: .choices(Choices(["a", "b", "c"].map { SweepValue($0) }))),
            ]))
        let points = (0..<30).map { number in
            model.space.randomPoint(SearchRandom(seed: 6, number: number), draw: 0)
        }
        for list in [[], Array(points.prefix(1)), points] {
            let estimator = ParzenEstimator(list, model)
            var sum = 0.0
            for i in 0..<400 {
                for n in 0..<4 {
                    for c in 0..<3 {
                        let place = [(Double(i) + 0.5) / 400, (Double(n) + 0.5) / 4, Double(c)]
                        sum += exp(estimator.logDensity(place, [true, true, true])) / 400 / 4
                    }
                }
            }
            #expect(abs(sum - 1) < 1e-3, "\(list.count) points: \(sum)")
        }
    }
}
