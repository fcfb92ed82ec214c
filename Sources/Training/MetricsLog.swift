import Errors
import Files
import Foundation
import Glibc
import Synchronization

/// `metrics.jsonl`: lines are handed to the system at once, in order, and kept while it does not take them (a full disk),
/// so that training can go on. One thread appends; another may `synchronise`.
final class MetricsLog: @unchecked Sendable {
    private let path: String
    private let file: Int32
    private var pending: [UInt8] = []
    private let isOnDisk = Atomic<Bool>(true)

    /// Begins a file with what `kept` says, in place of the one before.
    init(path: String, kept: [UInt8] = []) throws {
        try AtomicFile.write([kept], to: path)
        file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        guard file >= 0 else {
            throw Failure(.outputRefused, "\(path): cannot be written: \(systemMessage(errno))")
        }
        self.path = path
    }

    deinit { close(file) }

    /// Appends one object as a line; returns what keeps it from the file.
    func append(_ line: String) -> Failure? {
        pending += Array(line.utf8)
        pending.append(UInt8(ascii: "\n"))
        return flush()
    }

    /// Writes what is still kept; returns what keeps it from the file.
    func flush() -> Failure? {
        while !pending.isEmpty {
            let count = pending.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                return Failure(.inputOutput, "\(path): cannot be written: \(systemMessage(count < 0 ? errno : EIO))")
            }
            pending.removeFirst(count)
            isOnDisk.store(false, ordering: .relaxed)
        }
        return nil
    }

    /// Waits until the lines are on the disk, so that no checkpoint is there before them. For any thread, one at a time.
    func synchronise() {
        if isOnDisk.exchange(true, ordering: .relaxed) == false { fsync(file) }
    }

    /// The lines of another file of metrics that a run had written when it reached `step`, before it evaluated there. A line
    /// that was cut short is left out.
    static func lines(of path: String, until step: Int) -> [UInt8] {
        let bytes = Array(FileManager.default.contents(atPath: path) ?? Data())
        var kept: [UInt8] = []
        var begin = 0
        while let end = bytes[begin...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = bytes[begin...end]
            if let point = try? JSONDecoder().decode(MetricsPoint.self, from: Data(line)),
                point.step < step || (point.step == step && point.parametersSHA256 != nil)
            {
                kept += line
            }
            begin = end + 1
        }
        return kept
    }

    /// The points of each epoch that lines tell of, without those that only have a hash.
    static func epochs(of lines: [UInt8]) -> [[MetricsPoint]] {
        var epochs: [[MetricsPoint]] = []
        for line in lines.split(separator: UInt8(ascii: "\n")) {
            guard let point = try? JSONDecoder().decode(MetricsPoint.self, from: Data(line)),
                point.parametersSHA256 == nil
            else { continue }
            if epochs.last?.last?.epoch == point.epoch {
                epochs[epochs.count - 1].append(point)
            } else {
                epochs.append([point])
            }
        }
        return epochs
    }
}
