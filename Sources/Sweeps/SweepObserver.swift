import Communication
import Training

/// What is known when a sweep begins.
package struct SweepStart: Sendable {
    package let plan: SweepPlan
    package let path: String
    /// Trials that an earlier start has run already.
    package let finishedCount: Int
    package let groups: GroupPlan
    /// The most groups that decisions which wait for results leave something to do; nil where none waits.
    package let usefulGroupCount: Int?
    /// `mpi`, `threads` or `solo`.
    package let launcher: String
    package let hostCount: Int
    package let instructionSet: String
}

/// What happens during a sweep, told to one observer in worker 0's process, by one thread at a time: started, (trials'
/// starts, progress, warnings and ends)*.
package protocol SweepObserver: AnyObject {
    /// Whether it wants to know of progress inside trials.
    var wantsProgress: Bool { get }
    func started(_ start: SweepStart)
    /// - Parameter weight: How long it will take beside the mean of all trials, as far as that is known.
    func startedTrial(_ trial: SweepPlan.Trial, group: Int, weight: Double)
    /// A few times a second for each group.
    func progressed(_ progress: TrialProgress, group: Int)
    /// What a trial's training warns of.
    func warned(_ warning: String, number: Int)
    /// A trial is run again, since the machine failed.
    func returned(_ number: Int, reason: String)
    func finishedTrial(_ record: TrialRecord, group: Int)
    /// No trial runs any more; nothing comes after this.
    func ended()
}
