/// How training went, epoch by epoch.
struct CurveSection {
    let run: RunFolder
    /// Whether the page has a section of them.
    let showsWeights: Bool

    private struct Split {
        let name: String
        let style: Int
        let epochs: [RunFolder.Point]
    }

    var section: PageSection? {
        let splits = ["train", "validation", "test"].enumerated().map { style, name in
            Split(name: name, style: style, epochs: run.epochs(name))
        }
        let charts = [
            chart(splits, "Loss", "loss", \.loss),
            chart(splits, "Accuracy", "accuracy in %", \.accuracy, scale: 100, unit: " %"),
            chart(splits, "Root mean squared error", "rmse", \.scores?.rmse),
            chart(splits, "R²", "R²", \.scores?.r2),
            chart(splits, "Learning rate", "learning rate", \.learningRate),
            chart(splits, "Gradient norm", "norm of the gradient", \.gradientNorm),
            chart(splits, "Weight norm", "norm of the weights", \.weightNorm),
            chart(splits, "Speed", "samples/s", \.samplesPerSecond, fromZero: true),
        ].compactMap { $0 }
        guard !charts.isEmpty else { return nil }
        var notes: [HTML] = []
        if let best = run.summary?.bestEpoch {
            notes.append("The ring marks epoch \(best), the best by \(run.summary?.metric ?? "the run's metric").")
        }
        let isPlain = run.points.allSatisfy { $0.gradientNorm == nil && $0.weightNorm == nil }
        if isPlain {
            let rest = showsWeights ? "; those of the final weights are below" : ""
            notes.append("No norms of gradients and weights are recorded in this run\(rest).")
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
        _ splits: [Split], _ title: String, _ axisTitle: String, _ value: KeyPath<RunFolder.Point, Double?>,
        scale: Double = 1, unit: String = "", fromZero: Bool = false
    ) -> LineChart? {
        let best = run.summary?.bestEpoch
        let series = splits.compactMap { split -> LineChart.Series? in
            let points = split.epochs.compactMap { point -> LineChart.Point? in
                guard let number = point[keyPath: value], number.isFinite else { return nil }
                let isBest = point.epoch == best && (title == "Loss" || title == "Accuracy")
                return LineChart.Point(
                    x: Double(point.epoch), y: number * scale, note: isBest ? "best epoch" : "", isMarked: isBest)
            }
            return points.isEmpty ? nil : LineChart.Series(name: split.name, points: points, style: split.style)
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
