import Communication
import Errors
import Training

/// Hands trials out to the groups, decides which go on, and writes down what became of them: one thread of worker 0's
/// process, beside that worker's own training. What it decides is `TrialSequence`'s, so that no timing reaches a result.
///
/// Only its thread touches it from `serve` until that returns.
package final class SweepCoordinator: @unchecked Sendable {
    private enum GroupState {
        /// Between two requests.
        case busy
        /// Waits for a trial.
        case isFree
        /// Waits for a decision about its trial.
        case asks(number: Int, history: [Double])
        case hasLeft
    }

    private let plan: SweepPlan
    private let path: String
    private let groups: GroupPlan
    private let server: RequestServer
    private let directory: SweepDirectory
    private let observer: any SweepObserver
    private let control: RunControl?
    private var queue: TrialQueue
    private let writer: TrialWriter
    private var states: [GroupState]
    /// By group.
    private var running: [Int: SweepPlan.Trial] = [:]
    /// How often the machine has failed under a trial.
    private var machineFailures: [Int: Int] = [:]
    /// Trials that were stopped and go on at the next start.
    private var stopped: [Int] = []
    private var failure: Failure?
    /// The sweep has ended before all trials were handed out.
    private var isCut = false

    /// So often a trial is tried where the machine is to blame.
    private static let attemptLimit = 3
    /// How long nothing may happen before a request to stop is looked for, in seconds.
    private static let patience = 0.1

    package init(
        _ plan: SweepPlan, path: String, groups: GroupPlan, server: RequestServer, directory: SweepDirectory,
        observer: any SweepObserver, control: RunControl?, datasets: DatasetPool, keptWeights: Int?
    ) {
        self.plan = plan
        self.path = path
        self.groups = groups
        self.server = server
        self.directory = directory
        self.observer = observer
        self.control = control
        states = Array(repeating: .busy, count: groups.groupCount)
        writer = TrialWriter(
            directory,
            weights: keptWeights.map { KeptWeights(plan, path: path, limit: $0, records: directory.records) })
        var costs = TrialCosts(plan, datasets: datasets)
        queue = TrialQueue(directory.sequence, windowCount: 64 * groups.groupCount) { costs.length(of: $0) }
    }

    /// Returns when all groups have left.
    package func serve() {
        var isIdle = false
        do {
            while !states.allSatisfy({ if case .hasLeft = $0 { true } else { false } }) {
                if let request = try server.next(waiting: isIdle ? Self.patience : 0) {
                    handle(try GroupMessage(messageBytes: request.bytes), group: groups.group(of: request.worker))
                    isIdle = false
                    continue
                }
                if let problem = writer.failure { fail(problem) }
                // First what groups wait for, then what they may ask for next.
                isIdle = try !answerGroups() && (isEnding || !queue.prepare(&directory.sequence))
            }
        } catch {
            // Messages fail: the launcher ends the ranks, which have a failure of their own.
            fail(Failure(wrapping: error))
        }
        writer.finish()
        if let problem = writer.failure { fail(problem) }
    }

    /// What ended the sweep early, if anything; otherwise the records of its trials, in the order of their numbers.
    package func finish() throws -> [TrialRecord] {
        if let failure { throw failure }
        guard stopped.isEmpty && !isCut else {
            let trials = stopped.sorted().map(String.init).joined(separator: ", ")
            let what =
                stopped.isEmpty
                ? "stopped between trials"
                : "stopped in trial\(stopped.count == 1 ? "" : "s") \(trials), "
                    + "\(stopped.count == 1 ? "whose checkpoint is" : "whose checkpoints are") saved"
            throw Failure(.stopped, "\(what); the same command with --out \(path) goes on")
        }
        let last = directory.sequence.lastNumber ?? .max
        return directory.records.filter { $0.number <= last }
    }

    /// Whether groups get no further trials.
    private var isEnding: Bool { failure != nil || !stopped.isEmpty || control?.isStopping == true }

    private func fail(_ failure: Failure) {
        if self.failure == nil { self.failure = failure }
        // Other groups of this process save what they have.
        control?.request(.stop)
    }
}

// MARK: Requests

extension SweepCoordinator {
    private func handle(_ message: GroupMessage, group: Int) {
        switch message {
        case .isFree: states[group] = .isFree
        case .asks(let number, let history): states[group] = .asks(number: number, history: history)
        case .progressed(let progress): observer.progressed(progress, group: group)
        case .warned(let number, let warning): observer.warned(warning, number: number)
        case .ended(let result):
            states[group] = .isFree
            guard let trial = running.removeValue(forKey: group) else { return }
            let record = directory.ended(result.record(of: trial, plan))
            writer.save(record)
            observer.finishedTrial(record, group: group)
        case .stopped(let number):
            states[group] = .isFree
            running[group] = nil
            stopped.append(number)
            putBack(number, reason: "stopped")
        case .failed(let number, let kind, let message):
            states[group] = .isFree
            running[group] = nil
            retry(number, Failure(Failure.Kind(rawValue: kind) ?? .internal, message))
        case .isBroken(let kind, let message):
            states[group] = .hasLeft
            fail(Failure(Failure.Kind(rawValue: kind) ?? .internal, message))
        }
    }

    private func retry(_ number: Int, _ failure: Failure) {
        machineFailures[number, default: 0] += 1
        guard machineFailures[number]! < Self.attemptLimit else {
            return fail(
                Failure(
                    failure.kind,
                    "trial \(number) failed \(Self.attemptLimit) times, the last time: \(failure.message); "
                        + "the same command with --out \(path) goes on"))
        }
        observer.returned(number, reason: failure.message)
        putBack(number, reason: failure.message)
    }

    private func putBack(_ number: Int, reason: String) {
        writer.save(directory.returned(number, reason: reason))
        queue.putBack(number)
    }
}

// MARK: Replies

extension SweepCoordinator {
    /// Replies to every group that can be told something. Returns whether there was one.
    private func answerGroups() throws -> Bool {
        var hasAnswered = false
        for group in states.indices {
            let reply: CoordinatorReply?
            switch states[group] {
            case .busy, .hasLeft: continue
            case .isFree: reply = assignment(of: group)
            case .asks(let number, let history): reply = decision(of: number, history)
            }
            guard let reply else { continue }
            states[group] = .busy
            if case .ends = reply { states[group] = .hasLeft }
            try server.reply(reply.messageBytes, to: groups.workers(of: group).lowerBound)
            hasAnswered = true
            guard case .trial = reply, let trial = running[group] else { continue }
            writer.save(directory.started(trial, group: group))
            observer.startedTrial(trial, group: group, weight: queue.weight(of: trial.number))
        }
        return hasAnswered
    }

    /// Nil while results are missing.
    private func assignment(of group: Int) -> CoordinatorReply? {
        guard !isEnding else {
            var rest = queue
            if case .none = rest.next(&directory.sequence) {} else { isCut = true }
            return .ends
        }
        switch queue.next(&directory.sequence) {
        case .trial(let trial):
            running[group] = trial
            return .trial(TrialMessage(trial))
        case .waits: return nil
        case .none: return .ends
        }
    }

    /// Nil while results are missing that will come.
    private func decision(of number: Int, _ history: [Double]) -> CoordinatorReply? {
        // The sweep has ended before this trial.
        if let last = directory.sequence.lastNumber, number > last { return .stops }
        switch directory.sequence.decision(of: number, history: history) {
        case .goesOn: return .goesOn
        case .stops: return .stops
        case .waits: return isEnding ? .pauses : nil
        }
    }
}
