/// How training went, epoch by epoch.
struct CurveSection {
    let run: RunFolder

    private static let splits = [("train", 0), ("validation", 1), ("test", 2)]

    var section: PageSection? {
        let charts = [
            chart("Loss", "loss", \.loss), chart("Accuracy", "accuracy in %", \.accuracy, scale: 100, unit: " %"),
            chart("Root mean squared error", "rmse", \.scores?.rmse), chart("R²", "R²", \.scores?.r2),
            chart("Learning rate", "learning rate", \.learningRate),
            chart("Gradient norm", "norm of the gradient", \.gradientNorm),
            chart("Weight norm", "norm of the weights", \.weightNorm),
            chart("Speed", "samples/s", \.samplesPerSecond, fromZero: true),
        ].compactMap { $0 }
        guard !charts.isEmpty else { return nil }
        var notes: [HTML] = []
        if let best = run.summary?.bestEpoch {
            notes.append("The ring marks epoch \(best), the best by \(run.summary?.metric ?? "the run's metric").")
        }
        let isPlain = run.points.allSatisfy { $0.gradientNorm == nil && $0.weightNorm == nil }
        if isPlain {
            notes.append(
                "No norms of gradients and weights are recorded in this run; those of the final weights are below.")
        }
        let hidden = run.points.count { $0.loss.map { !$0.isFinite } ?? false }
        if hidden > 0 {
            notes.append("\(PageText.plural(hidden, "loss")) that is not finite is left out of the curves.")
        }
        return PageSection(
            "Training", id: "training",
            "<div class=\"charts\">\(charts.map(\.html))</div>\n<p class=\"hint\">\(notes.joined(" "))</p>")
    }

    private func chart(
        _ title: String, _ axisTitle: String, _ value: KeyPath<RunFolder.Point, Double?>, scale: Double = 1,
        unit: String = "", fromZero: Bool = false
    ) -> LineChart? {
        let best = run.summary?.bestEpoch
        let series = Self.splits.compactMap { split, style -> LineChart.Series? in
            let points = run.epochs(split).compactMap { point -> LineChart.Point? in
                guard let number = point[keyPath: value], number.isFinite else { return nil }
                let isBest = point.epoch == best && (title == "Loss" || title == "Accuracy")
                return LineChart.Point(
                    x: Double(point.epoch), y: number * scale, note: isBest ? "best epoch" : "", isMarked: isBest)
            }
            return points.isEmpty ? nil : LineChart.Series(name: split, points: points, style: style)
        }
        guard !series.isEmpty else { return nil }
        let values = series.flatMap { $0.points.map(\.y) }
        let epochs = series.flatMap { $0.points.map { Int($0.x) } }
        return LineChart(
            title: title, xAxis: Axis("epoch", wholeNumbers: min(1, epochs.min() ?? 1)...(epochs.max() ?? 1)),
            yAxis: Self.axis(axisTitle, values, fromZero: fromZero), series: series, unit: unit)
    }

    /// Logarithmic where values span more than two powers of ten.
    static func axis(_ title: String, _ values: [Double], fromZero: Bool = false) -> Axis {
        let isWide = values.allSatisfy { $0 > 0 } && (values.max() ?? 1) > 100 * (values.min() ?? 1)
        let reach: ClosedRange<Double>? = fromZero ? 0...max(values.max() ?? 1, 1e-12) : nil
        return Axis(title, covering: values, reach: isWide ? nil : reach, isLogarithmic: isWide && !fromZero)
    }
}
