import Checkpoints
import Errors
import Files
import Foundation
import Glibc

/// The folder of one run: `config.yaml`, `metrics.jsonl`, `checkpoints/`, `summary.json`. Only rank 0 has one.
///
/// A kernel lock on `.lock` keeps a second process out; it dies with its process.
package final class RunDirectory {
    package let path: String
    let checkpoints: CheckpointStore
    private let lock: FileLock
    private var metrics: MetricsLog?

    private static let files = ["config.yaml", "metrics.jsonl", "summary.json"]

    /// Makes the folder, or takes an empty one, or with `overwrites` one that holds a run, whose files are removed.
    ///
    /// - Throws: `Failure(.outputRefused)` where it cannot be written, is in use, or already holds a run.
    package convenience init(path: String, overwrites: Bool, calls: FileCalls = FileCalls()) throws {
        try Self.makeFolder(path)
        try self.init(locking: path, calls: calls)
        let old = Self.files.filter { FileManager.default.fileExists(atPath: "\(path)/\($0)") }
        if !old.isEmpty || !checkpoints.pathsByAge.isEmpty {
            guard overwrites else {
                throw Failure(
                    .outputRefused,
                    "\(path) already holds a run (\(old.first ?? "checkpoints")); choose another --out, go on with "
                        + "--resume auto, or --overwrite")
            }
            try removeRun()
        }
    }

    /// Takes the folder of a run that was interrupted, with all that it holds.
    ///
    /// - Throws: `Failure(.outputRefused)` where it cannot be written or is in use.
    package init(locking path: String, calls: FileCalls = FileCalls()) throws {
        lock = try Self.lock(path)
        self.path = path
        checkpoints = CheckpointStore(folder: "\(path)/checkpoints", calls: calls)
        AtomicFile.removeTemporaries(in: path)
        AtomicFile.removeTemporaries(in: checkpoints.folder)
    }

    /// Whether there is anything of a run in a folder.
    package static func holdsRun(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(path)/config.yaml")
            || !CheckpointStore(folder: "\(path)/checkpoints").pathsByAge.isEmpty
    }

    /// Writes the configuration and begins the record with what is `kept` of an earlier one.
    func begin(configuration: String, kept: [UInt8] = []) throws {
        try Self.makeFolder(checkpoints.folder)
        try AtomicFile.write([Array(configuration.utf8)], to: "\(path)/config.yaml")
        metrics = try MetricsLog(path: metricsPath, kept: kept)
    }

    var metricsPath: String { "\(path)/metrics.jsonl" }

    /// Appends one object as a line and hands it to the system. Where that fails the line is kept for later.
    func log(_ line: String) -> Failure? { metrics?.append(line) }

    /// - Throws: where lines are left that the system does not take.
    func finishLog() throws { if let failure = metrics?.flush() { throw failure } }

    /// Waits until the record is on the disk; for any thread.
    var synchroniseLog: @Sendable () -> Void {
        { [metrics] in metrics?.synchronise() }
    }

    func write(_ text: String, to name: String) throws {
        try AtomicFile.write([Array(text.utf8)], to: "\(path)/\(name)")
    }

    func readBest() throws -> [UInt8] {
        guard let bytes = FileManager.default.contents(atPath: checkpoints.bestPath) else {
            throw Failure(.inputOutput, "\(checkpoints.bestPath): cannot be read any more")
        }
        return Array(bytes)
    }

    /// `base/NAME-N` with the smallest N from 1 that does not exist.
    package static func unusedPath(base: String, name: String) -> String {
        var number = 1
        while FileManager.default.fileExists(atPath: "\(base)/\(name)-\(number)") { number += 1 }
        return "\(base)/\(name)-\(number)"
    }

    /// Keeps other processes out of a folder.
    package static func lock(_ path: String) throws -> FileLock {
        do throws(FileLock.Refusal) {
            // A process that was just killed may still be on its way out.
            return try FileLock(lockPath(path), patience: .milliseconds(1_000))
        } catch {
            switch error {
            case .isHeld:
                throw Failure(.outputRefused, "\(path) is in use by another run; choose another --out")
            case .impossible(let code):
                throw Failure(.outputRefused, "\(path): cannot write there: \(systemMessage(code))")
            }
        }
    }

    /// Whether a process is at work on the run or the sweep in a folder.
    package static func isInUse(_ path: String) -> Bool { FileLock.isHeld(lockPath(path)) }

    private static func lockPath(_ path: String) -> String { "\(path)/.lock" }

    private func removeRun() throws {
        let events = "\(path)/tensorboard"
        let records = ((try? FileManager.default.contentsOfDirectory(atPath: events)) ?? [])
            .filter { $0.hasPrefix("events.out.tfevents.") }.map { "\(events)/\($0)" }
        for file in Self.files.map({ "\(path)/\($0)" }) + checkpoints.pathsByAge + records
        where unlink(file) != 0 && errno != ENOENT {
            throw Failure(.outputRefused, "\(file): cannot be removed: \(systemMessage(errno))")
        }
    }

    /// Makes a folder and those above it that are missing.
    package static func makeFolder(_ path: String) throws {
        var ancestors: [String] = []
        var rest = path[...]
        while !rest.isEmpty && rest != "/" {
            ancestors.append(String(rest))
            rest = rest[..<(rest.lastIndex(of: "/") ?? rest.startIndex)]
        }
        for folder in ancestors.reversed() where mkdir(folder, 0o777) != 0 && errno != EEXIST {
            throw Failure(.outputRefused, "\(path): cannot make the output folder: \(String(cString: strerror(errno)))")
        }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw Failure(.outputRefused, "\(path): cannot make the output folder: a file of that name is in the way")
        }
    }
}
