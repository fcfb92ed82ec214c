import Errors
import Glibc

extension DatasetCatalogue {
    /// Finds the files of `--dataset NAME|DIR`, with `--data-dir` as `dataDirectory`.
    ///
    /// A text with a slash, "." and ".." are folders (or an archive `.npz`) and mean themselves. Any other text is a
    /// name, of which `synthetic-digits[:TRAIN[+TEST]][@SEED]` needs no file. With
    /// `dataDirectory`, it is looked for there alone (who names a folder does not want other data): in
    /// `dataDirectory/NAME`, then in `dataDirectory` itself. Without, in this order:
    ///
    /// 1. for each folder F of `$LOCKSTEP_DATA` (separated by colons): F/NAME, then F itself;
    /// 2. `$XDG_DATA_HOME/lockstep/NAME` (by default `~/.local/share/lockstep/NAME`);
    /// 3. where the system's package puts it;
    /// 4. the folder NAME of the current directory.
    ///
    /// MNIST and its kind share file names and shapes, so a folder *itself* is taken for a name of the catalogue only
    /// with care: never when its test labels are those of another entry; in `$LOCKSTEP_DATA` moreover only when they
    /// are the entry's own, or when the folder is called NAME. A folder called NAME is found for a name that is not in
    /// the catalogue, too.
    package static func locate(
        name: String, dataDirectory: String? = nil, environment: [String: String], entries: [Entry] = entries
    ) throws -> DatasetLocation {
        if name.contains("/") || name == "." || name == ".." {
            return try archive(name) ?? DatasetFolder(name).requiredLocation()
        }
        if let digits = try SyntheticDigits(text: name) { return digits.location }
        let entry = entries.first { $0.name == name }
        guard !name.isEmpty else { throw unknown(name, entries, looked: []) }
        let folderName = entry?.folderName ?? name
        var looked: [String] = []

        func visit(_ path: String) throws -> DatasetLocation? {
            looked.append(path)
            return try DatasetFolder(path).location(name: name, entry: entry)
        }

        if let dataDirectory {
            guard try DatasetFolder(dataDirectory).exists() else {
                throw Failure(
                    .inputNotFound, "\(dataDirectory): no such folder; --data-dir names one that holds data sets")
            }
            if let found = try visit(join(dataDirectory, folderName)) { return found }
            if let entry {
                let folder = DatasetFolder(dataDirectory)
                if let other = folder.recognised(among: entries), other != entry {
                    throw Failure(
                        .inputNotFound,
                        "\(dataDirectory): holds \(other.name), not \(name); use --dataset \(other.name)")
                }
                if let found = try visit(dataDirectory) { return found }
            }
        } else {
            for root in (environment["LOCKSTEP_DATA"] ?? "").split(separator: ":").map(String.init) {
                if let found = try visit(join(root, folderName)) { return found }
                guard let entry else { continue }
                let folder = DatasetFolder(root)
                let recognised = folder.recognised(among: entries)
                if recognised == entry || (recognised == nil && folder.name == folderName) {
                    if let found = try visit(root) { return found }
                } else {
                    looked.append(root + (recognised.map { " (holds \($0.name))" } ?? ""))
                }
            }
            if let home = dataHome(environment), let found = try visit(join(home, "lockstep/\(folderName)")) {
                return found
            }
            for folder in entry?.systemFolders ?? [] {
                if let found = try visit(folder) { return found }
            }
            if let found = try visit("./\(folderName)") { return found }
        }

        guard let entry else { throw unknown(name, entries, looked: looked) }
        let places = looked.joined(separator: ", ")
        throw Failure(.inputNotFound, "data set \(name) is not in \(places); \(entry.installHint)")
    }

    /// A file `.npz` that is named itself.
    private static func archive(_ path: String) throws -> DatasetLocation? {
        guard path.hasSuffix(".npz"), let mode = try DatasetFolder.mode(path), mode & S_IFMT != S_IFDIR else {
            return nil
        }
        let (train, test, validation) = try DatasetFolder.archiveParts(path)
        let name = path.split(separator: "/").last.map { String($0.dropLast(4)) } ?? path
        return DatasetLocation(name: name, folder: path, train: train, test: test, validation: validation)
    }

    private static func unknown(_ name: String, _ entries: [Entry], looked: [String]) -> Failure {
        let known = entries.map(\.name) + [SyntheticDigits.name]
        let question = Spelling.nearest(to: name, in: known).map { " (did you mean \($0)?)" } ?? ""
        let places = looked.isEmpty ? "" : "; no folder of that name in \(looked.joined(separator: ", "))"
        return Failure(
            .inputNotFound,
            "unknown data set \"\(name)\"\(question); known: \(known.joined(separator: ", "))\(places); or give a folder "
                + "with \(DatasetFolder.expectedFiles)")
    }

    /// XDG Base Directory Specification: a path that is not absolute counts as not set.
    package static func dataHome(_ environment: [String: String]) -> String? {
        if let path = environment["XDG_DATA_HOME"], path.hasPrefix("/") { return path }
        return environment["HOME"].map { join($0, ".local/share") }
    }

    static func join(_ folder: String, _ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }
}
