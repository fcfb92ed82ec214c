/// Where configurations come from: points given in the file, and then a grid's order or a sampler.
struct ConfigurationSource: Sendable {
    typealias Configuration = (parameters: [(option: String, value: SweepValue)], point: SearchPoint?)

    private let plan: SweepPlan
    private var sampler: any Sampler
    /// Of the grid and of the points, those that come next.
    private var next = 0

    init(_ plan: SweepPlan) {
        self.plan = plan
        sampler =
            switch plan.definition.method {
            case .grid, .random: RandomSampler()
            case .bayes: BayesianSampler(plan.space)
            case .tpe: ParzenSampler(plan.space)
            }
    }

    /// Nil where there are no more.
    mutating func next(_ request: SuggestionRequest) -> Configuration? {
        if plan.definition.method == .grid {
            guard next < plan.listed.count else { return nil }
            defer { next += 1 }
            return (plan.listed[next], nil)
        }
        while next < plan.listed.count {
            defer { next += 1 }
            let given = plan.completed(plan.listed[next], by: request)
            if given.point.map({ !request.isTaken($0) }) ?? true { return given }
        }
        return sampler.suggest(request).map { (plan.parameters(at: $0), $0) }
    }

    /// Leaves out the configuration that would come next, for it was restored.
    mutating func skip() { next += 1 }
}
