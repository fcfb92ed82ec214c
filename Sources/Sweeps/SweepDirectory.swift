import Errors
import Files
import Foundation
import Glibc
import Training

/// The folder of a sweep: `sweep.yaml`, the file as it was given; `overrides.yaml`, what the command line added;
/// `sweep.sqlite`, the trials; a run's folder for each trial. Only rank 0 has one.
package final class SweepDirectory {
    package let path: String
    /// Of all trials that are known, by number from 1.
    package private(set) var records: [TrialRecord]
    /// The trials, with the outcomes of those that have ended.
    package var sequence: TrialSequence
    private let plan: SweepPlan
    private let store: TrialStore
    private let lock: FileLock

    /// Makes the folder, or takes one that holds the same sweep, whose trials that have ended stay. Trials that a dead process
    /// left running are pending.
    ///
    /// - Parameter retriesFailed: Whether failed trials count as not run. What their outcomes decided goes.
    /// - Throws: `Failure(.outputRefused)` where it cannot be written, is in use, or holds something else; `Failure(.data)`
    ///   for a database that is damaged or of another version.
    package init(path: String, plan: SweepPlan, text: String, retriesFailed: Bool) throws {
        try RunDirectory.makeFolder(path)
        lock = try RunDirectory.lock(path)
        let overrides = Self.yaml(plan.overrides)
        try Self.refuseOldFormat(path, .outputRefused)
        try Self.claim(path, text: text, overrides: overrides)
        store = try TrialStore(path: "\(path)/\(TrialStore.fileName)", plan: plan, file: text, overrides: overrides)
        let stored = try Self.kept(store, plan, retriesFailed: retriesFailed)
        (sequence, records) = try plan.resumed(stored, at: store.path)
        self.path = path
        self.plan = plan
    }

    deinit {
        // Also where an error or a signal ended it.
        try? store.endSession()
        lock.release()
    }

    /// The stored trials. With `retriesFailed` failed ones are pending again, and those whose suggestion or end was decided
    /// by their outcomes are gone; so are suggestions behind one that is missing.
    private static func kept(_ store: TrialStore, _ plan: SweepPlan, retriesFailed: Bool) throws -> [TrialRecord] {
        let stored = try store.contents().trials
        let sequence = TrialSequence(plan)
        let judges = plan.definition.earlyTermination != nil
        let failed = retriesFailed ? stored.first { $0.state == .failed }?.number : nil
        let numbers = Set(stored.map(\.number))
        let gap = plan.definition.method.usesResults ? (1...numbers.count + 1).first { !numbers.contains($0) }! : .max
        let kept = stored.filter { record in
            guard record.number < gap else { return false }
            guard let failed else { return true }
            return !sequence.inputs(ofSuggestion: record.number).contains(failed)
                && !(judges && sequence.inputs(of: record.number).contains(failed))
        }
        let again = retriesFailed ? kept.filter { $0.state == .failed }.map(\.asPending) : []
        let left = Set(kept.map(\.number))
        try store.save(again, removing: stored.map(\.number).filter { !left.contains($0) })
        let pending = Dictionary(again.map { ($0.number, $0) }, uniquingKeysWith: { $1 })
        return kept.map { pending[$0.number] ?? $0 }
    }

    /// Begins the record of one start of the command.
    ///
    /// - Parameter hosts: Of each worker; those of one host count once.
    package func beginSession(workers: Int, groups: Int, workersPerTrial: Int, hosts: [String]) throws {
        var names: [String] = []
        for host in hosts where !names.contains(host) { names.append(host) }
        try store.beginSession(workers: workers, groups: groups, workersPerTrial: workersPerTrial, hosts: names)
    }

    package func endSession() throws { try store.endSession() }

    // What happens changes memory at once; `save` brings it to the disk, when there is time. A process that dies between goes
    // on as if it had died before the event.

    /// A group of workers begins a trial.
    package func started(_ trial: SweepPlan.Trial, group: Int) -> TrialRecord {
        var record = record(trial.number).asPending
        record.state = .running
        record.attempts += 1
        record.group = group
        record.begun = Date()
        return keep(record)
    }

    /// A trial has ended.
    package func ended(_ record: TrialRecord) -> TrialRecord {
        let old = self.record(record.number)
        var record = record
        record.attempts = max(old.attempts, 1)
        record.group = record.group ?? old.group
        record.begun = old.begun
        record.ended = Date()
        sequence.record(record.outcome, of: record.number)
        return keep(record)
    }

    /// A running trial is to be started again, because of the machine, not of its configuration.
    package func returned(_ number: Int, reason: String) -> TrialRecord {
        var record = record(number)
        precondition(!record.state.hasEnded, "SweepDirectory: trial \(number) has ended: \(record.state)")
        record.state = .pending
        record.reason = reason
        record.ended = Date()
        return keep(record)
    }

    /// Writes one of the above; on disk when this returns.
    package func save(_ record: TrialRecord) throws { try store.save(record) }

    private func record(_ number: Int) -> TrialRecord {
        precondition(number <= sequence.trials.count, "SweepDirectory: trial \(number) has no configuration yet")
        while records.count < number { records.append(TrialRecord(sequence.trials[records.count], of: plan)) }
        return records[number - 1]
    }

    private func keep(_ record: TrialRecord) -> TrialRecord {
        records[record.number - 1] = record
        return record
    }
}

extension TrialRecord {
    /// The trial as one that is to run again.
    fileprivate var asPending: TrialRecord {
        var record = TrialRecord(trial, folder: folder)
        record.attempts = attempts
        return record
    }
}

extension SweepDirectory {
    /// A sweep's folder as it is now.
    package struct Contents: Sendable {
        package let plan: SweepPlan
        /// The file as it was given.
        package let text: String
        /// Of the trials that belong to the sweep, by number.
        package let records: [TrialRecord]
        package let sessions: [TrialStore.Session]
        /// Whether a process is at work on it.
        package let isInUse: Bool
        /// Whether the metric's target ends the sweep at the last of `records`.
        package let isTargetReached: Bool
    }

    /// The sweep that a folder holds and its trials so far, for looking at it, also while it runs. Changes nothing.
    ///
    /// - Throws: `Failure(.inputNotFound)` where there is none.
    package static func read(_ path: String) throws -> Contents {
        guard let bytes = FileManager.default.contents(atPath: "\(path)/sweep.yaml") else {
            throw Failure(
                .inputNotFound, "\(path): holds no sweep (sweep.yaml); name the folder that `sweep run` wrote")
        }
        try refuseOldFormat(path, .data)
        let text = String(decoding: bytes, as: UTF8.self)
        let definition = try SweepDefinition(yaml: text, path: "\(path)/sweep.yaml")
        let plan = try SweepPlan(definition, overrides: TrainingOptions(contentsOf: "\(path)/overrides.yaml"))
        let database = "\(path)/\(TrialStore.fileName)"
        // Asked first: a process that ends in between has left nothing running.
        let isInUse = RunDirectory.isInUse(path)
        let stored = try TrialStore.read(database)
        var (sequence, records) = try plan.resumed(stored.trials, at: database)
        if !isInUse {
            for index in records.indices where records[index].state == .running { records[index].state = .pending }
        }
        let last = sequence.lastNumber
        return Contents(
            plan: plan, text: text, records: records.filter { $0.number <= last ?? .max }, sessions: stored.sessions,
            isInUse: isInUse, isTargetReached: last != nil)
    }

    private static func refuseOldFormat(_ path: String, _ kind: Failure.Kind) throws {
        let files = FileManager.default
        guard files.fileExists(atPath: "\(path)/trials.jsonl"),
            !files.fileExists(atPath: "\(path)/\(TrialStore.fileName)")
        else { return }
        throw Failure(
            kind,
            "\(path): holds a sweep of an older lockstep (trials.jsonl without \(TrialStore.fileName)); go on with that "
                + "version, or choose another --out")
    }

    private static func claim(_ path: String, text: String, overrides: String) throws {
        let other = ["config.yaml", "metrics.jsonl"].first { FileManager.default.fileExists(atPath: "\(path)/\($0)") }
        if let other { throw Failure(.outputRefused, "\(path) already holds a run (\(other)); choose another --out") }
        for (name, content) in [("sweep.yaml", text), ("overrides.yaml", overrides)] {
            if let old = FileManager.default.contents(atPath: "\(path)/\(name)") {
                guard old.elementsEqual(content.utf8) else {
                    let what = name == "sweep.yaml" ? "the file" : "the options of the command line"
                    throw Failure(
                        .outputRefused,
                        "\(path) holds another sweep: \(what) and its \(name) differ; choose another --out, "
                            + "or go on with what it was")
                }
            } else {
                try AtomicFile.write([Array(content.utf8)], to: "\(path)/\(name)")
            }
        }
    }

    /// Options as a file that `TrainingOptions` reads.
    private static func yaml(_ options: TrainingOptions) -> String {
        let lines = options.given.map { option, text in
            "\(option): \"\(text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\""))\""
        }
        return lines.isEmpty ? "{}\n" : lines.joined(separator: "\n") + "\n"
    }
}
