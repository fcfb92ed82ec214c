import Training

/// The sweep's metric after each epoch of a run, for metrics that are known then.
package struct MetricHistory: Sendable {
    private let metric: SweepDefinition.Metric
    package private(set) var values: [Double] = []

    package init(_ metric: SweepDefinition.Metric) { self.metric = metric }

    /// Takes the points of one more epoch.
    package mutating func append(_ points: [MetricsPoint]) {
        guard metric.hasHistory, let point = points.first(where: { metric.name.hasPrefix($0.split.rawValue) }),
            let value = metric.name.hasSuffix("Loss") ? point.loss : point.accuracy
        else { return }
        values.append(value)
    }
}
