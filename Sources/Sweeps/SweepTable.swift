import Foundation

/// The result of a sweep as a table: a row for each trial in the order that they ran, or, where seeds vary, for each
/// configuration with means ± standard deviations over its seeds.
package struct SweepTable: Sendable {
    package let columns: [String]
    /// The column behind those that say what a row is.
    let firstResult: Int
    /// Cells by column.
    package let rows: [[String]]
    /// The row with the best metric.
    package let bestRow: Int?
    /// Sentences below the table.
    package let notes: [String]

    init(columns: [String], firstResult: Int, rows: [[String]], bestRow: Int?, notes: [String]) {
        self.columns = columns
        self.firstResult = firstResult
        self.rows = rows
        self.bestRow = bestRow
        self.notes = notes
    }

    /// - Parameter summarizesSeeds: Whether trials that differ in their seed only share a row.
    package init(_ plan: SweepPlan, _ records: [TrialRecord], summarizesSeeds: Bool = true) {
        let hasSeeds = summarizesSeeds && plan.varying.contains("seed")
        let options = plan.varying.filter { !hasSeeds || $0 != "seed" }
        let groups = Self.groups(plan, records, isBySeed: hasSeeds)
        let measures = Measure.shown(records, metric: plan.definition.metric.name)
        let hasConfidence = hasSeeds && plan.definition.seeds > 1
        columns =
            [hasSeeds ? "trials" : "trial"] + options + (hasSeeds ? ["seeds"] : []) + measures.map(\.title)
            + (hasConfidence ? ["95 % ±"] : []) + ["seconds"]
        firstResult = 1 + options.count
        rows = groups.map { group in
            let trial = group[0].trial
            let done = group.filter { $0.state == .finished }
            var row = [group.numbers]
            row += options.map { trial.value(of: $0)?.shortText ?? "–" }
            if hasSeeds { row.append("\(done.count)/\(group.count)") }
            row += measures.map { $0.text(done) ?? ($0.isResult ? Self.state(of: group) : "–") }
            if hasConfidence { row.append(Self.confidence(plan, done)) }
            return row + [Self.seconds(group)]
        }
        bestRow = Self.best(plan, groups)
        notes = Self.notes(plan, records, groups)
    }

    /// Trials that differ in their seed only.
    private static func groups(_ plan: SweepPlan, _ records: [TrialRecord], isBySeed: Bool) -> [[TrialRecord]] {
        guard isBySeed else { return records.map { [$0] } }
        var order: [[String: SweepValue]] = []
        var groups: [[String: SweepValue]: [TrialRecord]] = [:]
        for record in records {
            var key = record.parameters.filter { !$0.value.isNull }
            key["seed"] = nil
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append(record)
        }
        return order.compactMap { groups[$0] }
    }

    private static func state(of group: [TrialRecord]) -> String {
        for (state, text) in [
            (TrialRecord.State.running, "running"), (.pending, "…"), (.failed, "failed"), (.stopped, "stopped"),
        ] where group.contains(where: { $0.state == state }) {
            return text
        }
        return "–"
    }

    /// Of the mean of the metric.
    private static func confidence(_ plan: SweepPlan, _ group: [TrialRecord]) -> String {
        guard let half = Statistics(group.compactMap(\.value))?.confidenceHalfWidth else { return "–" }
        let isAccuracy = plan.definition.metric.name.hasSuffix("Accuracy")
        return isAccuracy ? fixed(half * 100, 2) : fixed(half, 4)
    }

    private static func seconds(_ group: [TrialRecord]) -> String {
        let seconds = group.compactMap(\.seconds)
        return seconds.isEmpty ? "–" : fixed(seconds.reduce(0, +), 1)
    }

    /// The group with the best mean of the metric; of equal ones the first.
    private static func best(_ plan: SweepPlan, _ groups: [[TrialRecord]]) -> Int? {
        let means = groups.map { group in
            Statistics(group.filter { $0.state == .finished }.compactMap(\.value))?.mean
        }
        var best: Int?
        for (index, mean) in means.enumerated() {
            guard let mean else { continue }
            if best.flatMap({ means[$0] }).map({ plan.isBetter(mean, than: $0) }) ?? true { best = index }
        }
        return best
    }

    private static func notes(_ plan: SweepPlan, _ records: [TrialRecord], _ groups: [[TrialRecord]]) -> [String] {
        var notes: [String] = []
        let finished = records.filter { $0.state == .finished }
        let workers = Set(finished.compactMap { $0.measures["workers"] })
        if let count = workers.first, workers.count == 1 {
            let seconds = records.compactMap(\.seconds).reduce(0, +)
            func plural(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
            notes.append(
                "\(plural(finished.count, "trial")), each on \(plural(Int(count), "worker")), "
                    + "\(fixed(seconds, 1)) s of training.")
        }
        if let dimension = Elbow.intrinsicDimension(plan, groups) { notes.append(dimension) }
        var failed: [(reason: String, records: [TrialRecord])] = []
        for record in records where record.state == .failed {
            let reason = record.reason ?? "no reason is known"
            if let index = failed.firstIndex(where: { $0.reason == reason }) {
                failed[index].records.append(record)
            } else {
                failed.append((reason, [record]))
            }
        }
        for (reason, records) in failed {
            notes.append("Failed: \(records.count == 1 ? "trial" : "trials") \(records.numbers): \(reason).")
        }
        return notes
    }
}

/// A column of results.
private struct Measure {
    let field: String
    let title: String
    let scale: Double
    let decimals: Int

    var isResult: Bool { field != "parameterCount" }

    private static let known = [
        Measure(field: "parameterCount", title: "parameters", scale: 1, decimals: 0),
        Measure(field: "trainLoss", title: "train loss", scale: 1, decimals: 4),
        Measure(field: "trainAccuracy", title: "train %", scale: 100, decimals: 2),
        Measure(field: "validationLoss", title: "val. loss", scale: 1, decimals: 4),
        Measure(field: "validationAccuracy", title: "val. %", scale: 100, decimals: 2),
        Measure(field: "testLoss", title: "test loss", scale: 1, decimals: 4),
        Measure(field: "testAccuracy", title: "test %", scale: 100, decimals: 2),
        Measure(field: "bestTestLoss", title: "best test loss", scale: 1, decimals: 4),
        Measure(field: "bestTestAccuracy", title: "best test %", scale: 100, decimals: 2),
        Measure(field: "pcaTestLoss", title: "PCA loss", scale: 1, decimals: 4),
        Measure(field: "trainSamplesPerSecond", title: "samples/s", scale: 1, decimals: 0),
    ]
    private static let always = ["testAccuracy", "testLoss", "validationAccuracy", "pcaTestLoss"]

    /// Those that some trial has: the metric, what everybody wants to see, and the size of the model where it varies.
    static func shown(_ records: [TrialRecord], metric: String) -> [Measure] {
        let sizes = Set(records.compactMap { $0.measures["parameterCount"] })
        return known.filter { measure in
            guard records.contains(where: { $0.measures[measure.field] != nil }) else { return false }
            return always.contains(measure.field) || measure.field == metric
                || (measure.field == "parameterCount" && sizes.count > 1)
        }
    }

    func text(_ records: [TrialRecord]) -> String? {
        guard let statistics = Statistics(records.compactMap { $0.measures[field] }) else { return nil }
        let mean = fixed(statistics.mean * scale, decimals)
        guard let deviation = statistics.deviation, isResult else { return mean }
        return "\(mean) ± \(fixed(deviation * scale, decimals))"
    }
}

extension [TrialRecord] {
    /// `1–3` for neighbours, else `1, 4, 7`.
    fileprivate var numbers: String {
        let all = map(\.number)
        let isRun = zip(all, all.dropFirst()).allSatisfy { $1 == $0 + 1 }
        return isRun && all.count > 2 ? "\(all[0])–\(all.last!)" : all.map(String.init).joined(separator: ", ")
    }
}

/// The same in every locale.
func fixed(_ value: Double, _ decimals: Int) -> String { String(format: "%.\(decimals)f", locale: nil, value) }
