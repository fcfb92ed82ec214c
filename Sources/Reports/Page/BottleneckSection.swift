/// What auto-encoders of different bottlenecks leave over, beside principal components.
struct BottleneckSection {
    private struct Row {
        let bottleneck: Int
        let loss: Double
        let componentsLoss: Double?
    }

    private let rows: [Row]

    init(_ runs: [RunFolder]) {
        rows = runs.compactMap { run in
            guard let summary = run.summary, let bottleneck = summary.bottleneck, let loss = summary.testLoss,
                loss.isFinite
            else { return nil }
            return Row(bottleneck: bottleneck, loss: loss, componentsLoss: summary.pcaTestLoss)
        }.sorted { ($0.bottleneck, $0.loss) < ($1.bottleneck, $1.loss) }
    }

    /// Nil where fewer than two bottlenecks can be compared.
    var section: PageSection? {
        guard Set(rows.map(\.bottleneck)).count > 1 else { return nil }
        let network = rows.map { LineChart.Point(x: Double($0.bottleneck), y: $0.loss) }
        var components: [LineChart.Point] = []
        for row in rows {
            guard let loss = row.componentsLoss, components.last?.x != Double(row.bottleneck) else { continue }
            components.append(LineChart.Point(x: Double(row.bottleneck), y: loss))
        }
        let series = [
            LineChart.Series(name: "network", points: network, style: 0),
            LineChart.Series(name: "as many principal components", points: components, style: 1),
        ].filter { !$0.points.isEmpty }
        let chart = LineChart(
            title: "Error by bottleneck", xAxis: CurveSection.axis("bottleneck", rows.map { Double($0.bottleneck) }),
            yAxis: CurveSection.axis("test loss", series.flatMap { $0.points.map(\.y) }), series: series)
        return PageSection("Error by bottleneck", id: "bottleneck", "<div class=\"charts\">\(chart.html)</div>")
    }
}
