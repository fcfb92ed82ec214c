import Communication
import Errors
import Glibc

/// `LOCKSTEP_BALANCE`: a division of work by speeds that are known, such as `3,1,2` for three workers. `3,1,2@40` begins evenly and
/// changes after step 40, as `--balance` does when it has measured.
package struct ForcedDivision: Hashable, Sendable {
    package static let variable = "LOCKSTEP_BALANCE"

    /// By worker of the job, in any unit.
    package let speeds: [Double]
    /// 0 for the begin.
    package let afterStep: Int

    package init?(_ text: String) {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        let speeds = parts[0].split(separator: ",", omittingEmptySubsequences: false).map { Double($0) ?? 0 }
        // No further apart than any machines are: what is divided by them stays finite.
        guard parts.count <= 2, speeds.allSatisfy({ $0 >= 1e-6 && $0 <= 1e6 }) else { return nil }
        let step = parts.count == 2 ? Int(parts[1]) : 0
        guard let step, step >= 0, parts.count == 1 || step > 0 else { return nil }
        self.speeds = speeds
        afterStep = step
    }

    /// What the environment of the first worker that has the variable says, of these workers; nil where none has. Collective.
    ///
    /// - Throws: `Failure(.usage)` for other texts and other numbers of workers.
    package static func wanted(
        _ communicator: borrowing Communicator
    ) throws -> (division: WorkDivision, afterStep: Int)? {
        let own = getenv(variable).map { String(cString: $0) } ?? ""
        let texts = try communicator.allGather(bytes: Array(own.utf8))
        guard let bytes = texts.first(where: { !$0.isEmpty }) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        let (job, members) = (communicator.jobSize, communicator.placesInJob)
        return try communicator.agree {
            guard let forced = ForcedDivision(text) else {
                throw Failure(
                    .usage,
                    "\(variable)=\(text): the workers' relative speeds are needed, such as 3,1,2, or 3,1,2@40 for a change after "
                        + "step 40")
            }
            guard forced.speeds.count == job else {
                throw Failure(
                    .usage, "\(variable)=\(text): has \(forced.speeds.count) speeds, and there are \(job) workers")
            }
            return (WorkDivision(speeds: Array(forced.speeds[members])), forced.afterStep)
        }
    }
}
