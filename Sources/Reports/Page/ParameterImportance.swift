import Sweeps

/// What each parameter of a sweep is worth to its metric.
struct ParameterImportance {
    let figures: [SweepPage.Figures.Parameter]
    let explained: Double?
    private let rowCount: Int
    private let metricName: String

    /// Fewer trials say nothing.
    private static let least = 12

    /// Of trials that have finished: values of others belong to fewer epochs.
    init(_ parameters: [SweepAxis], _ metric: SweepAxis, _ records: [TrialRecord]) {
        let rows = Self.rows(metric, records)
        let target = rows.map { metric.numbers[$0] ?? 0 }
        rowCount = rows.count
        metricName = metric.name
        let forest =
            rows.count >= Self.least && !parameters.isEmpty
            ? RegressionForest(parameters.map { $0.feature(of: rows) }, target: target) : nil
        explained = forest?.explained
        figures = parameters.enumerated().map { index, axis in
            var correlation: Double?
            if let numbers = axis.orderedNumbers {
                let known = rows.filter { numbers[$0] != nil }
                correlation = RankCorrelation.spearman(
                    known.map { numbers[$0] ?? 0 }, known.map { metric.numbers[$0] ?? 0 })
            }
            return SweepPage.Figures.Parameter(
                name: axis.name, importance: forest?.importances[index].value,
                standardError: forest?.importances[index].standardError, rankCorrelation: correlation)
        }
    }

    private static func rows(_ metric: SweepAxis, _ records: [TrialRecord]) -> [Int] {
        records.indices.filter { records[$0].state == .finished && metric.numbers[$0] != nil }
    }

    /// Whether a page of a sweep that goes on may show it, as of the trials that it is of: a forest grows when a tenth more
    /// have finished, so that all forests of a sweep together take as long as eleven times the last, not as long as all pages.
    func isGood(for parameters: [SweepAxis], _ metric: SweepAxis, _ records: [TrialRecord]) -> Bool {
        let count = Self.rows(metric, records).count
        return figures.map(\.name) == parameters.map(\.name) && count >= rowCount && count * 10 <= rowCount * 11
    }

    var html: HTML {
        let order = figures.indices.sorted {
            (figures[$1].importance ?? 0, $0) < (figures[$0].importance ?? 0, $1)
        }
        let greatest = max(figures.compactMap(\.importance).max() ?? 0, 1e-12)
        let rows: [HTML] = order.map { index in
            let entry = figures[index]
            let importance = entry.importance.map { value in
                "\(PageText.fixed(value, 3)) ± \(PageText.fixed(entry.standardError, 3))"
            }
            return """
                <tr><th scope="row">\(entry.name)</th><td>\(importance ?? PageText.none)</td>\
                <td>\(PageBar.html(share: (entry.importance ?? 0) / greatest))</td>\
                <td>\(PageText.fixed(entry.rankCorrelation, 3))</td></tr>
                """
        }
        let forest: HTML =
            explained.map { share in
                """
                <p>A random forest of \(RegressionForest.treeCount) trees explains \(PageText.percent(share, 0)) of the \
                variance of \(metricName) over \(rowCount) finished trials, predicted by trees that have not seen them\
                \(share < 0.3 ? "; that is little: do not read much into the importances" : "").</p>
                """
            } ?? "<p>\(PageText.plural(rowCount, "finished trial")): too few, or all alike, for a forest.</p>"
        return forest + """
            <div class="scroll" role="region" aria-label="Importance" tabindex="0"><table class="numbers">\
            <caption>Importance and rank correlation with \(metricName)</caption><thead><tr><th scope="col">parameter</th>\
            <th scope="col">importance</th><th scope="col" aria-label="as a bar"></th><th scope="col">Spearman’s ρ</th></tr>\
            </thead><tbody>\(rows)</tbody></table></div>
            <p class="hint">Importance: by how much the forest’s squared error grows when the parameter’s values are permuted, \
            in units of the variance, ± its standard error over the trees. ρ is of trials that have the parameter as a \
            number.</p>
            """
    }
}
