import Checkpoints
import Errors
import Files
import Foundation
import Glibc

/// The checkpoints of one run: `step-000123.safetensors` and `best.safetensors` in one folder.
package struct CheckpointStore: Sendable {
    package let folder: String
    private let calls: FileCalls

    package static let bestName = "best.safetensors"
    private static let prefix = "step-"
    private static let suffix = ".safetensors"

    package init(folder: String, calls: FileCalls = FileCalls()) {
        self.folder = folder
        self.calls = calls
    }

    package var bestPath: String { "\(folder)/\(Self.bestName)" }

    package func path(step: Int) -> String {
        let digits = String(step)
        return
            "\(folder)/\(Self.prefix)\(String(repeating: "0", count: max(0, 6 - digits.count)))\(digits)\(Self.suffix)"
    }

    /// Of the checkpoints that are there, ascending. A temporary file is none.
    package func steps() -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.compactMap { name in
            guard name.hasPrefix(Self.prefix), name.hasSuffix(Self.suffix) else { return nil }
            let digits = name.dropFirst(Self.prefix.count).dropLast(Self.suffix.count)
            guard let step = Int(digits), "\(folder)/\(name)" == path(step: step) else { return nil }
            return step
        }.sorted()
    }

    /// The best checkpoint's and all others', newest first.
    package var pathsByAge: [String] {
        let best = FileManager.default.fileExists(atPath: bestPath) ? [bestPath] : []
        return steps().reversed().map { path(step: $0) } + best
    }

    /// Writes the checkpoint of `step`; only when it is safe do older ones go, but for the last `keptCount − 1`.
    package func write(_ checkpoint: Checkpoint, step: Int, keptCount: Int) throws {
        try checkpoint.write(to: path(step: step), calls: calls)
        let older = steps().filter { $0 < step }
        for old in older.dropLast(max(keptCount - 1, 0)) { remove(path(step: old)) }
    }

    /// Writes the best checkpoint in place of the one before.
    package func writeBest(_ checkpoint: Checkpoint) throws { try checkpoint.write(to: bestPath, calls: calls) }

    /// What cannot be removed now is removed after the next checkpoint.
    private func remove(_ path: String) {
        _ = calls.unlink(AT_FDCWD, path)
    }
}

extension AtomicFile {
    /// Removes what processes that died while they wrote have left in a folder that nobody else writes to.
    package static func removeTemporaries(in folder: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where isTemporary(name) {
            unlink("\(folder)/\(name)")
        }
    }

    /// `.NAME.PROCESS.tmp`
    private static func isTemporary(_ name: String) -> Bool {
        let words = name.split(separator: ".", omittingEmptySubsequences: false)
        return words.count >= 4 && words[0].isEmpty && words.last == "tmp" && Int(words[words.count - 2]) != nil
    }
}
