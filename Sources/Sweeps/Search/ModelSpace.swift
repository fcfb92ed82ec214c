import Numerics

/// A search space as models see it: each dimension a coordinate from 0 to 1, or an unordered choice's index.
///
/// Ranges and ordered choices lie at the middle of their part of the distribution, so that a uniform coordinate is a
/// random
/// draw. What does not exist at a point is 0.5, or as a choice −1.
package struct ModelSpace: Sendable {
    enum Coordinate: Sendable {
        /// Any place.
        case real
        /// A place in steps too many to try each.
        case fine
        /// One of few values, at these ascending places.
        case steps([Double])
        /// An unordered choice of so many.
        case choice(Int)
    }

    package let space: SearchSpace
    let coordinates: [Coordinate]

    /// So many steps are tried one by one.
    private static let stepLimit = 32

    package init(_ space: SearchSpace) {
        self.space = space
        coordinates = space.dimensions.map { dimension in
            switch dimension.domain {
            case .choices(let choices):
                let count = choices.values.count
                return choices.ranks == nil
                    ? .choice(count) : .steps((0..<count).map { (Double($0) + 0.5) / Double(count) })
            case .range(let distribution):
                if let values = distribution.values(limit: Self.stepLimit) {
                    return .steps(values.map { distribution.place(of: $0) })
                }
                return distribution.step == nil && !distribution.isWhole ? .real : .fine
            }
        }
    }

    var count: Int { coordinates.count }
    var isChoice: [Bool] {
        coordinates.map { if case .choice = $0 { true } else { false } }
    }

    /// The coordinates of all dimensions, whether they exist or not.
    func coordinates(of point: SearchPoint) -> [Double] {
        zip(space.dimensions, point.positions).map { dimension, position in
            switch dimension.domain {
            case .choices(let choices):
                choices.ranks.map { (Double($0[Int(position)]) + 0.5) / Double(choices.values.count) } ?? position
            case .range(let distribution): distribution.place(of: position)
            }
        }
    }

    func point(_ coordinates: [Double]) -> SearchPoint {
        SearchPoint(
            zip(space.dimensions, coordinates).map { dimension, u in
                switch dimension.domain {
                case .choices(let choices):
                    choices.ranks == nil
                        ? u
                        : Double(
                            choices.byRank[min(Int(u * Double(choices.values.count)), choices.values.count - 1)])
                case .range(let distribution): distribution.value(at: u)
                }
            })
    }

    /// Coordinates with those that do not exist replaced.
    func imputed(_ coordinates: [Double]) -> [Double] {
        guard space.hasConditions else { return coordinates }
        let active = space.active(point(coordinates))
        return coordinates.indices.map { index in
            guard !active[index] else { return coordinates[index] }
            if case .choice = self.coordinates[index] { return -1 }
            return 0.5
        }
    }

    /// Coordinates at random: `uniform` gives a number from 0 to below 1 for each dimension.
    func random(_ uniform: (Int) -> Double) -> [Double] {
        coordinates(of: space.point(at: (0..<count).map(uniform)))
    }

    /// Puts coordinates where values are.
    func snapped(_ coordinates: [Double]) -> [Double] { self.coordinates(of: point(coordinates)) }
}

extension SearchSpace {
    var hasConditions: Bool { dimensions.contains { !$0.conditions.isEmpty } }
}

/// The first configurations of a search by a model: Latin hypercubes, so that few of them meet every part of each
/// range.
struct StartDesign: Sendable {
    let model: ModelSpace
    let seed: UInt64
    /// Configurations of one hypercube.
    let size: Int

    /// Nil where the design's configuration is taken.
    func suggest(_ request: SuggestionRequest) -> SearchPoint? {
        let index = request.random.number - 1
        let (block, row) = index.quotientAndRemainder(dividingBy: size)
        let random = SearchRandom(seed: seed, number: 0)
        let places = (0..<model.count).map { dimension in
            // Row r of the block takes stratum rank(r) among the rows' random numbers.
            let base = (block * model.count + dimension) * size
            let keys = (0..<size).map { random.uniform(subject: model.count, draw: base + $0) }
            let stratum = keys.indices.count { keys[$0] < keys[row] || (keys[$0] == keys[row] && $0 < row) }
            return (Double(stratum) + request.random.uniform(subject: dimension, draw: 0)) / Double(size)
        }
        let point = model.space.point(at: places)
        return request.isTaken(point) ? nil : point
    }
}
