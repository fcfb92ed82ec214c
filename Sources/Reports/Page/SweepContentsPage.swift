import Foundation
import Sweeps

/// The page of a sweep whose records can be read.
struct SweepContentsPage {
    let path: String
    let contents: SweepDirectory.Contents
    let records: [TrialRecord]
    let parameters: [SweepAxis]
    let metric: SweepAxis
    let best: TrialRecord?
    private let liveVersion: String?
    private let importance: ParameterImportance

    init(_ path: String, _ contents: SweepDirectory.Contents, liveVersion: String?, memory: inout PageMemory) {
        self.path = path
        self.contents = contents
        self.liveVersion = liveVersion
        let plan = contents.plan
        // What has not begun says nothing.
        let records = contents.records.filter { $0.state != .pending }
        self.records = records
        parameters = plan.varying.map { SweepAxis(option: $0, records, plan) }.filter { axis in
            axis.axis != nil || axis.choices.count > 1
        }
        metric = SweepAxis(metric: plan.definition.metric.name, records)
        best = SweepStatus(contents).best
        if liveVersion != nil, contents.isInUse, let known = memory.importance,
            known.isGood(for: parameters, metric, records)
        {
            importance = known
        } else {
            importance = ParameterImportance(parameters, metric, records)
        }
        memory.importance = importance
    }

    var axes: [SweepAxis] { parameters + [metric] }
    var isMaximized: Bool { contents.plan.definition.metric.isMaximized }
    private var name: String { contents.plan.definition.name ?? path.fileName }

    var document: PageDocument {
        var sections = [PageSection("Result", id: "result", result)]
        if !records.isEmpty {
            sections.append(PageSection("Best so far", id: "progress", progress))
            sections.append(PageSection("Parallel coordinates", id: "parallel", ParallelCoordinates(page: self).html))
            if !parameters.isEmpty {
                sections.append(PageSection("Importance", id: "importance", importance.html))
                sections.append(PageSection("Parameter by parameter", id: "scatter", SweepScatter(page: self).html))
            }
            sections.append(PageSection("Trials", id: "trials", SweepTrialTable(page: self).html))
            if let groups = SweepGroupChart(records, contents.sessions).html {
                sections.append(PageSection("Groups of workers", id: "groups", groups))
            }
        }
        sections.append(
            PageSection(
                "sweep.yaml", id: "file",
                "<details><summary>The file as given</summary><pre tabindex=\"0\">\(contents.text.cut(50_000))</pre></details>"
            ))
        let problems = records.isEmpty ? ["No trial has begun yet."] : []
        return PageDocument(
            title: name, lead: lead, problems: problems, sections: sections, figures: RunPage.json(figures),
            liveVersion: liveVersion)
    }

    private var figures: SweepPage.Figures {
        SweepPage.Figures(
            kind: "sweep", name: name, metric: metric.name, isMaximized: isMaximized, best: best?.number,
            axes: axes.map(\.script),
            trials: records.indices.map { index in
                SweepPage.Figures.Trial(
                    number: records[index].number, state: Self.state(records[index]), value: metric.numbers[index],
                    places: axes.map { $0.places[index].map { ($0 * 1e4).rounded() / 1e4 } },
                    numbers: parameters.map { $0.numbers[index] })
            }, parameters: importance.figures, explained: importance.explained)
    }

    /// A failure for want of finite numbers is told apart.
    static func state(_ record: TrialRecord) -> String {
        record.state == .failed && record.reason?.contains("not finite") == true ? "diverged" : record.state.rawValue
    }

    private var lead: HTML {
        let definition = contents.plan.definition
        return """
            <p class="lead">\(definition.description ?? "sweep") · method \(definition.method.rawValue) · \
            \(isMaximized ? "greatest" : "least") \(metric.name) · \
            <strong>\(contents.isInUse ? "running" : "not running")</strong></p>
            """
    }

    private var result: HTML {
        let status = SweepStatus(contents)
        var tiles: [(String, String)] = []
        if let best, let value = best.value {
            tiles.append(("best \(metric.name)", PageText.number(value, 5)))
            tiles.append(("of trial", "\(best.number)"))
        }
        let states = records.map(Self.state)
        for state in ["finished", "stopped", "diverged", "failed", "running"] {
            let count = states.count { $0 == state }
            if count > 0 || state == "finished" {
                tiles.append((state == "stopped" ? "ended early" : state, "\(count)"))
            }
        }
        if let total = status.total, total > records.count { tiles.append(("of", "\(total)")) }
        tiles.append(("time of all trials", PageText.duration(records.compactMap(\.seconds).reduce(0, +))))
        let items: [HTML] = tiles.map { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" }
        guard let best else { return "<dl class=\"tiles\">\(items)</dl><p>No trial has finished yet.</p>" }
        let settings = best.trial.parameters.filter { contents.plan.varying.contains($0.option) && !$0.value.isNull }
            .map { ($0.option, $0.value.text) }
        return """
            <dl class="tiles">\(items)</dl>\(OverviewSection.table("Settings of the best trial", settings))
            <h3>The best trial again</h3><pre class="command" tabindex="0"><code>lockstep train --from \
            \(PageText.shellWord("\(path)/\(best.number)"))</code></pre>
            \(best.parametersSHA256.map { "<p class=\"hint\">Its SHA-256 is <code class=\"hash\">\($0)</code>.</p>" as HTML })
            """
    }

    private var progress: HTML {
        var points: [LineChart.Point] = []
        var single: [LineChart.Point] = []
        var stopped: [LineChart.Point] = []
        var bestValue: Double?
        for (index, record) in records.enumerated() {
            guard let value = metric.numbers[index] else { continue }
            let point = LineChart.Point(x: Double(record.number), y: value)
            guard record.state == .finished else {
                stopped.append(point)
                continue
            }
            single.append(point)
            if bestValue.map({ isMaximized ? value > $0 : value < $0 }) ?? true { bestValue = value }
            points.append(
                LineChart.Point(
                    x: Double(record.number), y: bestValue ?? value, isMarked: record.number == best?.number))
        }
        guard !points.isEmpty else { return "<p>No trial has finished yet.</p>" }
        let numbers = records.map(\.number)
        var series = [
            LineChart.Series(name: "best so far", points: points, style: 0, isStepped: true),
            LineChart.Series(name: "finished trial", points: single, style: 1, hasLine: false),
        ]
        if !stopped.isEmpty {
            series.append(LineChart.Series(name: "ended early, or running", points: stopped, style: 4, hasLine: false))
        }
        let failed = records.count { $0.state == .failed }
        let axis = CurveSection.axis(metric.name, (points + single + stopped).map(\.y))
        return LineChart(
            title: "Best so far", xAxis: Axis("trial", wholeNumbers: min(1, numbers.min() ?? 1)...(numbers.max() ?? 1)),
            yAxis: axis, series: series
        ).html + """
            <p class="hint">Trials in the order of their numbers\
            \(failed > 0 ? "; without \(PageText.plural(failed, "trial")) that failed or diverged" : "").</p>
            """
    }
}
