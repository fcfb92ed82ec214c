import Sweeps

/// Every trial as a line over an axis for each parameter, and the metric. Parts of axes are chosen by pointer or keys.
struct ParallelCoordinates {
    let page: SweepContentsPage

    private static let (height, top, bottom, spacing) = (300.0, 46.0, 30.0, 118.0)
    private static let floor = height - bottom

    private var width: Double { Self.spacing * Double(max(page.axes.count, 2)) }

    private func x(_ axis: Int) -> Double { Self.spacing * (Double(axis) + 0.5) }
    private func y(_ place: Double) -> Double { Self.floor - place * (Self.floor - Self.top) }

    var html: HTML {
        let lines = page.records.indices.map { line($0) }
        let axes = page.axes.indices.map { axis($0) }
        return """
            <p class="hint" id="brush-hint">Drag along an axis to choose a part of it, or reach its two handles by the tab key and \
            move them by arrow keys; Escape frees an axis. Lines and the table below then show the chosen trials only.</p>
            <p><strong id="brush-count" aria-live="polite">\(page.records.count) of \
            \(PageText.plural(page.records.count, "trial"))</strong> <button type="button" id="brush-reset">show all</button></p>
            <div class="scroll" role="region" aria-label="Parallel coordinates" tabindex="0">\
            <svg id="parallel-chart" class="parallel" style="min-width:\(width)px" viewBox="0 0 \(width) \(Self.height)" \
            role="group" aria-label="Parallel coordinates of \(page.records.count) trials" aria-describedby="brush-hint" \
            data-top="\(Self.top)" data-floor="\(Self.floor)">
            <g class="lines" aria-hidden="true">\(lines)</g>\(axes)</svg></div>
            <ul class="legend"><li><span class="ramp" aria-hidden="true"></span>\
            \(page.isMaximized ? "blue: least, orange: greatest" : "blue: greatest, orange: least") \(page.metric.name)</li>\
            <li><svg class="key" viewBox="0 0 30 10" aria-hidden="true"><path class="trial stopped" d="M1 5H29"/></svg>\
            ended early</li><li><svg class="key" viewBox="0 0 30 10" aria-hidden="true"><path class="trial failed" d="M1 5H29"/>\
            </svg>failed or diverged</li></ul>
            """
    }

    private func line(_ index: Int) -> HTML {
        let record = page.records[index]
        var path: HTML = ""
        var isDown = false
        for (axis, values) in page.axes.enumerated() {
            // A trial without a value of the metric ends below its axis; one without a parameter leaves its axis out.
            let isMetric = axis == page.axes.count - 1
            guard let place = values.places[index] ?? (isMetric ? -0.06 : nil) else {
                isDown = false
                continue
            }
            path += isDown ? "L\(x(axis)) \(y(place))" : "M\(x(axis)) \(y(place))"
            isDown = true
        }
        let state = SweepContentsPage.state(record)
        let kind = state == "diverged" ? "failed" : state
        let texts = page.axes.map { "\($0.name) \($0.texts[index])" }.joined(separator: ", ")
        let share = page.metric.places[index].map { page.isMaximized ? $0 : 1 - $0 }
        let colour: HTML = share.map { "style=\"stroke:\(Self.colour($0))\"" } ?? ""
        return """
            <path class="trial \(kind)" data-t="\(record.number)" \(colour) d="\(path)"><title>trial \(record.number), \
            \(state): \(texts)</title></path>

            """
    }

    /// From blue over grey to orange.
    static func colour(_ share: Double) -> String {
        let stops: [(Double, Double, Double)] = [(30, 110, 185), (150, 150, 150), (230, 130, 0)]
        let place = min(max(share, 0), 1) * 2
        let first = min(Int(place), 1)
        let rest = place - Double(first)
        let (a, b) = (stops[first], stops[first + 1])
        func mixed(_ a: Double, _ b: Double) -> Int { Int(a + (b - a) * rest + 0.5) }
        return "rgb(\(mixed(a.0, b.0)),\(mixed(a.1, b.1)),\(mixed(a.2, b.2)))"
    }

    private func axis(_ index: Int) -> HTML {
        let values = page.axes[index]
        let place = x(index)
        let ticks: [HTML] =
            values.axis.map { axis in
                axis.ticks.map { tick in
                    let y = y(axis.place(tick.value))
                    return """
                        <path class="axis" d="M\(place - 4) \(y)h4"/>\
                        <text class="end halo" x="\(place - 7)" y="\(y + 4)">\(tick.label)</text>
                        """
                }
            }
            ?? values.choices.enumerated().map { number, name in
                let y = y((Double(number) + 0.5) / Double(values.choices.count))
                return """
                    <path class="axis" d="M\(place - 4) \(y)h4"/>\
                    <text class="end halo" x="\(place - 7)" y="\(y + 4)">\(name.cut(12))</text>
                    """
            }
        // Labels of metric and parameters alternate in height, so that long ones do not meet.
        let label: HTML = """
            <text class="middle strong" x="\(place)" y="\(index % 2 == 0 ? 14 : 28)">\(values.name.cut(18))</text>
            """
        func handle(_ end: String, _ y: Double, _ shape: HTML) -> HTML {
            """
            <g class="handle" data-end="\(end)" tabindex="0" role="slider" aria-orientation="vertical" \
            aria-label="\(values.name), \(end == "low" ? "least" : "greatest") chosen" aria-valuemin="0" aria-valuemax="100" \
            aria-valuenow="\(end == "low" ? 0 : 100)" transform="translate(\(place) \(y))">\(shape)</g>
            """
        }
        return """
            <g class="brush" data-a="\(index)"><g aria-hidden="true">\(label)\(ticks)\
            <path class="axis" d="M\(place) \(Self.top)V\(Self.floor)"/>\
            <rect class="chosen" x="\(place - 9)" y="\(Self.top)" width="18" height="\(Self.floor - Self.top)"/>\
            <rect class="hit" x="\(place - 18)" y="\(Self.top - 8)" width="36" height="\(Self.floor - Self.top + 16)"/></g>\
            \(handle("high", Self.top, "<path d=\"M-7 -8H7L0 0z\"/>"))\(handle("low", Self.floor, "<path d=\"M-7 8H7L0 0z\"/>"))</g>

            """
    }
}
