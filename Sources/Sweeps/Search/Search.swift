/// A search over a space alone, without a file or options: for programs and tests that have a function to minimize.
package struct Search: Sendable {
    private let space: SearchSpace
    private let seed: UInt64
    private let lag: Int
    private var sampler: any Sampler
    private var points: [SearchPoint] = []
    private var taken: Set<[UInt64]> = []
    private var values: [Double?] = []

    package init(_ space: SearchSpace, method: SweepDefinition.Method, seed: UInt64, lag: Int) {
        self.space = space
        self.seed = seed
        self.lag = lag
        sampler = Self.sampler(space, method)
    }

    private static func sampler(_ space: SearchSpace, _ method: SweepDefinition.Method) -> any Sampler {
        switch method {
        case .grid, .random: RandomSampler()
        case .bayes: BayesianSampler(space)
        case .tpe: ParzenSampler(space)
        }
    }

    /// Goes on with another method.
    package mutating func change(to method: SweepDefinition.Method) { sampler = Self.sampler(space, method) }

    /// The next configuration, by the values of all but the last `lag`; nil where the space is exhausted.
    package mutating func suggest() -> SearchPoint? {
        let usable = max(points.count - lag, 0)
        let request = SuggestionRequest(
            space: space, random: SearchRandom(seed: seed, number: points.count + 1),
            observations: (0..<usable).map { .init(point: points[$0], value: values[$0]) },
            pending: Array(points[usable...]), taken: taken, lag: lag)
        guard let point = sampler.suggest(request) else { return nil }
        points.append(point)
        taken.insert(space.key(point))
        return point
    }

    /// The value of the last configuration; nil where it failed.
    package mutating func record(_ value: Double?) {
        precondition(values.count == points.count - 1, "Search: \(values.count) values for \(points.count) points")
        values.append(value)
    }
}

extension SearchSpace {
    /// Name and value of every dimension in the n-th of a row of random draws, with replacement.
    package func drawn(_ number: Int, seed: UInt64) -> [(name: String, value: SweepValue)] {
        values(at: randomPoint(SearchRandom(seed: seed, number: number), draw: 0))
    }
}
