import DataLoading
import Training

/// What a page says of a network that predicts columns of a table, on its test rows.
struct RegressionSection: Sendable {
    struct Figures: Codable, Sendable {
        struct Column: Codable, Sendable {
            let name: String
            /// In the column's own unit.
            let scores: RegressionScores
            /// Mean of prediction − target.
            let meanResidual: Double
        }

        let dataset: String
        let checkpoint: String
        let parametersSHA256: String
        let sampleCount: Int
        let columns: [Column]
    }

    let figures: Figures
    private let columns: [ColumnOutcome]

    /// Columns that are drawn, points of a scatter, bars of a histogram.
    private static let columnLimit = 8
    private static let pointLimit = 1_500
    private static let barCount = 30

    /// Nil where the network predicts no columns, or there is no row.
    init?(_ outcome: NetworkOutcome, _ rows: LabelledImages, names: [String], dataset: String) {
        guard outcome.network.target == .columns, rows.count > 0, names.count == rows.targetCount else { return nil }
        columns = names.indices.map { ColumnOutcome(outcome, rows, number: $0, name: names[$0]) }
        figures = Figures(
            dataset: dataset, checkpoint: outcome.checkpoint, parametersSHA256: outcome.parametersSHA256,
            sampleCount: rows.count,
            columns: columns.map {
                Figures.Column(name: $0.name, scores: $0.scores, meanResidual: $0.meanResidual)
            })
    }

    var sections: [PageSection] {
        let charts: [HTML] = columns.prefix(Self.columnLimit).flatMap { [scatter($0), histogram($0)] }
        let hidden = columns.count - Self.columnLimit
        let note: HTML = hidden > 0 ? "<p class=\"hint\">\(hidden) more are not drawn.</p>" : ""
        return [
            PageSection(
                "Predictions", id: "predictions", table + "<div class=\"charts\">\(charts)</div>" + note)
        ]
    }

    private var table: HTML {
        let rows: [HTML] = figures.columns.map { column in
            let scores = column.scores
            let cells: [HTML] = [scores.mse, scores.rmse, scores.mae].map { "<td>\(PageText.number($0, 5))</td>" }
            return """
                <tr><th scope="row">\(column.name.cut(80))</th>\(cells)<td>\(PageText.fixed(scores.r2, 4))</td>\
                <td>\(PageText.number(column.meanResidual, 3))</td></tr>
                """
        }
        let names = ["column", "mse", "rmse", "mae", "R²", "mean residual"]
        let head: [HTML] = names.map { "<th scope=\"col\">\($0)</th>" }
        return """
            <p>What the network predicts for \(PageText.plural(figures.sampleCount, "test row")), in each column's own unit. \
            R² is 1 − Σ(y − p)² / Σ(y − ȳ)²: 1 where all are met, 0 for whoever says the mean.</p>
            <div class="scroll" role="region" aria-label="Errors by column" tabindex="0"><table class="numbers">\
            <caption>Errors by target column; a residual is prediction − target</caption><thead><tr>\(head)</tr></thead>\
            <tbody>\(rows)</tbody></table></div>
            """
    }

    private func scatter(_ column: ColumnOutcome) -> HTML {
        let every = max(1, (column.targets.count + Self.pointLimit - 1) / Self.pointLimit)
        let shown = stride(from: 0, to: column.targets.count, by: every).filter { column.predictions[$0].isFinite }
        let values = shown.flatMap { [column.targets[$0], column.predictions[$0]] }
        let (xAxis, yAxis) = (Axis("target", covering: values), Axis("prediction", covering: values))
        let frame = ChartFrame(xAxis: xAxis, yAxis: yAxis)
        let marks: [HTML] = shown.map { row in
            let (target, prediction) = (column.targets[row], column.predictions[row])
            return PageMark.html(
                0, x: frame.x(target), y: frame.y(prediction),
                title: "row \(row): target \(PageText.number(target, 5)), prediction \(PageText.number(prediction, 5))")
        }
        let (low, high) = (max(xAxis.low, yAxis.low), min(xAxis.high, yAxis.high))
        let diagonal: HTML = "<path class=\"diagonal\" d=\"M\(frame.point(low, low))L\(frame.point(high, high))\"/>"
        let some: HTML = every > 1 ? "<p class=\"hint\">Every \(every)th test row.</p>" : ""
        return """
            <figure class="chart"><figcaption>\(column.name.cut(60)): prediction over target</figcaption>
            \(frame.svg(title: "\(column.name.cut(60)): prediction over target", description: "Test rows; on the diagonal "
                + "predictions are exact.", content: marks + [diagonal]))\(some)</figure>
            """
    }

    private func histogram(_ column: ColumnOutcome) -> HTML {
        let residuals = column.residuals.filter(\.isFinite)
        let xAxis = Axis("prediction − target", covering: residuals)
        let width = (xAxis.high - xAxis.low) / Double(Self.barCount)
        var counts = [Int](repeating: 0, count: Self.barCount)
        for residual in residuals where width > 0 {
            counts[min(Int((residual - xAxis.low) / width), Self.barCount - 1)] += 1
        }
        let frame = ChartFrame(
            xAxis: xAxis, yAxis: Axis("test rows", wholeNumbers: 0...max(counts.max() ?? 1, 1)))
        let bars: [HTML] = counts.enumerated().filter { $0.element > 0 }.map { bar, count in
            let (low, high) = (xAxis.low + Double(bar) * width, xAxis.low + Double(bar + 1) * width)
            let (left, right, top) = (frame.x(low), frame.x(high), frame.y(Double(count)))
            let words =
                "\(PageText.number(low, 3)) to \(PageText.number(high, 3)): \(PageText.plural(count, "test row"))"
            return """
                <rect class="bar f0" x="\(left + 0.5)" y="\(top)" width="\(max(right - left - 1, 0.5))" \
                height="\(frame.y(0) - top)"><title>\(words)</title></rect>
                """
        }
        return """
            <figure class="chart"><figcaption>\(column.name.cut(60)): residuals</figcaption>
            \(frame.svg(title: "\(column.name.cut(60)): residuals", description: "How many test rows are missed by how much.",
                content: bars))</figure>
            """
    }
}

/// Targets and predictions of one column, by row.
private struct ColumnOutcome: Sendable {
    let name: String
    let targets: [Double]
    let predictions: [Double]
    let scores: RegressionScores

    init(_ outcome: NetworkOutcome, _ rows: LabelledImages, number: Int, name: String) {
        let columnCount = rows.targetCount
        self.name = name
        targets = (0..<rows.count).map { Double(rows.targets[$0 * columnCount + number]) }
        predictions = (0..<rows.count).map { row in
            let output = outcome.outputs[row * columnCount + number]
            return Double(outcome.targetStandardization?.undo(output, column: number) ?? output)
        }
        scores = RegressionScores(targets: targets, predictions: predictions)
    }

    var residuals: [Double] { zip(predictions, targets).map { $0 - $1 } }
    var meanResidual: Double { residuals.reduce(0, +) / Double(residuals.count) }
}
