import Numerics
import Randomness

/// The tree-structured Parzen estimator (Bergstra et al. 2011), multivariate: of candidates drawn where good
/// configurations
/// are dense, the one where good ones are densest beside bad ones. Settings are Optuna's.
struct ParzenSampler: Sampler {
    static let startCount = 10
    static let candidateCount = 24

    private let model: ModelSpace

    init(_ space: SearchSpace) { model = ModelSpace(space) }

    func suggest(_ request: SuggestionRequest) -> SearchPoint? {
        guard model.count > 0, request.observations.count >= Self.startCount else {
            return RandomSampler().suggest(request)
        }
        let (good, bad) = split(request)
        let dense = ParzenEstimator(good, model)
        let sparse = ParzenEstimator(bad, model)
        var candidates: [(point: SearchPoint, value: Double)] = []
        for draw in 0..<Self.candidateCount {
            let coordinates = dense.sample(request.random, draw: draw)
            let point = model.point(coordinates)
            let active = model.space.active(point)
            let place = model.coordinates(of: point)
            candidates.append((point, dense.logDensity(place, active) - sparse.logDensity(place, active)))
        }
        let order = candidates.indices.sorted {
            candidates[$0].value == candidates[$1].value ? $0 < $1 : candidates[$0].value > candidates[$1].value
        }
        for index in order where !request.isTaken(candidates[index].point) { return candidates[index].point }
        // All are taken: where good ones are dense nothing is new, so look farther.
        for draw in Self.candidateCount..<10 * Self.candidateCount {
            let point = model.point(dense.sample(request.random, draw: draw))
            if !request.isTaken(point) { return point }
        }
        return RandomSampler().suggest(request)
    }

    /// The best tenth, at most 25, and the rest in the order of their numbers; pending ones count as bad (constant
    /// liar).
    private func split(_ request: SuggestionRequest) -> (good: [SearchPoint], bad: [SearchPoint]) {
        let observations = request.observations
        func value(_ index: Int) -> Double { observations[index].value ?? .infinity }
        let order = observations.indices.sorted { value($0) == value($1) ? $0 < $1 : value($0) < value($1) }
        let count = min((observations.count + 9) / 10, 25)
        let good = order.prefix(count).filter { observations[$0].value != nil }.sorted()
        let isGood = Set(good)
        let bad = observations.indices.filter { !isGood.contains($0) }
        return (good.map { observations[$0].point }, bad.map { observations[$0].point } + request.pending)
    }
}

/// A density over a model space: a mixture of one kernel for each configuration and a broad one, each a product over
/// coordinates.
package struct ParzenEstimator: Sendable {
    private struct Kernel {
        var center: Double
        var width: Double
        /// ln of the share of its normal distribution inside 0 … 1.
        var logMass: Double
        /// Whether the coordinate exists there; else it is as likely anywhere.
        var isPresent: Bool
    }

    private let model: ModelSpace
    /// Ascending sums of the weights; the last kernel is the broad one.
    private let cumulative: [Double]
    private let logWeights: [Double]
    /// By kernel, then by coordinate.
    private let kernels: [[Kernel]]

    package init(_ points: [SearchPoint], _ model: ModelSpace) {
        self.model = model
        let places = points.map { model.coordinates(of: $0) }
        let present = points.map { model.space.active($0) }
        var kernels = [[Kernel]](repeating: [], count: points.count + 1)
        for k in 0..<model.count {
            let known = points.indices.filter { present[$0][k] }
            let widths = Self.widths(known.map { places[$0][k] }, kernelCount: points.count + 1)
            var next = 0
            for index in points.indices {
                let width = present[index][k] ? widths[next] : 1
                if present[index][k] { next += 1 }
                kernels[index].append(Self.kernel(places[index][k], width, isPresent: present[index][k]))
            }
            kernels[points.count].append(Self.kernel(0.5, 1, isPresent: true))
        }
        self.kernels = kernels
        // From 25 on older configurations weigh less.
        let count = points.count
        var weights = [Double](repeating: 1, count: count + 1)
        if count > 26 {
            for index in 0..<count - 25 {
                weights[index] = 1 / Double(count) + (1 - 1 / Double(count)) * Double(index) / Double(count - 26)
            }
        }
        let total = weights.reduce(0, +)
        var sum = 0.0
        cumulative = weights.map { weight in
            sum += weight / total
            return sum
        }
        logWeights = weights.map { ScalarMath.naturalLogarithm($0 / total) }
    }

    private static func kernel(_ center: Double, _ width: Double, isPresent: Bool) -> Kernel {
        let mass =
            NormalDistribution.cumulative((1 - center) / width) - NormalDistribution.cumulative(-center / width)
        return Kernel(
            center: center, width: width, logMass: ScalarMath.naturalLogarithm(max(mass, 1e-300)), isPresent: isPresent)
    }

    /// The distance to the farther neighbour, ends included, but neither tiny nor more than the range.
    private static func widths(_ places: [Double], kernelCount: Int) -> [Double] {
        let order = places.indices.sorted { places[$0] == places[$1] ? $0 < $1 : places[$0] < places[$1] }
        var widths = [Double](repeating: 1, count: places.count)
        let least = 1 / min(100, 1 + Double(kernelCount))
        for (rank, index) in order.enumerated() {
            // As Optuna does it, the ends count for a single configuration only.
            let below = rank > 0 ? places[index] - places[order[rank - 1]] : places.count < 2 ? places[index] : 0
            let above =
                rank + 1 < order.count
                ? places[order[rank + 1]] - places[index] : places.count < 2 ? 1 - places[index] : 0
            widths[index] = min(max(max(below, above), least), 1)
        }
        return widths
    }

    /// Coordinates of one draw.
    func sample(_ random: SearchRandom, draw: Int) -> [Double] {
        let choice = random.uniform(subject: model.count, draw: draw)
        let kernel = kernels[cumulative.firstIndex { choice < $0 } ?? kernels.count - 1]
        let coordinates = kernel.indices.map { k in
            let u = random.uniform(subject: k, draw: draw)
            switch model.coordinates[k] {
            case .choice(let count): return sampleChoice(kernel[k], u, k, count)
            case .real, .fine, .steps: return kernel[k].isPresent ? Self.sampleNormal(kernel[k], u) : u
            }
        }
        return model.snapped(coordinates)
    }

    private func sampleChoice(_ kernel: Kernel, _ u: Double, _ k: Int, _ count: Int) -> Double {
        var place = u
        for index in 0..<count {
            place -= probability(kernel, Double(index), k, count)
            if place < 0 { return Double(index) }
        }
        return Double(count - 1)
    }

    private static func sampleNormal(_ kernel: Kernel, _ u: Double) -> Double {
        let low = NormalDistribution.cumulative(-kernel.center / kernel.width)
        let high = NormalDistribution.cumulative((1 - kernel.center) / kernel.width)
        let place = min(max(low + u * (high - low), 1e-300), 1 - 0x1p-53)
        return min(max(kernel.center + kernel.width * NormalDistribution.quantile(place), 0), 1)
    }

    /// Of an unordered choice: one more vote for the kernel's own among as many as its prior has.
    private func probability(_ kernel: Kernel, _ index: Double, _ k: Int, _ count: Int) -> Double {
        let isPrior = kernel.width == 1 && kernel.center == 0.5
        guard kernel.isPresent, !isPrior else { return 1 / Double(count) }
        let share = 1 / Double(kernels.count)
        return ((index == kernel.center ? 1 : 0) + share) / (1 + share * Double(count))
    }

    /// ln of the density at coordinates, of which those that exist count.
    package func logDensity(_ coordinates: [Double], _ active: [Bool]) -> Double {
        var logs = logWeights
        for (index, kernel) in kernels.enumerated() {
            for k in kernel.indices where active[k] { logs[index] += logDensity(kernel[k], coordinates[k], k) }
        }
        let greatest = logs.max()!
        return greatest
            + ScalarMath.naturalLogarithm(logs.reduce(0) { $0 + ScalarMath.exponential($1 - greatest) })
    }

    private func logDensity(_ kernel: Kernel, _ x: Double, _ k: Int) -> Double {
        switch model.coordinates[k] {
        case .choice(let count): return ScalarMath.naturalLogarithm(probability(kernel, x, k, count))
        case .real, .fine:
            guard kernel.isPresent else { return 0 }
            let z = (x - kernel.center) / kernel.width
            return -0.5 * z * z - 0.918_938_533_204_672_74 - ScalarMath.naturalLogarithm(kernel.width) - kernel.logMass
        case .steps(let places):
            guard kernel.isPresent else { return 0 }
            // The mass of the value's cell, in cells.
            let half = 0.5 / Double(places.count)
            let mass =
                NormalDistribution.cumulative((min(x + half, 1) - kernel.center) / kernel.width)
                - NormalDistribution.cumulative((max(x - half, 0) - kernel.center) / kernel.width)
            return ScalarMath.naturalLogarithm(max(mass / (2 * half), 1e-300)) - kernel.logMass
        }
    }
}
