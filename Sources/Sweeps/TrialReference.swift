import Errors
import Training

/// A trial by its name: `runs/first/7`, `runs/first/best`, `runs/first/best-3` for the third best, or the folder of its run.
package struct TrialReference: Sendable {
    package let plan: SweepPlan
    package let record: TrialRecord
    /// The folder of its run.
    package let path: String

    /// - Throws: `Failure(.inputNotFound)` where there is no such sweep or trial, `Failure(.data)` where too few have finished.
    package init(_ text: String) throws {
        let whole = text.hasSuffix("/") ? String(text.dropLast()) : text
        let cut = whole.lastIndex(of: "/")
        let name = cut.map { String(whole[whole.index(after: $0)...]) } ?? whole
        let folder = cut.map { String(whole[..<$0]) } ?? "."
        let contents = try SweepDirectory.read(folder)
        plan = contents.plan
        if let rank = Self.rank(name) {
            var query = TrialQuery()
            query.states = [.finished]
            query.order = .value
            let best = try query.records(of: contents.records, plan)
            guard rank <= best.count else {
                throw Failure(.data, "\(folder): \(best.count) trials have finished yet, so there is no \(name)")
            }
            record = best[rank - 1]
        } else {
            guard let found = contents.records.first(where: { "\($0.number)" == name || $0.folder == name }) else {
                throw Failure(
                    .inputNotFound,
                    "\(folder): there is no trial \(name); name a number from 1 to \(contents.records.count), best, best-2, "
                        + "…, or a trial's folder")
            }
            record = found
        }
        path = "\(folder)/\(record.folder)"
    }

    /// 1 for `best`, 3 for `best-3`; nil for other names.
    private static func rank(_ name: String) -> Int? {
        if name == "best" { return 1 }
        guard name.hasPrefix("best-"), let rank = Int(name.dropFirst(5)), rank >= 1 else { return nil }
        return rank
    }

    /// With which `train` makes it again.
    package var options: TrainingOptions { plan.options(of: record.trial) }
}
