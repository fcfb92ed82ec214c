import Foundation
import Glibc
import Training

/// What changes when a page of folders would: names, sizes and times of the files that it is made from, and whether a
/// process is at work on them. Opens the locks, and nothing else.
enum FolderVersion {
    private static let files = [
        "config.yaml", "metrics.jsonl", "summary.json", "trace.json", "sweep.yaml", "sweep.sqlite",
    ]

    /// - Parameter trace: One that is not in a folder.
    static func text(of folders: [String], trace: String?) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ value: UInt64) {
            for shift in stride(from: 0 as UInt64, to: 64, by: 8) {
                hash = (hash ^ (value >> shift & 0xff)) &* 0x100_0000_01b3
            }
        }
        func add(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return add(0) }
            add(UInt64(status.st_ino))
            add(UInt64(bitPattern: Int64(status.st_size)))
            add(UInt64(bitPattern: Int64(status.st_mtim.tv_sec)))
            add(UInt64(bitPattern: Int64(status.st_mtim.tv_nsec)))
        }
        if let trace { add(trace) }
        for folder in folders {
            let isAtWork = RunDirectory.isInUse(folder)
            add(isAtWork ? 1 : 0)
            for name in files { add("\(folder)/\(name)") }
            // While a run goes on, no page looks into its checkpoints.
            guard !isAtWork else { continue }
            let checkpoints = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/checkpoints")) ?? []
            for name in checkpoints.sorted() {
                for byte in name.utf8 { add(UInt64(byte)) }
                add("\(folder)/checkpoints/\(name)")
            }
        }
        return String(hash, radix: 16)
    }
}
