import Numerics
import Randomness

/// Looks for the greatest expected improvement: many random places, then from the most promising ones uphill, by turns
/// along
/// all real coordinates at once and value by value along the others.
struct AcquisitionSearch {
    let model: ModelSpace
    let random: SearchRandom
    let improvement: ExpectedImprovement
    /// Coordinates of the best configurations.
    let starts: [[Double]]
    /// Of the process: what one look costs grows with its square.
    let pointCount: Int

    private typealias Candidate = (coordinates: [Double], value: Double)

    /// Snapped coordinates, the best first.
    func ranked() -> [[Double]] {
        let first = candidates()
        let climbed = chosenStarts(first).map { climb($0) }
        let all = climbed + first
        let order = all.indices.sorted { all[$0].value == all[$1].value ? $0 < $1 : all[$0].value > all[$1].value }
        return order.map { all[$0].coordinates }
    }

    private func look(_ coordinates: [Double]) -> Double { improvement(model.imputed(coordinates)) }

    private func candidates() -> [Candidate] {
        let work = max(Double(pointCount), 50)
        let count = min(max(Int(8e6 / (work * work)), 160), 1_500)
        var list: [[Double]] = (0..<count).map { draw in
            model.random { random.uniform(subject: $0, draw: draw) }
        }
        for (rank, start) in starts.enumerated() {
            for draw in 0..<count / 8 { list.append(neighbour(start, draw: 4_096 * (rank + 1) + draw)) }
        }
        return list.map { ($0, look($0)) }
    }

    /// Some coordinates of a good place moved: by normal steps of many sizes, choices at random.
    private func neighbour(_ start: [Double], draw: Int) -> [Double] {
        let base = model.count
        let size = ScalarMath.power(10, -3 * random.uniform(subject: base, draw: draw))
        let share = 1 / max(Double(model.count) / 2, 1)
        let fresh = model.random { random.uniform(subject: $0, draw: draw) }
        let moved = start.indices.map { k in
            let isKept = start[k] < 0
            guard isKept || random.uniform(subject: base + 1 + k, draw: draw) < share else { return start[k] }
            if case .choice = model.coordinates[k] { return fresh[k] }
            let step = NormalDistribution.quantile(
                min(max(random.uniform(subject: base + 1 + model.count + k, draw: draw), 1e-12), 1 - 1e-12))
            return min(max(start[k] + 0.3 * size * step, 0), 1)
        }
        return model.snapped(moved)
    }

    /// The best candidate, the best configurations, and others by the size of their improvement.
    private func chosenStarts(_ candidates: [Candidate]) -> [Candidate] {
        let order = candidates.indices.sorted {
            candidates[$0].value == candidates[$1].value ? $0 < $1 : candidates[$0].value > candidates[$1].value
        }
        var chosen = [order[0]]
        let greatest = candidates[order[0]].value
        let weights = candidates.map { ScalarMath.exponential($0.value - greatest) }
        var rest = weights
        rest[order[0]] = 0
        for draw in 0..<5 {
            let total = rest.reduce(0, +)
            guard total > 0 else { break }
            var place = random.uniform(subject: 3 * model.count + 1, draw: draw) * total
            let index =
                rest.indices.first { index in
                    place -= rest[index]
                    return place < 0
                } ?? order[0]
            guard rest[index] > 0 else { continue }
            rest[index] = 0
            chosen.append(index)
        }
        // Where choices do not exist the start has none of their values.
        let known = starts.prefix(2).map { start in
            let filled = start.indices.map { start[$0] < 0 ? 0 : start[$0] }
            return (coordinates: filled, value: look(filled))
        }
        return chosen.map { candidates[$0] } + known
    }

    private func climb(_ start: Candidate) -> Candidate {
        var best = start
        for _ in 0..<8 {
            let before = best.value
            climbReals(&best)
            for k in model.coordinates.indices { climbSteps(k, &best) }
            guard best.value > before + 1e-9 * (1 + abs(before)) else { break }
        }
        let snapped = model.snapped(best.coordinates)
        return (snapped, snapped == best.coordinates ? best.value : look(snapped))
    }

    private func climbReals(_ best: inout Candidate) {
        let active = model.space.hasConditions ? model.space.active(model.point(best.coordinates)) : nil
        let free = model.coordinates.indices.filter { k in
            guard active?[k] != false else { return false }
            return switch model.coordinates[k] {
            case .real, .fine: true
            case .steps, .choice: false
            }
        }
        guard !free.isEmpty else { return }
        // In units of length scales the function bends alike in all directions.
        let weights = improvement.process.hyperparameters.weights
        let units = free.map { 1 / max(weights[$0], 1e-4).squareRoot() }
        let minimizer = BoundedMinimizer(
            lower: [Double](repeating: 0, count: free.count), upper: units.map { 1 / $0 }, stepLimit: 40,
            tolerance: 1e-5, firstStep: 0.2)
        let fixed = model.imputed(best.coordinates)
        var gradient = [Double](repeating: 0, count: model.count)
        let found = minimizer.minimize(from: free.indices.map { best.coordinates[free[$0]] / units[$0] }) { x, slopes in
            var place = fixed
            for (index, k) in free.enumerated() { place[k] = x[index] * units[index] }
            let value = improvement(place, free: free, gradient: &gradient)
            for (index, k) in free.enumerated() { slopes[index] = -gradient[k] * units[index] }
            return -value
        }
        guard -found.value > best.value else { return }
        for (index, k) in free.enumerated() { best.coordinates[k] = min(max(found.x[index] * units[index], 0), 1) }
        best.value = -found.value
    }

    /// Tries every value of one coordinate.
    private func climbSteps(_ k: Int, _ best: inout Candidate) {
        let values: [Double]
        switch model.coordinates[k] {
        case .real, .fine: return
        case .steps(let places): values = places
        case .choice(let count): values = (0..<count).map(Double.init)
        }
        let current = best.coordinates[k]
        for value in values where value != current {
            var coordinates = best.coordinates
            coordinates[k] = value
            let improvement = look(coordinates)
            if improvement > best.value { best = (coordinates, improvement) }
        }
    }
}
