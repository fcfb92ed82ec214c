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

    func run() throws {
        guard let cache = DatasetCache(environment: ProcessInfo.processInfo.environment) else {
            throw Failure(.usage, "no cache: LOCKSTEP_CACHE is off, or neither XDG_CACHE_HOME nor HOME is set")
        }
        if clear { try cache.clear() }
        if let dataset {
            let location = try directory.locate(dataset)
            let clock = ContinuousClock()
            var identity = ""
            let seconds = try clock.measure { _ = try cache.load(location) } / .seconds(1)
            identity = try cache.load(location).identity
            let path = try cache.path(of: location)
            let isKept = FileManager.default.fileExists(atPath: path)
            Output.line(
                "\(dataset): \(isKept ? path : "not kept"), loaded in \(Text.fixed(seconds * 1_000, 1)) ms, identity \(identity)"
            )
        }
        let files = try cache.files()
        Output.line("\(cache.folder): \(Text.plural(files.count, "data set"))")
        for file in files { Output.line("\(Text.right(grouped(file.byteCount), 16))  \(file.name)") }
    }
}
