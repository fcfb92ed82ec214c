import Errors
import Training

/// A trial by its name: `runs/first/7`, `runs/first/best`, or the folder of its run.
package struct TrialReference: Sendable {
    package let plan: SweepPlan
    package let record: TrialRecord

    /// - Throws: `Failure(.inputNotFound)` where there is no such sweep or trial, `Failure(.data)` where none is the best yet.
    package init(_ text: String) throws {
        let path = text.hasSuffix("/") ? String(text.dropLast()) : text
        let cut = path.lastIndex(of: "/")
        let name = cut.map { String(path[path.index(after: $0)...]) } ?? path
        let folder = cut.map { String(path[..<$0]) } ?? "."
        let contents = try SweepDirectory.read(folder)
        let (plan, records) = (contents.plan, contents.records)
        if name == "best" {
            guard let best = plan.best(of: records) else {
                throw Failure(.data, "\(folder): no trial has finished yet, so there is no best one")
            }
            record = best
        } else {
            guard let found = records.first(where: { "\($0.number)" == name || $0.folder == name }) else {
                throw Failure(
                    .inputNotFound,
                    "\(folder): there is no trial \(name); name a number from 1 to \(records.count), best, or a trial's folder"
                )
            }
            record = found
        }
        self.plan = plan
    }

    /// With which `train` makes it again.
    package var options: TrainingOptions { plan.options(of: record.trial) }
}
