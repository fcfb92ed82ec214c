/// Curves over a common axis, as a drawing with its numbers below it.
struct LineChart {
    struct Point {
        let x: Double
        let y: Double
        /// What hovering tells beside the numbers.
        var note = ""
        /// Drawn larger, with a ring.
        var isMarked = false
    }

    struct Series {
        let name: String
        /// In the order of x.
        let points: [Point]
        /// Number of its colour and pattern.
        let style: Int
        /// Between which values the runs of a family lie, at each of the points.
        var band: [(low: Double, high: Double)] = []
        var isStepped = false
        var hasLine = true
    }

    let title: String
    let xAxis: Axis
    let yAxis: Axis
    let series: [Series]
    /// Units of hovered values, such as " %".
    var unit = ""

    /// Above so many points a curve has no markers of its own.
    private static let markerLimit = 120
    private static let rowLimit = 200

    var html: HTML {
        let frame = ChartFrame(xAxis: xAxis, yAxis: yAxis)
        let drawn = series.filter { !$0.points.isEmpty }
        let legend: [HTML] = drawn.map { series in
            let sample: HTML =
                series.hasLine
                ? "<path class=\"line p\(series.style % 8)\" d=\"M1 5H29\"/>"
                : "<circle class=\"f\(series.style % 8)\" cx=\"15\" cy=\"5\" r=\"4\"/>"
            return """
                <li><svg class="key" viewBox="0 0 30 10" aria-hidden="true">\(sample)</svg>\(series.name)</li>
                """
        }
        let names = drawn.map(\.name).joined(separator: ", ")
        let description =
            "\(xAxis.title) from \(xAxis.ticks.first?.label ?? "") to \(xAxis.ticks.last?.label ?? ""); "
            + "\(yAxis.title)\(yAxis.isLogarithmic ? ", logarithmic" : ""). Curves: \(names)."
        return """
            <figure class="chart"><figcaption>\(title)</figcaption>
            \(frame.svg(title: title, description: description, content: drawn.map { curve($0, frame) }))
            \(drawn.count > 1 || drawn.contains { !$0.band.isEmpty } ? "<ul class=\"legend\">\(legend)</ul>" as HTML : "")
            \(numbers(drawn))
            </figure>
            """
    }

    private func curve(_ series: Series, _ frame: ChartFrame) -> HTML {
        let style = series.style % 8
        var parts: HTML = ""
        if series.band.count == series.points.count, series.points.count > 1 {
            let upper = zip(series.points, series.band).map { frame.point($0.x, $1.high) }
            let lower = zip(series.points, series.band).reversed().map { frame.point($0.x, $1.low) }
            parts += "<path class=\"band f\(style)\" d=\"M\((upper + lower).joined("L"))Z\"/>"
        }
        if series.hasLine {
            var path: HTML = ""
            let columns = series.points.map { Int(frame.x($0.x)) }
            for index in CurveOutline.indices(columns: columns, values: series.points.map(\.y)) {
                let point = series.points[index]
                let place = frame.point(point.x, point.y)
                if series.isStepped && !path.text.isEmpty { path += "H\(frame.x(point.x))" }
                path += path.text.isEmpty ? "M\(place)" : "L\(place)"
            }
            parts += "<path class=\"line p\(style)\" d=\"\(path)\"/>"
        }
        let every = max(1, series.points.count / Self.markerLimit)
        for (index, point) in series.points.enumerated() where index % every == 0 || point.isMarked {
            let note = point.note.isEmpty ? "" : ", \(point.note)"
            let text =
                "\(series.name), \(xAxis.title) \(PageText.number(point.x)): \(PageText.number(point.y))\(unit)\(note)"
            parts += """
                <circle class="dot f\(style)\(point.isMarked ? " marked" : "")" cx="\(frame.x(point.x))" \
                cy="\(frame.y(point.y))" r="\(point.isMarked ? 5 : 2.5)"><title>\(text)</title></circle>
                """
        }
        return parts
    }

    private func numbers(_ drawn: [Series]) -> HTML {
        let xs = Set(drawn.flatMap { $0.points.map(\.x) }).sorted()
        let values = drawn.map { series in
            Dictionary(series.points.map { ($0.x, $0.y) }, uniquingKeysWith: { first, _ in first })
        }
        let every = max(1, (xs.count + Self.rowLimit - 1) / Self.rowLimit)
        let shown = xs.enumerated().filter { $0.offset % every == 0 || $0.offset == xs.count - 1 }.map(\.element)
        let head: [HTML] = drawn.map { "<th scope=\"col\">\($0.name)</th>" }
        let rows: [HTML] = shown.map { x in
            let cells: [HTML] = values.map { "<td>\(PageText.number($0[x], 5))</td>" }
            return "<tr><th scope=\"row\">\(PageText.number(x))</th>\(cells)</tr>"
        }
        let some = every > 1 ? ", every \(every)th" : ""
        return """
            <details><summary>Numbers</summary><div class="scroll" tabindex="0" role="region" aria-label="\(title)">\
            <table><caption>\(title)\(unit.isEmpty ? "" : " in\(unit)")\(some)</caption>\
            <thead><tr><th scope="col">\(xAxis.title)</th>\(head)</tr></thead><tbody>\(rows)</tbody></table></div></details>
            """
    }
}

/// The frame of a drawing: axes, ticks, grid.
struct ChartFrame {
    static let width = 480.0
    static let height = 270.0
    private static let (right, top, bottom) = (14.0, 12.0, 42.0)

    let xAxis: Axis
    let yAxis: Axis
    /// Instead of the ticks of x: names in the middle of equal parts.
    var categories: [String] = []

    /// Room for the ticks' labels, and the title beside them.
    private var left: Double { 34 + 7.6 * Double(max(3, yAxis.ticks.map(\.label.count).max() ?? 0)) }

    func x(_ value: Double) -> Double { place(xAxis.place(value)) }

    /// Of a share of the width.
    func place(_ share: Double) -> Double { left + share * (Self.width - left - Self.right) }

    func y(_ value: Double) -> Double {
        Self.height - Self.bottom - yAxis.place(value) * (Self.height - Self.top - Self.bottom)
    }

    func point(_ xValue: Double, _ yValue: Double) -> HTML { "\(x(xValue)) \(y(yValue))" }

    func svg(title: String, description: String, content: [HTML]) -> HTML {
        let floor = Self.height - Self.bottom
        let right = Self.width - Self.right
        let horizontal: [HTML] = yAxis.ticks.map { tick in
            let place = y(tick.value)
            return """
                <path class="grid" d="M\(left) \(place)H\(right)"/>\
                <text class="end" x="\(left - 6)" y="\(place + 4)">\(tick.label)</text>
                """
        }
        let vertical: [HTML] =
            categories.isEmpty
            ? xAxis.ticks.map { tick in
                let place = x(tick.value)
                return """
                    <path class="grid" d="M\(place) \(Self.top)V\(floor)"/>\
                    <text class="middle" x="\(place)" y="\(floor + 17)">\(tick.label)</text>
                    """
            }
            : categories.enumerated().map { index, name in
                let place = self.place((Double(index) + 0.5) / Double(categories.count))
                return "<text class=\"middle\" x=\"\(place)\" y=\"\(floor + 17)\">\(name.cut(12))</text>"
            }
        let middle = (Self.top + floor) / 2
        return """
            <svg viewBox="0 0 \(Self.width) \(Self.height)" role="img"><title>\(title)</title><desc>\(description)</desc>\
            <g aria-hidden="true">\(horizontal)\(vertical)\
            <path class="axis" d="M\(left) \(Self.top)V\(floor)H\(right)"/>\
            <text class="middle" x="\((left + right) / 2)" y="\(Self.height - 6)">\(xAxis.title)</text>\
            <text class="middle" transform="translate(13 \(middle)) rotate(-90)">\(yAxis.title)</text></g>\
            \(content)</svg>
            """
    }
}

extension String {
    /// At most `count` characters.
    func cut(_ count: Int) -> String { self.count <= count ? self : String(prefix(count - 1)) + "…" }
}
