import ArgumentParser
import DataLoading
import Errors
import Foundation

struct DataListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show the catalogue and what of it is installed; with NAME all about one.")

    @Argument(help: ArgumentHelp("A data set of the catalogue.", valueName: "NAME"))
    var name: String?

    @OptionGroup var directory: DataDirectoryArguments

    @Flag(help: "Print one JSON document.")
    var json = false

    func run() throws {
        var records = DatasetCatalogue.entries.map { Record($0, try? directory.locate($0.name)) }
        if let name {
            guard let record = records.first(where: { $0.name == name }) else {
                // The refusal names what is known.
                _ = try DatasetCatalogue.locate(name: name, dataDirectory: "/", environment: [:])
                throw Failure(.usage, "\(name) has no entry in the catalogue")
            }
            records = [record]
        }
        if json { return try name == nil ? Output.json(records) : Output.json(records[0]) }
        let terminal = Terminal(environment: ProcessInfo.processInfo.environment)
        if name != nil { return Output.line(records[0].text(terminal)) }
        let width = (records.map(\.name) + [SyntheticDigits.name]).map(\.count).max()! + 2
        var lines = records.map { record in
            terminal.bold(Text.padded(record.name, width)) + record.title + "\n" + Text.padded("", width)
                + (record.folder ?? "not found: lockstep data fetch \(record.fetchName)")
        }
        lines.append(
            terminal.bold(Text.padded(SyntheticDigits.name, width))
                + "Digits drawn by the program: synthetic, any number\n"
                + Text.padded("", width) + "no file needed: \(SyntheticDigits.name)[:TRAIN[+TEST]][@SEED]")
        Output.line(lines.joined(separator: "\n"))
    }

    private struct Record: Encodable {
        let name: String
        let title: String
        let folderName: String
        /// Which entry's name `fetch` gets the files by.
        let fetchName: String
        let folder: String?
        let classNames: [String]
        let license: String
        let citation: String
        let mirrors: [String]
        let systemFolders: [String]
        let files: [File]

        struct File: Encodable {
            let name: String
            let byteCount: Int?
            let checksum: String
            let algorithm: String
            let checksumSource: String
            let contentSHA256: String?
        }

        init(_ entry: DatasetCatalogue.Entry, _ location: DatasetLocation?) {
            (name, title, folderName) = (entry.name, entry.title, entry.folderName)
            fetchName = DatasetCatalogue.owner(of: entry).name
            folder = location?.folder
            (classNames, license, citation) = (entry.classNames, entry.license, entry.citation)
            (mirrors, systemFolders) = (entry.mirrors, entry.systemFolders)
            files = entry.files.map {
                File(
                    name: $0.name, byteCount: $0.byteCount, checksum: $0.checksum.digest,
                    algorithm: $0.checksum.algorithm, checksumSource: $0.checksum.source,
                    contentSHA256: $0.contentSHA256)
            }
        }

        func text(_ terminal: Terminal) -> String {
            var lines = [
                terminal.bold(name) + "  " + title, "found     \(folder ?? "no; lockstep data fetch \(fetchName)")",
                "classes   \(classNames.joined(separator: ", "))", "license   \(license)", "cite      \(citation)",
            ]
            for (index, mirror) in mirrors.enumerated() {
                lines.append((index == 0 ? "mirrors   " : "          ") + mirror)
            }
            if !systemFolders.isEmpty { lines.append("system    \(systemFolders.joined(separator: ", "))") }
            for file in files {
                let size = file.byteCount.map { grouped($0) + " bytes, " } ?? ""
                lines.append("\(file.name)")
                lines.append("          \(size)\(file.algorithm) (\(file.checksumSource))\n          \(file.checksum)")
                if let content = file.contentSHA256 {
                    lines.append("          SHA-256 of its content (computed)\n          \(content)")
                }
            }
            return lines.joined(separator: "\n")
        }
    }
}

struct DataVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check data sets by the content of their files, and that they can be read.",
        discussion: """
            Images and labels are recognised by what they decode to, in whatever format they lie. Without a name every data set that
            is installed is checked. A name of the catalogue whose files are others fails with 65.
            """)

    @Argument(help: ArgumentHelp("Data sets.", valueName: "NAME|DIR"))
    var datasets: [String] = []

    @OptionGroup var directory: DataDirectoryArguments

    @Flag(help: "Print one JSON document.")
    var json = false

    func run() throws {
        var locations = try datasets.map(directory.locate)
        if datasets.isEmpty {
            locations = DatasetCatalogue.entries.filter { $0.name == $0.folderName }
                .compactMap { try? directory.locate($0.name) }
            guard !locations.isEmpty else {
                throw Failure(.inputNotFound, "no data set is installed; lockstep data list names those that can be")
            }
        }
        var reports: [Report] = []
        var problem: Failure?
        for location in locations {
            let verification = try DatasetVerification(location)
            let entry = DatasetCatalogue.entries.first { $0.name == location.name }
            problem = problem ?? entry.flatMap { verification.problem(as: $0) }
            reports.append(Report(verification))
            if !json { Output.line(reports[reports.count - 1].text) }
        }
        if json {
            try Output.json(reports)
        }
        if let problem { throw problem }
    }

    private struct Report: Encodable {
        let name: String
        let folder: String
        let recognisedAs: String?
        /// Of the parts that are there, the train part first.
        let sampleCounts: [Int]
        let files: [File]

        struct File: Encodable {
            let path: String
            let contentSHA256: String
            let finding: String
        }

        init(_ verification: DatasetVerification) {
            (name, folder, recognisedAs) = (verification.name, verification.folder, verification.recognisedAs)
            sampleCounts = verification.sampleCounts
            files = verification.files.map { file in
                let finding =
                    switch file.finding {
                    case .content(let entry, let name): "\(entry): the content of \(name)"
                    case .archive(let entry, let name, let source): "\(entry): the archive \(name), as \(source) states"
                    case .unknown: "unknown"
                    }
                return File(path: file.name, contentSHA256: file.contentSHA256, finding: finding)
            }
        }

        var text: String {
            let verdict =
                recognisedAs.map { "is \($0)" } ?? "can be read; its content is not in the catalogue"
            let head = "\(name) (\(folder)): \(sampleCounts.map(grouped).joined(separator: " + ")) images; \(verdict)"
            return ([head] + files.map { "  \($0.path)\n    \($0.contentSHA256)  \($0.finding)" }).joined(
                separator: "\n")
        }
    }
}
