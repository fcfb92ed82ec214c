/// Trials as comma-separated values after RFC 4180: a header, lines that end with CR LF, and quotes where a field needs them.
///
/// Columns: number, state, value, metric, the parameters, the measures, sha256, seconds, folder, reason. A parameter or
/// measure whose name is taken is `parameter.NAME` or `measure.NAME`.
package struct TrialCSV: Sendable {
    package let text: String

    package init(_ plan: SweepPlan, _ records: [TrialRecord]) {
        var options: [String] = []
        for record in records {
            for (option, _) in record.trial.parameters where !options.contains(option) { options.append(option) }
        }
        let measures = Set(records.flatMap(\.measures.keys)).sorted()
        var taken = Set(Self.first + Self.last)
        func column(_ name: String, _ kind: String) -> String {
            taken.insert(name).inserted ? name : "\(kind).\(name)"
        }
        let header =
            Self.first + options.map { column($0, "parameter") } + measures.map { column($0, "measure") } + Self.last
        let metric = plan.definition.metric.name
        let rows = records.map { record in
            let values = options.map { option in
                record.parameters[option].map { $0.isNull ? "" : $0.text } ?? ""
            }
            return ["\(record.number)", record.state.rawValue, Self.number(record.value), metric] + values
                + measures.map { Self.number(record.measures[$0]) }
                + [
                    record.parametersSHA256 ?? "", Self.number(record.seconds), record.folder,
                    record.reason ?? "",
                ]
        }
        text = ([header] + rows).map { $0.map(Self.field).joined(separator: ",") + "\r\n" }.joined()
    }

    private static let first = ["number", "state", "value", "metric"]
    private static let last = ["sha256", "seconds", "folder", "reason"]

    /// Reads back as the same Double; nothing for what is not there.
    private static func number(_ value: Double?) -> String { value.map { SweepValue(number: $0).text } ?? "" }

    static func field(_ text: String) -> String {
        // Scalars: a CR and LF side by side are one character.
        guard text.unicodeScalars.contains(where: { [",", "\"", "\r", "\n"].contains($0) }) else { return text }
        return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
