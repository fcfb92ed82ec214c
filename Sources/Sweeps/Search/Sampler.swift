/// Chooses configurations from what is known of others. A sampler's state only remembers what it could work out again:
/// its
/// suggestions are functions of their requests.
protocol Sampler: Sendable {
    /// - Returns: A configuration that is not taken, or nil where there is none.
    mutating func suggest(_ request: SuggestionRequest) -> SearchPoint?
}

/// What a suggestion may use.
struct SuggestionRequest: Sendable {
    struct Observation: Sendable {
        let point: SearchPoint
        /// Smaller is better; nil for a configuration that failed.
        let value: Double?
    }

    let space: SearchSpace
    let random: SearchRandom
    /// In the order of their numbers.
    let observations: [Observation]
    /// Configurations whose results are not to be used yet.
    let pending: [SearchPoint]
    /// Configurations that have a number already.
    let taken: Set<[UInt64]>
    /// How many numbers lie between a configuration and those whose results it uses.
    let lag: Int

    func isTaken(_ point: SearchPoint) -> Bool { taken.contains(space.key(point)) }
}

/// Draws from the parameters' distributions, without replacement.
struct RandomSampler: Sampler {
    func suggest(_ request: SuggestionRequest) -> SearchPoint? {
        for draw in 0..<200 {
            let point = request.space.randomPoint(request.random, draw: draw)
            if !request.isTaken(point) { return point }
        }
        return rest(request)
    }

    /// One of the last configurations of a finite space, by their probabilities.
    private func rest(_ request: SuggestionRequest) -> SearchPoint? {
        // What is so seldom drawn in an endless space, or in a very large one, is not looked for.
        guard request.space.count(limit: 1_000_000) != nil else { return nil }
        var points: [SearchPoint] = []
        var sums: [Double] = []
        request.space.forEachPoint { point in
            if !request.isTaken(point) {
                points.append(point)
                sums.append((sums.last ?? 0) + request.space.likelihood(point))
            }
            return true
        }
        guard let total = sums.last else { return nil }
        let place = request.random.uniform(subject: request.space.dimensions.count, draw: 0) * total
        return points[sums.firstIndex { place < $0 } ?? points.count - 1]
    }
}

extension SearchSpace {
    /// How likely a random draw is a point of a finite space.
    func likelihood(_ point: SearchPoint) -> Double {
        let active = active(point)
        return dimensions.indices.filter { active[$0] }.reduce(1) { product, index in
            switch dimensions[index].domain {
            case .choices(let choices):
                product * (choices.probabilities?[Int(point.positions[index])] ?? 1 / Double(choices.values.count))
            case .range(let distribution): product * distribution.likelihood(point.positions[index])
            }
        }
    }
}

extension Distribution {
    /// The probability of one value of a distribution with steps.
    fileprivate func likelihood(_ value: Double) -> Double {
        guard let step else {
            guard case .whole(let min, let max) = family else { return 1 }
            return 1 / (Double(max) - Double(min) + 1)
        }
        let plain = Distribution(family)
        return plain.place(of: value + step / 2) - plain.place(of: value - step / 2)
    }
}
