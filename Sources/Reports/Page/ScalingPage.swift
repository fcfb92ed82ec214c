import Files
import Training

/// The page of `bench scaling`: predicted speed and efficiency by number of workers.
package struct ScalingPage: Sendable {
    package let html: String

    package init(_ table: ScalingTable) throws {
        let rows = [("the same batch", table.sameBatch), ("a growing batch", table.growingBatch)]
        func chart(_ title: String, _ unit: String, _ value: (ScalingTable.Row, Bool) -> Double) -> HTML {
            var series: [LineChart.Series] = []
            for (index, (name, rows)) in rows.enumerated() {
                for isPlain in [false, true] {
                    series.append(
                        LineChart.Series(
                            name: name + (isPlain ? ", MPI_Allreduce" : ", canonical tree"),
                            points: rows.map {
                                LineChart.Point(
                                    x: Double($0.prediction.workers), y: value($0, isPlain),
                                    isMarked: !isPlain
                                        && $0.prediction.workers == table.result.predicted.workers
                                        && $0.prediction.hosts == table.result.predicted.hosts)
                            }, style: 2 * index + (isPlain ? 1 : 0)))
                }
            }
            let points = series.flatMap(\.points)
            return LineChart(
                title: title,
                xAxis: Axis("workers", covering: points.map(\.x), isLogarithmic: true),
                yAxis: Axis(unit, covering: points.map(\.y), isLogarithmic: true), series: series
            ).html
        }
        let result = table.result
        let measured = Double(result.batchSize) / result.measuredMicroseconds * 1e6
        let document = PageDocument(
            title: "Scaling of \(result.network)",
            lead: """
                <p>Batch \(result.batchSize), \(table.model.parameters) parameters, \(result.instructionSet). Measured on \
                \(result.hosts.reduce(0, +)) workers of \(result.hosts.count) hosts: \(PageText.number(measured)) samples a \
                second, where the model says \(PageText.number(result.predicted.samplesPerSecond)). All else on this page is \
                predicted.</p>
                """, problems: [],
            sections: [
                PageSection(
                    "Speed", id: "speed",
                    chart("Samples a second", "samples/s") {
                        $1 ? $0.prediction.plainSamplesPerSecond : $0.prediction.samplesPerSecond
                    }),
                PageSection(
                    "Efficiency", id: "efficiency",
                    chart("Speed of a worker, against one alone", "efficiency") {
                        $1 ? $0.plainEfficiency : $0.efficiency
                    }),
            ], figures: try table.json(), command: "lockstep bench scaling")
        html = document.html.text
    }

    /// - Throws: `Failure` with the path.
    package func write(to path: String) throws {
        try AtomicFile.write([Array(html.utf8)], to: path)
    }
}
