import ArgumentParser
import DataLoading
import Errors
import Foundation

struct DataCacheCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache", abstract: "Show the decoded data sets that are kept, or remove them.",
        discussion: """
            Data sets of 16 MiB and more are kept decoded in $LOCKSTEP_CACHE, by default $XDG_CACHE_HOME/lockstep or
            ~/.cache/lockstep, so that they open at once and all ranks of a host share them. LOCKSTEP_CACHE=off keeps
            none. With NAME a data set is put there now.
            """)

    @Argument(help: ArgumentHelp("A data set.", valueName: "NAME|DIR"))
    var dataset: String?

    @OptionGroup var directory: DataDirectoryArguments

    @Flag(help: "Remove all that is kept.")
    var clear = false

    @Flag(help: "Print one JSON document.")
    var json = false

    private struct Report: Encodable {
        struct Loaded: Encodable {
            let name: String
            /// Nil where it is not kept.
            let path: String?
            let seconds: Double
            let identity: String
        }

        struct File: Encodable {
            let name: String
            let byteCount: Int
        }

        let folder: String
        let loaded: Loaded?
        let files: [File]
    }

    func run() throws {
        guard let cache = DatasetCache(environment: ProcessInfo.processInfo.environment) else {
            throw Failure(.usage, "no cache: LOCKSTEP_CACHE is off, or neither XDG_CACHE_HOME nor HOME is set")
        }
        if clear { try cache.clear() }
        let loaded = try dataset.map { dataset in
            let location = try directory.locate(dataset)
            let clock = ContinuousClock()
            let seconds = try clock.measure { _ = try cache.load(location) } / .seconds(1)
            let path = try cache.path(of: location)
            return Report.Loaded(
                name: dataset, path: FileManager.default.fileExists(atPath: path) ? path : nil, seconds: seconds,
                identity: try cache.load(location).identity)
        }
        let files = try cache.files().map { Report.File(name: $0.name, byteCount: $0.byteCount) }
        if json { return try Output.json(Report(folder: cache.folder, loaded: loaded, files: files)) }
        if let loaded {
            Output.line(
                "\(loaded.name): \(loaded.path ?? "not kept"), loaded in \(Text.fixed(loaded.seconds * 1_000, 1)) ms, "
                    + "identity \(loaded.identity)")
        }
        Output.line("\(cache.folder): \(Text.plural(files.count, "data set"))")
        for file in files { Output.line("\(Text.right(grouped(file.byteCount), 16))  \(file.name)") }
    }
}
