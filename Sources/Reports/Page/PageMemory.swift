/// What a page of the same folders that is made again does not have to work out again.
package struct PageMemory: Sendable {
    /// By folder.
    private var histories: [String: MetricsHistory] = [:]
    var importance: ParameterImportance?

    package init() {}

    mutating func history(of run: String) -> MetricsHistory {
        histories[run, default: MetricsHistory()].read("\(run)/metrics.jsonl")
        return histories[run, default: MetricsHistory()]
    }
}
