import Sweeps

/// The metric over each parameter by itself.
struct SweepScatter {
    let page: SweepContentsPage

    var html: HTML {
        let charts: [HTML] = page.parameters.map { parameter in
            guard let metricAxis = page.metric.axis else { return "" }
            let frame = ChartFrame(
                xAxis: parameter.axis ?? Axis(parameter.name, covering: [0, 1]), yAxis: metricAxis,
                categories: parameter.choices)
            let marks: [HTML] = page.records.indices.compactMap { index in
                guard var place = parameter.places[index], let value = page.metric.numbers[index] else { return nil }
                let record = page.records[index]
                // Trials of one choice lie side by side.
                if parameter.axis == nil {
                    place += (Double(record.number % 7) - 3) / 14 / Double(max(parameter.choices.count, 1))
                }
                let state = SweepContentsPage.state(record)
                let text =
                    "trial \(record.number), \(state): \(parameter.name) \(parameter.texts[index]), "
                    + "\(page.metric.name) \(page.metric.texts[index])"
                let kind = record.number == page.best?.number ? "best" : state
                return """
                    <circle class="trial-dot \(kind)" data-t="\(record.number)" cx="\(frame.place(place))" \
                    cy="\(frame.y(value))" r="\(kind == "best" ? 5.5 : 3.2)"><title>\(text)</title></circle>
                    """
            }
            let svg = frame.svg(
                title: "\(page.metric.name) over \(parameter.name)",
                description: "\(PageText.plural(marks.count, "trial")). The table below has the values.", content: marks
            )
            return "<figure class=\"chart\"><figcaption>\(parameter.name)</figcaption>\(svg)</figure>"
        }
        return """
            <div class="charts">\(charts)</div>
            <p class="hint">Filled: finished; hollow: ended early or running; the ring is the best. Trials that failed have no \
            value.</p>
            """
    }
}

/// All trials as a table that sorts, and shows what is chosen among the parallel coordinates.
struct SweepTrialTable {
    let page: SweepContentsPage

    var html: HTML {
        let names = ["trial", "state"] + page.axes.map(\.name) + ["seconds"]
        let head: [HTML] = names.enumerated().map { index, name in
            """
            <th scope="col" aria-sort="\(index == 0 ? "ascending" : "none")"><button type="button" data-sort="\(index)">\
            \(name)</button></th>
            """
        }
        let rows: [HTML] = page.records.indices.map { index in
            let record = page.records[index]
            let state = SweepContentsPage.state(record)
            let cells: [HTML] = page.axes.map { axis in
                let key = axis.axis == nil ? nil : axis.numbers[index].map { "\($0)" }
                return "<td\(key.map { " data-v=\"\($0)\"" as HTML })>\(axis.texts[index])</td>"
            }
            let reason: HTML? = record.reason.map { " title=\"\($0)\"" }
            let shown = state == "stopped" ? "ended early" : state
            return """
                <tr data-t="\(record.number)"\(record.number == page.best?.number ? " class=\"best\"" as HTML : "")>\
                <th scope="row" data-v="\(record.number)">\(record.number)</th><td\(reason)><span class="state \(state)">\
                \(shown)</span></td>\(cells)<td\(record.seconds.map { " data-v=\"\("\($0)")\"" as HTML })>\
                \(PageText.fixed(record.seconds, 1))</td></tr>

                """
        }
        let failures: [HTML] = page.records.filter { $0.state == .failed }.prefix(20).map {
            "<li>Trial \($0.number): \($0.reason ?? "no reason is known")</li>"
        }
        let told: HTML =
            failures.isEmpty
            ? "" : "<details><summary>Why trials failed (at most 20)</summary><ul>\(failures)</ul></details>"
        return """
            <div class="scroll tall" role="region" aria-label="Trials" tabindex="0"><table class="numbers" id="trials-table">\
            <caption>Trials; headings sort</caption><thead><tr>\(head)</tr></thead><tbody>\(rows)</tbody></table></div>\(told)
            """
    }
}

/// Which group of workers trained when.
struct SweepGroupChart {
    private let sessions: [SweepTimeline.Session]

    init(_ records: [TrialRecord], _ starts: [TrialStore.Session]) {
        sessions = SweepTimeline(records, starts).sessions
    }

    private static let groupLimit = 64

    var html: HTML? {
        guard !sessions.isEmpty else { return nil }
        return sessions.enumerated().map { number, session -> HTML in
            let length = max(session.end - session.begin, 1e-9)
            let rows: [HTML] = session.groups.prefix(Self.groupLimit).enumerated().map { group, bars in
                let parts: [HTML] = bars.map { bar in
                    let left = (bar.begin - session.begin) / length * 1_000
                    let width = max((bar.end - bar.begin) / length * 1_000 - 0.6, 0.4)
                    let state = SweepContentsPage.state(bar.record)
                    return """
                        <rect class="span \(state)" x="\(left)" y="2" width="\(width)" height="26"><title>trial \
                        \(bar.record.number), \(state): \(PageText.duration(bar.end - bar.begin))</title></rect>
                        """
                }
                let idle = PageText.percent(session.idleShare(of: group), 1)
                let label = "group \(group): \(PageText.plural(bars.count, "trial")), idle for \(idle)"
                return """
                    <p class="worker">\(label)</p><svg class="strip" viewBox="0 0 1000 30" preserveAspectRatio="none" \
                    role="img" aria-label="\(label)">\(parts)</svg>
                    """
            }
            return "<h3>Start \(number + 1), \(PageText.duration(session.end - session.begin))</h3>\(rows)"
        }.joined()
    }
}
