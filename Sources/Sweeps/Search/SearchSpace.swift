import Randomness

/// What is searched: dimensions with the values that they may have. A value type without files, options or
/// communication.
package struct SearchSpace: Sendable {
    /// One parameter.
    package struct Dimension: Sendable {
        package let name: String
        package let domain: Domain
        /// The parameter exists only where all of them hold; their parents stand in front of it.
        package let conditions: [Condition]

        package init(name: String, domain: Domain, conditions: [Condition] = []) {
            self.name = name
            self.domain = domain
            self.conditions = conditions
        }
    }

    package enum Domain: Sendable {
        case choices(Choices)
        case range(Distribution)
    }

    /// That another parameter exists and has one of these values.
    package struct Condition: Sendable {
        /// Its place among the dimensions.
        package let parent: Int
        package let values: [SweepValue]

        package init(parent: Int, values: [SweepValue]) {
            self.parent = parent
            self.values = values
        }
    }

    package let dimensions: [Dimension]
    /// Conditions in a form that is quick to check.
    private let gates: [[Gate]]

    private struct Gate: Sendable {
        let parent: Int
        /// Positions of the parent.
        let positions: [Double]
    }

    package init(_ dimensions: [Dimension]) {
        self.dimensions = dimensions
        gates = dimensions.indices.map { index in
            dimensions[index].conditions.map { condition in
                precondition(
                    condition.parent < index, "SearchSpace: \(dimensions[index].name) stands before its parent")
                return Gate(
                    parent: condition.parent,
                    positions: condition.values.compactMap { dimensions[condition.parent].position(of: $0) })
            }
        }
    }

    /// Whether a dimension exists where its conditions' parents that do are those of `active`.
    func isActive(_ index: Int, _ point: SearchPoint, _ active: [Bool]) -> Bool {
        gates[index].allSatisfy { active[$0.parent] && $0.positions.contains(point.positions[$0.parent]) }
    }
}

/// Values without repetitions.
package struct Choices: Sendable {
    package let values: [SweepValue]
    /// As many as values, with the sum 1; nil where all are as likely.
    package let probabilities: [Double]?
    /// Of each value the rank, where all are different numbers and at least three: such choices have an order.
    let ranks: [Int]?
    /// The index of the value of each rank.
    let byRank: [Int]
    private let cumulative: [Double]

    package init(_ values: [SweepValue], probabilities: [Double]? = nil) {
        precondition(!values.isEmpty && probabilities?.count ?? values.count == values.count, "Choices: \(values)")
        self.values = values
        self.probabilities = probabilities
        var sum = 0.0
        cumulative = (probabilities ?? []).map { probability in
            sum += probability
            return sum
        }
        let numbers = values.compactMap(\.number)
        let isOrdered = numbers.count == values.count && values.count >= 3
        byRank = isOrdered ? values.indices.sorted { numbers[$0] < numbers[$1] } : Array(values.indices)
        var ranks = [Int](repeating: 0, count: values.count)
        for (rank, index) in byRank.enumerated() { ranks[index] = rank }
        self.ranks = isOrdered ? ranks : nil
    }

    /// The index at a place u from 0 to 1.
    func index(at u: Double) -> Int {
        guard !cumulative.isEmpty else { return min(Int(u * Double(values.count)), values.count - 1) }
        // Probabilities may sum to a little less than u; then it is the last that is possible.
        return cumulative.firstIndex { u < $0 } ?? cumulative.firstIndex { $0 == cumulative.last! }!
    }
}

/// A configuration: of choices the index, of ranges the value, for every dimension, whether it exists there or not.
package struct SearchPoint: Hashable, Sendable {
    package var positions: [Double]

    package init(_ positions: [Double]) { self.positions = positions }
}

extension SearchSpace {
    /// Which dimensions exist at a point.
    package func active(_ point: SearchPoint) -> [Bool] {
        var active = [Bool](repeating: true, count: dimensions.count)
        for index in dimensions.indices where !dimensions[index].conditions.isEmpty {
            active[index] = isActive(index, point, active)
        }
        return active
    }

    package func value(of index: Int, at point: SearchPoint) -> SweepValue {
        let position = point.positions[index]
        switch dimensions[index].domain {
        case .choices(let choices): return choices.values[Int(position)]
        case .range: return SweepValue(number: position)
        }
    }

    /// Name and value of every dimension that exists at a point.
    package func values(at point: SearchPoint) -> [(name: String, value: SweepValue)] {
        let active = active(point)
        return dimensions.indices.filter { active[$0] }.map { (dimensions[$0].name, value(of: $0, at: point)) }
    }

    /// The point of given values; where a dimension has none it takes that of `rest`. Nil for a value that is no
    /// choice.
    package func point(of values: [String: SweepValue], rest: SearchPoint) -> SearchPoint? {
        var point = rest
        for (index, dimension) in dimensions.enumerated() {
            guard let value = values[dimension.name] else { continue }
            guard let position = dimension.position(of: value) else { return nil }
            point.positions[index] = position
        }
        return point
    }

    /// The point at places u from 0 to 1, one for each dimension.
    package func point(at places: [Double]) -> SearchPoint {
        SearchPoint(zip(dimensions, places).map { $0.position(at: $1) })
    }

    /// What tells configurations apart: bits of each position that counts.
    package func key(_ point: SearchPoint) -> [UInt64] {
        // No position is this NaN.
        zip(point.positions, active(point)).map { $1 ? ($0 + 0).bitPattern : .max }
    }

    /// The configuration of one random draw.
    package func randomPoint(_ random: SearchRandom, draw: Int) -> SearchPoint {
        point(at: dimensions.indices.map { random.uniform(subject: $0, draw: draw) })
    }
}

extension SearchSpace.Dimension {
    /// Nil for what is no choice, or no number.
    func position(of value: SweepValue) -> Double? {
        switch domain {
        case .choices(let choices): choices.values.firstIndex(of: value).map(Double.init)
        case .range: value.number
        }
    }

    /// The position at a place u from 0 to 1.
    func position(at u: Double) -> Double {
        switch domain {
        case .choices(let choices): Double(choices.index(at: u))
        case .range(let distribution): distribution.value(at: u)
        }
    }
}

/// The random numbers of one configuration's suggestion.
package struct SearchRandom: Sendable {
    let seed: UInt64
    let number: Int

    package init(seed: UInt64, number: Int) {
        self.seed = seed
        self.number = number
    }

    /// Uniform in 0 ..< 1. `subject` tells streams apart: dimensions, and what a sampler needs beside them.
    package func uniform(subject: Int, draw: Int) -> Double {
        KeyedRandom(seed: seed, purpose: .search, epoch: UInt64(number), subject: UInt64(subject))
            .uniformDouble(at: UInt64(draw))
    }
}
