import Checkpoints
import Errors
import Foundation
import Glibc
import Training

/// The folder of a sweep: `sweep.yaml`, the file as it was given; `overrides.yaml`, what the command line added;
/// `trials.jsonl`, a line for each trial that has ended; a run's folder for each trial. Only rank 0 has one.
package final class SweepDirectory {
    package let path: String
    package private(set) var records: [TrialRecord]
    /// The trials, with the outcomes of those that have ended.
    package var sequence: TrialSequence
    private let lock: Int32
    private let log: UnsafeMutablePointer<FILE>

    /// Makes the folder, or takes one that holds the same sweep, whose trials that have ended stay.
    ///
    /// - Parameter retriesFailed: Whether failed trials count as not run.
    /// - Throws: `Failure(.outputRefused)` where it cannot be written, is in use, or holds something else.
    package init(path: String, plan: SweepPlan, text: String, retriesFailed: Bool) throws {
        try RunDirectory.makeFolder(path)
        lock = try RunDirectory.lock(path)
        do {
            try Self.claim(path, text: text, overrides: Self.yaml(plan.overrides))
            var lines = try Self.outcomeLines(path).filter { !(retriesFailed && $0.outcome.state == .failed) }
            if plan.definition.method.usesResults {
                // What came behind a trial that runs again was suggested by its old outcome.
                let numbers = Set(lines.map(\.outcome.number))
                let gap = (1...numbers.count + 1).first { !numbers.contains($0) } ?? .max
                lines.removeAll { $0.outcome.number > gap }
            }
            (sequence, records) = plan.resumed(lines.map(\.outcome))
            // Written anew: a line that a crash has cut short would swallow the next one.
            try AtomicFile.write([Array(lines.map { $0.line + "\n" }.joined().utf8)], to: "\(path)/trials.jsonl")
            guard let file = fopen("\(path)/trials.jsonl", "ae") else {
                throw Failure(.outputRefused, "\(path)/trials.jsonl: \(String(cString: strerror(errno)))")
            }
            log = file
        } catch {
            close(lock)
            throw error
        }
        self.path = path
    }

    deinit {
        fclose(log)
        close(lock)
    }

    /// Records a trial that has ended; on disk when this returns.
    package func append(_ record: TrialRecord) throws {
        if record.number <= records.count {
            records[record.number - 1] = record
        } else {
            records.append(record)
        }
        sequence.record(record.outcome, of: record.number)
        guard fputs(try record.json() + "\n", log) >= 0, fflush(log) == 0, fsync(fileno(log)) == 0 else {
            throw Failure(.inputOutput, "\(path)/trials.jsonl: cannot be written: \(String(cString: strerror(errno)))")
        }
    }

    /// The sweep that a folder holds and its trials so far, for looking at it.
    ///
    /// - Throws: `Failure(.inputNotFound)` where there is none.
    package static func read(_ path: String) throws -> (plan: SweepPlan, records: [TrialRecord]) {
        guard let bytes = FileManager.default.contents(atPath: "\(path)/sweep.yaml") else {
            throw Failure(
                .inputNotFound, "\(path): holds no sweep (sweep.yaml); name the folder that `sweep run` wrote")
        }
        let definition = try SweepDefinition(yaml: String(decoding: bytes, as: UTF8.self), path: "\(path)/sweep.yaml")
        let plan = try SweepPlan(definition, overrides: TrainingOptions(contentsOf: "\(path)/overrides.yaml"))
        return (plan, plan.resumed(try outcomeLines(path).map(\.outcome)).records)
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

    /// The lines that are whole, in order.
    private static func outcomeLines(_ path: String) throws -> [(line: String, outcome: TrialRecord.Outcome)] {
        let bytes = FileManager.default.contents(atPath: "\(path)/trials.jsonl") ?? Data()
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
            (try? JSONDecoder().decode(TrialRecord.Outcome.self, from: Data(line.utf8))).map { (String(line), $0) }
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
