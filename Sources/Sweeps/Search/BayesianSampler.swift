import Numerics

/// Bayesian optimisation: the configuration of which a Gaussian process expects the greatest improvement.
package struct BayesianSampler: Sampler {
    /// Results before the first model.
    static let startCount = 10
    /// The process sees at most so many: the best half and, of the rest, evenly as many.
    static let observationLimit = 256

    private let model: ModelSpace
    /// Of the last fit, for so many observations.
    private var fitted: (count: Int, hyperparameters: GaussianProcess.Hyperparameters)?

    init(_ space: SearchSpace) { model = ModelSpace(space) }

    mutating func suggest(_ request: SuggestionRequest) -> SearchPoint? {
        guard model.count > 0, request.observations.count(where: { $0.value != nil }) >= Self.startCount else {
            let design = StartDesign(
                model: model, seed: request.random.seed, size: min(Self.startCount + request.lag, 32))
            return design.suggest(request) ?? RandomSampler().suggest(request)
        }
        let data = ModelData(request.observations, model, limit: Self.observationLimit)
        let hyperparameters = hyperparameters(request)
        let pending = request.pending.map { model.imputed(model.coordinates(of: $0)) }
        guard
            let process = GaussianProcess(
                hyperparameters, isChoice: model.isChoice, points: data.points + pending, values: data.values)
        else { return RandomSampler().suggest(request) }
        let improvement = ExpectedImprovement(process: process, best: data.values.min()!)
        let search = AcquisitionSearch(
            model: model, random: request.random, improvement: improvement,
            starts: data.best(3), pointCount: process.points.count)
        for coordinates in search.ranked() {
            let point = model.point(coordinates)
            if !request.isTaken(point) { return point }
        }
        return RandomSampler().suggest(request)
    }

    /// Refitted at fixed numbers of observations, so that they depend on results alone and not on when they came: at
    /// each of
    /// the first 32, then when there are 1/16 more.
    private mutating func hyperparameters(_ request: SuggestionRequest) -> GaussianProcess.Hyperparameters {
        let count = Self.fitCount(request.observations.count)
        if let fitted, fitted.count == count { return fitted.hyperparameters }
        let data = ModelData(Array(request.observations.prefix(count)), model, limit: Self.fitLimit)
        let hyperparameters = GaussianProcess.Hyperparameters.fitted(
            points: data.points, values: data.values, isChoice: model.isChoice)
        fitted = (count, hyperparameters)
        return hyperparameters
    }

    /// Observations of which hyperparameters are learned.
    private static let fitLimit = 128

    package static func fitCount(_ count: Int) -> Int {
        var fit = min(count, 32)
        while fit + fit / 16 <= count && fit >= 32 { fit += fit / 16 }
        return fit
    }
}

/// Observations as the process takes them: coordinates, and values with mean 0 and variance 1.
struct ModelData {
    let points: [[Double]]
    let values: [Double]

    /// Configurations that failed count as the worst.
    init(_ observations: [SuggestionRequest.Observation], _ model: ModelSpace, limit: Int) {
        let chosen = Self.chosen(observations, limit: limit)
        let worst = chosen.compactMap(\.value).max() ?? 0
        let raw = chosen.map { $0.value ?? worst }
        points = chosen.map { model.imputed(model.coordinates(of: $0.point)) }
        let mean = raw.reduce(0, +) / Double(raw.count)
        let variance = raw.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(raw.count)
        let deviation = variance > 0 ? variance.squareRoot() : 1
        values = raw.map { ($0 - mean) / deviation }
    }

    private static func chosen(
        _ observations: [SuggestionRequest.Observation], limit: Int
    ) -> [SuggestionRequest.Observation] {
        guard observations.count > limit else { return observations }
        func value(_ index: Int) -> Double { observations[index].value ?? .infinity }
        let order = observations.indices.sorted { value($0) == value($1) ? $0 < $1 : value($0) < value($1) }
        let rest = order.dropFirst(limit / 2).sorted()
        let even = (0..<limit - limit / 2).map { rest[rest.startIndex + $0 * rest.count / (limit - limit / 2)] }
        return (order.prefix(limit / 2) + even).sorted().map { observations[$0] }
    }

    /// The points of the least values.
    func best(_ count: Int) -> [[Double]] {
        let order = values.indices.sorted { values[$0] == values[$1] ? $0 < $1 : values[$0] < values[$1] }
        return order.prefix(count).map { points[$0] }
    }
}
