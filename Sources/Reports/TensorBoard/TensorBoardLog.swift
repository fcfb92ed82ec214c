import Errors
import Files
import Foundation
import Glibc
import Training

/// An event file, of a run in its folder `tensorboard`: whole records, handed to the system at once and kept while it does
/// not take them.
package final class TensorBoardLog {
    package static let folderName = "tensorboard"
    private static let prefix = "events.out.tfevents."

    let path: String
    private let file: Int32
    private var pending: [UInt8] = []

    /// Begins a folder's file in place of those that are there.
    ///
    /// - Parameter kept: Records that come first.
    init(folder: String, kept: [UInt8] = [], now: Double = Date().timeIntervalSince1970) throws {
        try RunDirectory.makeFolder(folder)
        let old = Self.files(in: folder)
        path = "\(folder)/\(Self.prefix)\(Int(now)).lockstep"
        let start = kept.isEmpty ? try EventRecords.encoded(.version(wallTime: now)) : kept
        try AtomicFile.write([start], to: path)
        for name in old where name != path { unlink(name) }
        file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        guard file >= 0 else { throw Failure(.outputRefused, "\(path): cannot be written: \(systemMessage(errno))") }
    }

    deinit { close(file) }

    /// Adds a record.
    ///
    /// - Throws: where the system does not take it, which then is tried again with the next.
    func write(_ event: TensorBoardEvent) throws {
        pending += try EventRecords.encoded(event)
        while !pending.isEmpty {
            let count = pending.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                throw Failure(.inputOutput, "\(path): cannot be written: \(systemMessage(count < 0 ? errno : EIO))")
            }
            pending.removeFirst(count)
        }
    }

    /// In the order in which they were begun.
    private static func files(in folder: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasPrefix(prefix) }.sorted().map { "\(folder)/\($0)" }
    }

    /// The records that a run had written when it reached `step`, before it evaluated there, as its metrics are cut back when it
    /// goes on. Histograms of the step came before its checkpoint.
    package static func records(of run: String, before step: Int) -> [UInt8] {
        var kept: [UInt8] = []
        for path in files(in: "\(run)/\(folderName)") {
            let bytes = Array(FileManager.default.contents(atPath: path) ?? Data())
            for (event, record) in EventRecords.events(bytes)
            where event.isVersion ? kept.isEmpty : event.step < step || (event.step == step && event.isHistogram) {
                kept += record
            }
        }
        return kept
    }
}
