import CZlib
import Errors
import Glibc

/// A folder that may hold the four files of a data set.
struct DatasetFolder {
    static let expectedFiles =
        "train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte[.gz], t10k-images-… and t10k-labels-…"

    let path: String

    init(_ path: String) { self.path = path }

    /// What the folder is called; for "." and "..", what these stand for.
    var name: String {
        let last = path.split(separator: "/").last.map(String.init) ?? path
        guard last == "." || last == "..", let real = realpath(path, nil) else { return last }
        defer { free(real) }
        return String(cString: real).split(separator: "/").last.map(String.init) ?? last
    }

    func exists() throws -> Bool {
        guard let mode = try Self.mode(path) else { return false }
        guard mode & S_IFMT == S_IFDIR else {
            throw Failure(.inputNotFound, "\(path): is a file; name the folder that holds the data set's four files")
        }
        return true
    }

    /// The location, where all four files are there. None where there is no such folder or none of the files; with
    /// some of them it throws, since the user surely meant this folder.
    func location(name: String, entry: DatasetCatalogue.Entry?) throws -> DatasetLocation? {
        guard try exists() else { return nil }
        let roles = ["train-images", "train-labels", "t10k-images", "t10k-labels"]
        let files = try roles.map(file)
        if files.allSatisfy({ $0 == nil }) { return nil }
        let missing = zip(roles, files).filter { $0.1 == nil }.map(\.0)
        guard let trainImages = files[0], let trainLabels = files[1], let testImages = files[2],
            let testLabels = files[3]
        else {
            let names = missing.map { $0 + ($0.hasSuffix("images") ? "-idx3-ubyte" : "-idx1-ubyte") }
            throw Failure(
                .inputNotFound, "\(path): has no \(names.joined(separator: ", ")) (plain or .gz) beside the other files"
            )
        }
        return DatasetLocation(
            name: name, folder: path, train: .init(images: trainImages, labels: trainLabels),
            test: .init(images: testImages, labels: testLabels), classNames: entry?.classNames ?? [])
    }

    /// As `location`, where the folder was named by the user himself and so must be right.
    func requiredLocation() throws -> DatasetLocation {
        guard try exists() else {
            throw Failure(.inputNotFound, "\(path): no such folder; name one with \(Self.expectedFiles)")
        }
        guard let location = try location(name: name, entry: nil) else {
            throw Failure(.inputNotFound, "\(path): holds no data set; expected \(Self.expectedFiles)")
        }
        return location
    }

    /// The entry whose test labels lie in this folder. A file that cannot be read is nobody's; loading it will say why.
    func recognised(among entries: [DatasetCatalogue.Entry]) -> DatasetCatalogue.Entry? {
        guard let path = try? file("t10k-labels"), let reader = try? IDXReader(path: path),
            reader.header.dimensions == [10_000], let labels = try? reader.readLabels()
        else { return nil }
        let checksum = UInt32(crc32(0, labels, UInt32(labels.count)))
        return entries.first { $0.testLabelsCRC32 == checksum }
    }

    /// The file of one role: `ROLE-idxN-TYPE` or `ROLE.idxN-TYPE`, plain before gzip. The name only finds it; what it
    /// holds is told by its header.
    private func file(_ role: String) throws -> String? {
        for dimensions in role.hasSuffix("images") ? [3, 4] : [1, 2] {
            for type in IDXHeader.ElementType.allCases {
                for separator in ["-", "."] {
                    for ending in ["", ".gz"] {
                        let candidate = "\(path)/\(role)\(separator)idx\(dimensions)-\(type)\(ending)"
                        if try Self.mode(candidate) != nil { return candidate }
                    }
                }
            }
        }
        return nil
    }

    /// The type and permissions of what is at `path`, or nil where nothing is.
    private static func mode(_ path: String) throws -> mode_t? {
        var status = stat()
        if stat(path, &status) == 0 { return status.st_mode }
        if errno == ENOENT || errno == ENOTDIR { return nil }
        throw Failure(.inputOutput, "\(path): cannot be examined (\(systemErrorText())); check its permissions")
    }
}
