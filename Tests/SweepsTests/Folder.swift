import Foundation
import Sweeps

/// A folder that is removed with this object.
final class Folder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("lockstep-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Of the database of a sweep in this folder.
    var database: String { "\(path)/\(TrialStore.fileName)" }

    func bytes(_ name: String = TrialStore.fileName) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")))
    }

    func write(_ bytes: some Sequence<UInt8>, to name: String = TrialStore.fileName) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    /// Names, sizes, contents and times of all that is there, and the folder's own time, which a file that comes and goes
    /// changes.
    func state() throws -> [String] {
        let files = FileManager.default
        func time(_ path: String) throws -> String {
            "\(try files.attributesOfItem(atPath: path)[.modificationDate] ?? "?")"
        }
        return try [time(path)]
            + files.contentsOfDirectory(atPath: path).sorted().map { name in
                "\(name) \(try time("\(path)/\(name)")) \(try bytes(name).hashValue)"
            }
    }
}

/// A trial and everything that can be said of it, to the bit.
struct Facts: Equatable, CustomStringConvertible {
    let description: String

    init(_ record: TrialRecord) {
        func bits(_ value: Double?) -> String { value.map { $0.isNaN ? "nan" : "\($0.bitPattern)" } ?? "-" }
        let parameters = record.trial.parameters.map { option, value in
            "\(option)=\(Array(value.text.utf8)),\(bits(value.number)),\(value.isNull)"
        }
        let measures = record.measures.sorted { $0.key < $1.key }.map { "\($0.key)=\(bits($0.value))" }
        description = """
            \(record.number) \(record.state) \(bits(record.value)) \(record.parametersSHA256 ?? "-") \
            \(bits(record.seconds)) \(record.reason ?? "-") \(record.folder) \(record.attempts) \
            \(record.group.map(String.init) ?? "-") \(parameters) \(measures) \(record.history.map(bits))
            """
    }
}
