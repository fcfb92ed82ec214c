import DataLoading
import Errors
import Foundation

/// The page of several runs side by side.
struct ComparisonPage {
    struct Figures: Codable {
        let kind: String
        let runs: [Run]
        let tests: [Pair]
    }

    struct Run: Codable {
        let name: String
        let testAccuracy: Double?
        let isEvaluated: Bool
        let rightCount: Int?
    }

    struct Pair: Codable {
        let first: String
        let second: String
        let test: McNemarTest
    }

    private let runs: [RunFolder]
    private let names: [String]
    /// By run and test image; nil where that is not known.
    private let right: [[Bool]?]
    private let families: [RunFamily]
    private let pairs: [Pair]
    private let liveVersion: String?
    /// Not while one of them goes on.
    private let isScored: Bool

    /// Up to so many runs each pair is tested; of more each against the best.
    private static let pairedRunLimit = 10

    init(_ paths: [String], options: ReportOptions, data: ReportData, memory: inout PageMemory) {
        var folders = paths.map { RunFolder($0, history: memory.history(of: $0)) }
        isScored = !(options.isLive && folders.contains(where: \.isRunning))
        // Folders of one name are told apart by their paths.
        let names = Set(folders.map(\.name)).count == folders.count ? folders.map(\.name) : paths
        var right: [[Bool]?] = []
        var sets: [String?] = []
        for index in folders.indices {
            let evaluated = isScored ? data.evaluate(&folders[index]) : nil
            right.append(
                evaluated.flatMap { ClassifiedSamples($0.outcome, $0.data.test, names: $0.data.classNames) }?.isRight)
            sets.append(evaluated.map { "\($0.data.name) \($0.data.test.count)" })
        }
        runs = folders
        self.names = names
        self.right = right
        families = RunFamily.all(folders, names: names)
        pairs = Self.pairs(right, sets).map { first, second in
            Pair(
                first: names[first], second: names[second],
                test: McNemarTest(firstIsRight: right[first] ?? [], secondIsRight: right[second] ?? []))
        }
        liveVersion = options.liveVersion
    }

    var html: String {
        let problems = zip(names, runs).flatMap { name, run in run.problems.map { "\(name): \($0)" } }
        let charts = charts
        let training = PageSection(
            "Training", id: "training", "<div class=\"charts\">\(charts.map(\.html))</div>\(bandNote)")
        let sections =
            [PageSection("Results", id: "result", results)] + (charts.isEmpty ? [] : [training])
            + [BottleneckSection(runs).section].compactMap { $0 } + [
                PageSection("Differing settings", id: "settings", settings),
                PageSection("Paired tests", id: "tests", tests),
            ]
        return PageDocument(
            title: PageText.plural(runs.count, "run"),
            lead: "<p class=\"lead\">\(names.joined(separator: ", ").cut(400))</p>", problems: problems,
            sections: sections, figures: RunPage.json(figures), liveVersion: liveVersion
        ).html.text
    }

    private var figures: Figures {
        Figures(
            kind: "runs",
            runs: runs.indices.map { index in
                Run(
                    name: names[index], testAccuracy: runs[index].summary?.testAccuracy,
                    isEvaluated: right[index] != nil, rightCount: right[index]?.count { $0 })
            }, tests: pairs)
    }

    /// Indices of runs that can be compared sample by sample.
    private static func pairs(_ right: [[Bool]?], _ sets: [String?]) -> [(Int, Int)] {
        let known = right.indices.filter { right[$0] != nil }
        func counts(_ index: Int) -> Int { right[index]?.count { $0 } ?? 0 }
        let best = known.reduce(nil as Int?) { best, index in
            best.map { counts(index) > counts($0) ? index : $0 } ?? index
        }
        return known.flatMap { first in
            known.filter { second in
                guard sets[first] == sets[second], right[first]?.count == right[second]?.count else { return false }
                if known.count <= pairedRunLimit { return first < second }
                return first == best && second != first
            }.map { (first, $0) }
        }
    }

    private var results: HTML {
        let rows: [HTML] = runs.indices.map { index in
            let summary = runs[index].summary
            let own = right[index].map { PageText.percent(Double($0.count { $0 }) / Double(max($0.count, 1))) }
            return """
                <tr><th scope="row">\(names[index])</th><td>\(PageText.percent(summary?.testAccuracy))</td>\
                <td>\(PageText.number(summary?.testLoss))</td><td>\(own ?? PageText.none)</td>\
                <td>\(PageText.percent(summary?.validationAccuracy))</td><td>\(PageText.number(summary?.trainLoss))</td>\
                <td>\(PageText.number(summary?.epochs.map(Double.init)))</td>\
                <td>\(PageText.duration(summary?.wallSeconds))</td>\
                <td><code>\((summary?.parametersSHA256 ?? PageText.none).cut(13))</code></td></tr>
                """
        }
        let head = [
            "run", "test accuracy", "test loss", "evaluated here", "validation accuracy", "train loss", "epochs",
            "time", "sha256",
        ].map { "<th scope=\"col\">\($0)</th>" as HTML }
        return """
            <div class="scroll" role="region" aria-label="Results" tabindex="0"><table class="numbers"><caption>Results at the \
            end of each run; "evaluated here" is the best checkpoint on the test set</caption>\
            <thead><tr>\(head)</tr></thead><tbody>\(rows)</tbody></table></div>
            """
    }

    private var charts: [LineChart] {
        let kinds: [(String, String, String, KeyPath<RunFolder.Point, Double?>, Double)] = [
            ("Validation accuracy", "validation", "accuracy in %", \.accuracy, 100),
            ("Validation loss", "validation", "loss", \.loss, 1),
            ("Test accuracy", "test", "accuracy in %", \.accuracy, 100), ("Test loss", "test", "loss", \.loss, 1),
            ("Train loss", "train", "loss", \.loss, 1), ("Train accuracy", "train", "accuracy in %", \.accuracy, 100),
            ("Learning rate", "train", "learning rate", \.learningRate, 1),
        ]
        return kinds.compactMap { title, split, axis, value, scale in
            let series = families.enumerated().compactMap { index, family in
                family.series(split, value, scale: scale, style: index)
            }
            let points = series.flatMap(\.points)
            guard !points.isEmpty else { return nil }
            // A test curve of a single point says no more than the table.
            guard split != "test" || points.count > series.count else { return nil }
            let values = series.flatMap { $0.points.map(\.y) + $0.band.flatMap { [$0.low, $0.high] } }
            let epochs = points.map { Int($0.x) }
            return LineChart(
                title: title, xAxis: Axis("epoch", wholeNumbers: min(1, epochs.min() ?? 1)...(epochs.max() ?? 1)),
                yAxis: CurveSection.axis(axis, values), series: series, unit: scale == 100 ? " %" : "")
        }
    }

    private var bandNote: HTML {
        families.contains { $0.runs.count > 1 }
            ? """
            <p class="hint">Runs that differ in their seed only share a curve: their mean, and as a band the least and the \
            greatest of them.</p>
            """ : ""
    }

    private var settings: HTML {
        let given = runs.map { run in
            Dictionary(run.options?.given ?? [], uniquingKeysWith: { $1 })
        }
        var options: [String] = []
        for run in runs {
            for (option, _) in run.options?.given ?? [] where !options.contains(option) { options.append(option) }
        }
        let differing = options.filter { option in Set(given.map { $0[option] }).count > 1 }
        guard !differing.isEmpty else { return "<p>All settings are the same.</p>" }
        let head: [HTML] = differing.map { "<th scope=\"col\">\($0)</th>" }
        let rows: [HTML] = zip(names, given).map { name, values in
            let cells: [HTML] = differing.map { "<td>\(values[$0] ?? PageText.none)</td>" }
            return "<tr><th scope=\"row\">\(name)</th>\(cells)</tr>"
        }
        return """
            <div class="scroll" role="region" aria-label="Differing settings" tabindex="0"><table class="numbers texts">\
            <caption>Settings that are not the same in all runs</caption>\
            <thead><tr><th scope="col">run</th>\(head)</tr></thead><tbody>\(rows)</tbody></table></div>
            """
    }

    private var tests: HTML {
        guard isScored else {
            return """
                <p class="hint">Tests, and the scores "evaluated here", come when all of these runs have ended: until then nothing \
                is scored, so that nothing slows them.</p>
                """
        }
        guard !pairs.isEmpty else {
            return "<p>No two of these runs are classifiers whose checkpoints and test set are there.</p>"
        }
        let rows: [HTML] = pairs.map { pair in
            """
            <tr><th scope="row">\(pair.first)</th><td>\(pair.second)</td><td>\(pair.test.onlyFirst)</td>\
            <td>\(pair.test.onlySecond)</td><td>\(PageText.fixed(pair.test.statistic, 3))</td>\
            <td>\(PageText.number(pair.test.p, 3))</td><td>\(pair.test.method.rawValue)</td></tr>
            """
        }
        let head = ["first", "second", "only first right", "only second right", "χ²", "p", "method"].map {
            "<th scope=\"col\">\($0)</th>" as HTML
        }
        return """
            <p>McNemar's test: whether two networks err equally often on the same test images, by those of which just one is \
            right. Below \(McNemarTest.exactLimit) such images it is the exact binomial test, two-sided; else χ² with the \
            correction for continuity, (|b − c| − 1)² / (b + c).</p>
            <div class="scroll" role="region" aria-label="Paired tests" tabindex="0"><table class="numbers"><caption>\
            \(runs.count > Self.pairedRunLimit ? "The best run against each other one" : "Each pair of runs"), not corrected for \
            the number of tests</caption><thead><tr>\(head)</tr></thead><tbody>\(rows)</tbody></table></div>
            """
    }
}

/// Runs that differ in their seed only.
struct RunFamily {
    let name: String
    let runs: [RunFolder]

    static func all(_ runs: [RunFolder], names: [String]) -> [RunFamily] {
        var keys: [String?] = []
        var groups: [[Int]] = []
        for (index, run) in runs.enumerated() {
            let key = run.options.map { options in
                options.given.filter { $0.option != "seed" }.map { "\($0.option): \($0.text)" }.joined(separator: "\n")
            }
            if let key, let known = keys.firstIndex(of: key) {
                groups[known].append(index)
            } else {
                keys.append(key)
                groups.append([index])
            }
        }
        return groups.map { group in
            let first = names[group[0]]
            return RunFamily(
                name: group.count == 1 ? first : "\(first) and \(PageText.plural(group.count - 1, "other seed"))",
                runs: group.map { runs[$0] })
        }
    }

    /// The curve of a single run, or the mean of the runs that have an epoch, with the least and the greatest.
    func series(
        _ split: String, _ value: KeyPath<RunFolder.Point, Double?>, scale: Double, style: Int
    ) -> LineChart.Series? {
        var epochs: [Int: [Double]] = [:]
        for run in runs {
            for point in run.epochs(split) {
                if let number = point[keyPath: value], number.isFinite {
                    epochs[point.epoch, default: []].append(number * scale)
                }
            }
        }
        guard !epochs.isEmpty else { return nil }
        let ordered = epochs.sorted { $0.key < $1.key }
        let points = ordered.map { epoch, values in
            LineChart.Point(
                x: Double(epoch), y: values.reduce(0, +) / Double(values.count),
                note: runs.count > 1 ? "mean of \(values.count)" : "")
        }
        let band = ordered.map { (low: $0.value.min() ?? 0, high: $0.value.max() ?? 0) }
        return LineChart.Series(name: name, points: points, style: style, band: runs.count > 1 ? band : [])
    }
}
