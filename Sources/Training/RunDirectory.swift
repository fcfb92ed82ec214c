import Checkpoints
import Errors
import Foundation
import Glibc

/// The folder of one run: `config.yaml`, `metrics.jsonl`, `checkpoints/`, `summary.json`. Only rank 0 has one.
///
/// A kernel lock on `.lock` keeps a second process out; it dies with its process.
package final class RunDirectory {
    package let path: String
    private let lock: Int32
    private let metrics: UnsafeMutablePointer<FILE>

    private static let bestName = "best.safetensors"
    private static let files = ["config.yaml", "metrics.jsonl", "summary.json"]

    /// Makes the folder, or takes an empty one, or with `overwrites` one that holds a run, whose files are removed.
    ///
    /// - Throws: `Failure(.outputRefused)` where it cannot be written, is in use, or already holds a run.
    package init(path: String, overwrites: Bool, configuration: String) throws {
        try Self.makeFolder(path)
        lock = try Self.lock(path)
        do {
            let old = Self.files.filter { FileManager.default.fileExists(atPath: "\(path)/\($0)") }
            if !old.isEmpty {
                guard overwrites else {
                    throw Failure(
                        .outputRefused, "\(path) already holds a run (\(old[0])); choose another --out, or --overwrite")
                }
                try Self.removeRun(at: path)
            }
            try Self.makeFolder("\(path)/checkpoints")
            try AtomicFile.write([Array(configuration.utf8)], to: "\(path)/config.yaml")
            guard let file = fopen("\(path)/metrics.jsonl", "we") else {
                throw Failure(.outputRefused, "\(path)/metrics.jsonl: \(String(cString: strerror(errno)))")
            }
            metrics = file
        } catch {
            close(lock)
            throw error
        }
        self.path = path
    }

    deinit {
        fclose(metrics)
        close(lock)
    }

    /// Appends one object as a line and hands it to the system.
    package func log(_ line: String) throws {
        guard fputs(line + "\n", metrics) >= 0, fflush(metrics) == 0 else {
            throw Failure(.inputOutput, "\(path)/metrics.jsonl: cannot be written: \(String(cString: strerror(errno)))")
        }
    }

    package func write(_ text: String, to name: String) throws {
        try AtomicFile.write([Array(text.utf8)], to: "\(path)/\(name)")
    }

    /// Writes `checkpoints/step-000123.safetensors` and returns its path.
    package func write(_ checkpoint: Checkpoint, step: Int) throws -> String {
        let digits = String(step)
        let name = String(repeating: "0", count: max(0, 6 - digits.count)) + digits
        let file = "\(path)/checkpoints/step-\(name).safetensors"
        try checkpoint.write(to: file)
        return file
    }

    package var bestPath: String { "\(path)/checkpoints/\(Self.bestName)" }

    /// Writes `checkpoints/best.safetensors` in place of the one before.
    package func writeBest(_ checkpoint: Checkpoint) throws { try checkpoint.write(to: bestPath) }

    package func readBest() throws -> [UInt8] {
        guard let bytes = FileManager.default.contents(atPath: bestPath) else {
            throw Failure(.inputOutput, "\(bestPath): cannot be read any more")
        }
        return Array(bytes)
    }

    /// `base/NAME-N` with the smallest N from 1 that does not exist.
    package static func unusedPath(base: String, name: String) -> String {
        var number = 1
        while FileManager.default.fileExists(atPath: "\(base)/\(name)-\(number)") { number += 1 }
        return "\(base)/\(name)-\(number)"
    }

    /// Keeps other processes out of a folder until the descriptor is closed.
    package static func lock(_ path: String) throws -> Int32 {
        let file = open("\(path)/.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard file >= 0 else {
            throw Failure(.outputRefused, "\(path): cannot write there: \(String(cString: strerror(errno)))")
        }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            close(file)
            throw Failure(.outputRefused, "\(path) is in use by another run; choose another --out")
        }
        return file
    }

    private static func removeRun(at path: String) throws {
        let checkpoints = (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/checkpoints")) ?? []
        let stale = checkpoints.filter { ($0.hasPrefix("step-") && $0.hasSuffix(".safetensors")) || $0 == bestName }
        for file in files + stale.map({ "checkpoints/\($0)" }) where unlink("\(path)/\(file)") != 0 && errno != ENOENT {
            throw Failure(.outputRefused, "\(path)/\(file): cannot be removed: \(String(cString: strerror(errno)))")
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
