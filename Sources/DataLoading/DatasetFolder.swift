import CZlib
import Errors
import Glibc

/// A folder that may hold a data set, in one of the layouts that are known.
struct DatasetFolder {
    static let expectedFiles =
        "train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte[.gz], t10k-images-… and t10k-labels-…; train.csv and "
        + "test.csv; one .npz; or train/CLASS/*.png and test/CLASS/*.png"

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
            throw Failure(.inputNotFound, "\(path): is a file; name the folder that holds the data set's files")
        }
        return true
    }

    /// The location, where all files are there. None where there is no such folder or none of the files; with
    /// some of them it throws, since the user surely meant this folder.
    func location(name: String, entry: DatasetCatalogue.Entry?) throws -> DatasetLocation? {
        guard try exists() else { return nil }
        let found =
            try entry?.filePrefix == nil
            ? idxParts() ?? numpyParts() ?? csvParts() ?? pictureParts() : singleParts(entry?.filePrefix ?? "")
        guard let (train, test, validation) = found else { return nil }
        return DatasetLocation(
            name: name, folder: path, train: train, test: test, validation: validation, testRows: entry?.testRows,
            division: entry?.division,
            classNames: try entry?.classNames ?? writtenClassNames())
    }

    /// `classes.txt`: one name a line, in order of the classes; empty where the file is missing.
    private func writtenClassNames() throws -> [String] {
        let file = "\(path)/\(DatasetWriter.classFile)"
        guard try Self.mode(file) != nil else { return [] }
        let text = String(decoding: try InputFile(path: file).contents(limit: 1 << 16), as: UTF8.self)
        let names = text.split(whereSeparator: \.isNewline).map(String.init)
        guard (1...256).contains(names.count), Set(names).count == names.count else {
            throw Failure(.data, "\(file): 1 to 256 different names are expected, one a line")
        }
        return names
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
        guard let path = try? idxFile("t10k-labels"), let reader = try? IDXReader(path: path),
            reader.header.dimensions == [10_000], let labels = try? reader.readLabels()
        else { return nil }
        let checksum = UInt32(crc32(0, labels, UInt32(labels.count)))
        return entries.first { $0.testLabelsCRC32 == checksum }
    }

    typealias Parts = (train: PartSource, test: PartSource?, validation: PartSource?)

    /// MNIST's four files, or QMNIST's.
    private func idxParts() throws -> Parts? {
        func validation() throws -> PartSource? {
            guard let images = try idxFile("validation-images") else { return nil }
            guard let labels = try idxFile("validation-labels") else {
                throw Failure(.inputNotFound, "\(path): has no validation-labels-idx1-ubyte beside the images")
            }
            return .arrays(images: .idx(images), labels: .idx(labels))
        }

        for (train, test) in [("train", "t10k"), ("qmnist-train", "qmnist-test")] {
            let roles = ["\(train)-images", "\(train)-labels", "\(test)-images", "\(test)-labels"]
            let files = try roles.map(idxFile)
            if files.allSatisfy({ $0 == nil }) { continue }
            // One part is enough for what divides or converts it.
            if let images = files[0], let labels = files[1], files[2] == nil, files[3] == nil {
                return (.arrays(images: .idx(images), labels: .idx(labels)), nil, nil)
            }
            guard let trainImages = files[0], let trainLabels = files[1], let testImages = files[2],
                let testLabels = files[3]
            else {
                let missing = zip(roles, files).filter { $0.1 == nil }.map(\.0).map { role in
                    let labels = role.hasPrefix("q") ? "-idx2-int" : "-idx1-ubyte"
                    return role + (role.hasSuffix("images") ? "-idx3-ubyte" : labels)
                }
                throw Failure(
                    .inputNotFound,
                    "\(path): has no \(missing.joined(separator: ", ")) (plain or .gz) beside the other files")
            }
            return (
                .arrays(images: .idx(trainImages), labels: .idx(trainLabels)),
                .arrays(images: .idx(testImages), labels: .idx(testLabels)), try validation()
            )
        }
        return nil
    }

    /// One part in files of its own: QMNIST's xnist, which is published as xz.
    private func singleParts(_ prefix: String) throws -> Parts? {
        let roles = ["\(prefix)-images", "\(prefix)-labels"]
        let files = try roles.map(idxFile)
        if let images = files[0], let labels = files[1] {
            return (.arrays(images: .idx(images), labels: .idx(labels)), nil, nil)
        }
        for (role, file) in zip(["\(roles[0])-idx3-ubyte", "\(roles[1])-idx2-int"], files) where file == nil {
            if try Self.mode("\(path)/\(role).xz") != nil {
                throw Failure(
                    .inputNotFound,
                    "\(path)/\(role).xz: is packed; unpack it: xz --decompress --keep \(path)/\(role).xz")
            }
            if files.contains(where: { $0 != nil }) {
                throw Failure(.inputNotFound, "\(path): has no \(role) (plain or .gz) beside the other file")
            }
        }
        return nil
    }

    /// The file of one role: `ROLE-idxN-TYPE` or `ROLE.idxN-TYPE`, plain before gzip. The name only finds it; what it
    /// holds is told by its header.
    private func idxFile(_ role: String) throws -> String? {
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

    /// What the arrays of an archive, or files of one array, are called: Keras's names and others in use.
    private static let arrayNames = [
        ("x_train", "y_train", "x_test", "y_test"), ("train_images", "train_labels", "test_images", "test_labels"),
        ("train-images", "train-labels", "test-images", "test-labels"),
        ("train-images", "train-labels", "t10k-images", "t10k-labels"),
    ]

    /// One `.npz` with all arrays, four with one each (`NAME-train-imgs.npz`), or four `.npy`.
    private func numpyParts() throws -> Parts? {
        for (trainImages, trainLabels, testImages, testLabels) in Self.arrayNames {
            let names = [trainImages, trainLabels, testImages, testLabels].map { "\(path)/\($0).npy" }
            let present = try names.map { try Self.mode($0) != nil }
            if !present.contains(true) { continue }
            if let missing = zip(names, present).first(where: { !$0.1 }), present != [true, true, false, false] {
                throw Failure(
                    .inputNotFound, "\(path): has no \(missing.0.dropFirst(path.count + 1)) beside the other arrays")
            }
            return (
                .arrays(images: .npy(names[0]), labels: .npy(names[1])),
                present[2] ? .arrays(images: .npy(names[2]), labels: .npy(names[3])) : nil, nil
            )
        }
        let archives = try FolderListing.items(path).filter { !$0.isFolder && $0.name.hasSuffix(".npz") }.map(\.name)
        if archives.count == 1 { return try Self.archiveParts("\(path)/\(archives[0])") }
        // Kuzushiji-MNIST's: one array in each, called arr_0.
        for ending in ["train-imgs", "train-images"] {
            guard let first = archives.first(where: { $0.hasSuffix("-\(ending).npz") }) else { continue }
            let stem = first.dropLast("\(ending).npz".count)
            let suffix = ending.dropFirst("train-".count)
            let names = [first, "\(stem)train-labels.npz", "\(stem)test-\(suffix).npz", "\(stem)test-labels.npz"]
            if let missing = names.first(where: { !archives.contains($0) }) {
                throw Failure(.inputNotFound, "\(path): has no \(missing) beside the other archives")
            }
            let sources = names.map { ArraySource.npz("\(path)/\($0)", name: "arr_0") }
            return (
                .arrays(images: sources[0], labels: sources[1]), .arrays(images: sources[2], labels: sources[3]), nil
            )
        }
        return nil
    }

    /// The parts in one archive.
    static func archiveParts(_ path: String) throws -> Parts {
        let archive = try ZipArchive(file: InputFile(path: path))
        for (trainImages, trainLabels, testImages, testLabels) in arrayNames
        where archive.hasArray(trainImages) && archive.hasArray(trainLabels) {
            let hasTest = archive.hasArray(testImages) && archive.hasArray(testLabels)
            return (
                .arrays(images: .npz(path, name: trainImages), labels: .npz(path, name: trainLabels)),
                hasTest ? .arrays(images: .npz(path, name: testImages), labels: .npz(path, name: testLabels)) : nil,
                archive.hasArray("x_validation")
                    ? .arrays(images: .npz(path, name: "x_validation"), labels: .npz(path, name: "y_validation")) : nil
            )
        }
        throw Failure(
            .data,
            "\(path): holds \(archive.names.prefix(8).joined(separator: ", ")); arrays x_train, y_train, x_test and y_test "
                + "are expected, or train_images, train_labels, test_images and test_labels")
    }

    /// `train.csv` and `test.csv`, or `NAME_train.csv` and `NAME_test.csv`, plain or gzip.
    private func csvParts() throws -> Parts? {
        let names = try FolderListing.items(path).filter { !$0.isFolder }.map(\.name)
        func find(_ part: String) throws -> String? {
            let found = names.filter { name in
                ["\(part).csv", "\(part).csv.gz"].contains {
                    name == $0 || name.hasSuffix("_\($0)") || name.hasSuffix("-\($0)")
                }
            }
            guard found.count <= 1 else {
                throw Failure(
                    .data, "\(path): \(found.joined(separator: " and ")) could both be the \(part) part; keep one")
            }
            return found.first.map { "\(path)/\($0)" }
        }
        guard let train = try find("train") else { return nil }
        return (.csv(train), try find("test").map { .csv($0) }, try find("validation").map { .csv($0) })
    }

    /// Pictures in `train/CLASS` and `test/CLASS`.
    private func pictureParts() throws -> Parts? {
        func hasClasses(_ part: String) throws -> Bool {
            guard let mode = try Self.mode("\(path)/\(part)"), mode & S_IFMT == S_IFDIR else { return false }
            return try FolderListing.items("\(path)/\(part)").contains(where: \.isFolder)
        }
        if try hasClasses("train") {
            return (
                .folder("\(path)/train"), try hasClasses("test") ? .folder("\(path)/test") : nil,
                try hasClasses("validation") ? .folder("\(path)/validation") : nil
            )
        }
        // One part alone: folders of classes with pictures in them.
        for item in try FolderListing.items(path) where item.isFolder {
            let inner = try FolderListing.items("\(path)/\(item.name)")
            let isPicture = inner.contains { file in
                !file.isFolder && ImageFolder.endings.contains { file.name.lowercased().hasSuffix(".\($0)") }
            }
            if isPicture { return (.folder(path), nil, nil) }
        }
        return nil
    }

    /// The type and permissions of what is at `path`, or nil where nothing is.
    static func mode(_ path: String) throws -> mode_t? {
        var status = stat()
        if stat(path, &status) == 0 { return status.st_mode }
        if errno == ENOENT || errno == ENOTDIR { return nil }
        throw Failure(.inputOutput, "\(path): cannot be examined (\(systemErrorText())); check its permissions")
    }
}
