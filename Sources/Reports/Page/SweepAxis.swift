import Sweeps

/// One parameter of a sweep, or its metric, as an axis of parallel coordinates: places between 0 and 1.
struct SweepAxis: Sendable {
    let name: String
    /// By trial; nil where it has none.
    let places: [Double?]
    /// Texts of the values by trial.
    let texts: [String]
    /// Of numbers.
    let axis: Axis?
    /// Of choices, in their order.
    let choices: [String]
    /// By trial, for the forest and the correlation; of choices their place among them.
    let numbers: [Double?]

    /// A parameter: an axis of numbers where all values are, and there are more of them than a few words could name.
    init(option: String, _ records: [TrialRecord], _ plan: SweepPlan) {
        let values = records.map { record in record.parameters[option].flatMap { $0.isNull ? nil : $0 } }
        name = option
        texts = values.map { $0?.shortText ?? PageText.none }
        let given = values.compactMap { $0 }
        let all = given.compactMap(\.number)
        if all.count == given.count, !all.isEmpty, Set(all).count > 1 {
            let isLogarithmic = all.allSatisfy { $0 > 0 } && (all.max() ?? 1) >= 50 * (all.min() ?? 1)
            let isWhole = all.allSatisfy { $0 == $0.rounded() && abs($0) < 1e6 }
            let axis =
                isWhole && !isLogarithmic && (all.max() ?? 0) - (all.min() ?? 0) <= 12
                ? Axis(option, wholeNumbers: Int(all.min() ?? 0)...Int(all.max() ?? 0))
                : Axis(option, covering: all, isLogarithmic: isLogarithmic)
            numbers = values.map { $0?.number }
            places = numbers.map { $0.map { axis.place($0) } }
            self.axis = axis
            choices = []
        } else {
            var names: [String] = []
            for value in given where !names.contains(value.shortText) { names.append(value.shortText) }
            // Numbers among them stay in their order.
            let order = all.count == given.count ? names : names.sorted()
            choices = order
            axis = nil
            numbers = values.map { value in value.flatMap { order.firstIndex(of: $0.shortText) }.map(Double.init) }
            places = numbers.map { $0.map { ($0 + 0.5) / Double(max(order.count, 1)) } }
        }
    }

    /// The metric.
    init(metric: String, _ records: [TrialRecord]) {
        name = metric
        numbers = records.map { record in
            record.state == .failed ? nil : record.value.flatMap { $0.isFinite ? $0 : nil }
        }
        texts = numbers.map { PageText.number($0) }
        let axis = CurveSection.axis(metric, numbers.compactMap { $0 })
        places = numbers.map { $0.map { axis.place($0) } }
        self.axis = axis
        choices = []
    }

    /// Nil where a correlation makes no sense.
    var orderedNumbers: [Double?]? { axis == nil ? nil : numbers }

    func feature(of rows: [Int]) -> RegressionForest.Feature {
        axis != nil
            ? .number(rows.map { numbers[$0] ?? .nan }) : .choice(rows.map { numbers[$0].map { Int($0) } ?? -1 })
    }

    var script: SweepPage.ScriptAxis {
        SweepPage.ScriptAxis(
            name: name, low: axis?.low, high: axis?.high, isLogarithmic: axis?.isLogarithmic ?? false, choices: choices)
    }
}
