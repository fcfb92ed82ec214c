import ArgumentParser
import DataLoading
import Errors
import Foundation

struct DataFetchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch", abstract: "Get a data set of the catalogue from its publishers.",
        discussion: """
            The files come by curl into $XDG_DATA_HOME/lockstep/NAME (by default ~/.local/share/lockstep/NAME), or into
            --data-dir DIR/NAME. Each is checked before it takes its place; what was cut off is resumed, also by the next
            fetch; mirrors are tried in turn.
            """)

    @Argument(help: ArgumentHelp("A data set of the catalogue.", valueName: "NAME"))
    var name: String

    @Option(help: ArgumentHelp("The folder in which the folder NAME is made.", valueName: "DIR"))
    var dataDir: String?

    @Option(
        help: ArgumentHelp(
            "Address of a folder with the files, instead of the catalogue's; may be repeated.", valueName: "ADDRESS"))
    var mirror: [String] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Give a mirror up after so long without data; default 20.", valueName: "SECONDS"))
    var patience: Int?

    @Flag(help: "Print one JSON document, at the end.")
    var json = false

    private struct Report: Encodable {
        struct Part: Encodable {
            let name: String
            let sampleCount: Int
        }

        let name: String
        let folder: String
        let license: String
        /// Those that came now; the others were there.
        let fetched: [String]
        let parts: [Part]
    }

    func run() throws {
        guard let entry = DatasetCatalogue.entries.first(where: { $0.name == name }) else {
            _ = try DatasetCatalogue.locate(name: name, dataDirectory: "/", environment: [:])
            throw Failure(.usage, "\(name) needs no files")
        }
        let environment = ProcessInfo.processInfo.environment
        let folder = try Fetcher.defaultFolder(of: entry, dataDirectory: dataDir, environment: environment)
        for address in mirror where !["http://", "https://"].contains(where: address.hasPrefix) {
            throw Failure(.usage, "--mirror \(address): an address that begins with https:// or http:// is needed")
        }
        var limits = Fetcher.Limits()
        if let patience {
            guard (1...3_600).contains(patience) else {
                throw Failure(.usage, "--patience \(patience): 1 to 3600 seconds are possible")
            }
            (limits.stallSeconds, limits.connectSeconds) = (patience, patience)
        }
        let terminal = Terminal(environment: environment)
        if !json { Output.line("\(entry.name) into \(folder); license: \(entry.license)") }
        var fetched: [String] = []
        let fetcher = Fetcher(entry, mirrors: mirror.isEmpty ? nil : mirror, limits: limits)
        try fetcher.fetch(into: folder) { event in
            if case .complete(let file) = event { fetched.append(file) }
            if json { return }
            let clear = terminal.width == nil ? "" : "\r\u{1B}[K"
            switch event {
            case .present(let file): Output.line("\(clear)\(file): is there")
            case .trying(let file, let address, let have):
                Output.line("\(clear)\(file): \(address)" + (have > 0 ? " from byte \(grouped(have)) on" : ""))
            case .progress(let file, let count, let expected):
                guard let width = terminal.width else { return }
                let share = expected.map { " of \(grouped($0)) (\(count * 100 / max($0, 1)) %)" } ?? ""
                Output.text(clear + String("\(file): \(grouped(count)) bytes\(share)".prefix(width - 1)))
            case .failed(let file, _, let reason): Output.line("\(clear)\(file): \(reason)")
            case .complete(let file): Output.line("\(clear)\(file): complete, its checksum is right")
            case .unpacked(let file): Output.line("\(clear)\(file): unpacked")
            }
        }
        guard let location = try DatasetCatalogue.locate(entry, in: folder) else {
            throw Failure(.internal, "\(folder): holds nothing of \(entry.name) after all was fetched")
        }
        let parts = try location.parts().parts.map {
            Report.Part(name: $0.part.rawValue, sampleCount: $0.images.count)
        }
        if json {
            return try Output.json(
                Report(name: entry.name, folder: folder, license: entry.license, fetched: fetched, parts: parts))
        }
        let counts = parts.map { "\(grouped($0.sampleCount)) \($0.name)" }
        Output.line(
            "\(counts.joined(separator: " and ")) images; try: lockstep data show " + entry.name
                + (dataDir.map { " --data-dir \($0)" } ?? ""))
    }
}
