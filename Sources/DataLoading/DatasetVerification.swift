import Crypto
import Errors

/// What is known of a file of a data set.
package struct FileVerification: Sendable, Equatable {
    package enum Finding: Sendable, Equatable {
        /// The decompressed bytes are those of the catalogue's file.
        case content(entry: String, file: String)
        /// The archive is the one that is published; its content is not in the catalogue.
        case archive(entry: String, file: String, source: String)
        case unknown
    }

    package let path: String
    /// SHA-256 of what the file decompresses to.
    package let contentSHA256: String
    package let finding: Finding

    /// The entry to which the file belongs.
    package var entry: String? {
        switch finding {
        case .content(let entry, _), .archive(let entry, _, _): entry
        case .unknown: nil
        }
    }

    /// Reads all of the file at `path`.
    package init(path: String, entries: [DatasetCatalogue.Entry] = DatasetCatalogue.entries) throws {
        self.path = path
        let digest = try Self.digest(InputFile(path: path).stream(), SHA256())
        contentSHA256 = digest
        let files = entries.filter { $0.name == $0.folderName }.flatMap { entry in entry.files.map { (entry.name, $0) }
        }
        if let (entry, file) = files.first(where: { $0.1.contentSHA256 == digest }) {
            finding = .content(entry: entry, file: file.name)
            return
        }
        for (entry, file) in files where try file.checksum.matches(path: path) {
            finding = .archive(entry: entry, file: file.name, source: file.checksum.source)
            return
        }
        finding = .unknown
    }

    fileprivate static func digest(_ stream: any ByteStream, _ function: some HashFunction) throws -> String {
        var function = function
        try withUnsafeTemporaryAllocation(byteCount: 256 * 1_024, alignment: 16) { buffer in
            while true {
                let count = try stream.read(into: buffer)
                function.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                if count < buffer.count { return }
            }
        }
        return function.finalize().map(hexadecimal).joined()
    }
}

extension DatasetCatalogue.Checksum {
    /// Whether the file's own bytes, compressed as they are, have this checksum.
    package func matches(path: String) throws -> Bool {
        let stream = PlainStream(file: try InputFile(path: path))
        return switch self {
        case .sha256(let digest, _): try FileVerification.digest(stream, SHA256()) == digest
        case .md5(let digest, _): try FileVerification.digest(stream, Insecure.MD5()) == digest
        }
    }
}

/// What is known of a data set's parts, by what they decode to.
package struct DatasetVerification: Sendable, Equatable {
    package struct Item: Sendable, Equatable {
        /// The file, and in an archive or a table which part of it.
        package let name: String
        /// SHA-256 of the images or labels as MNIST's kind of file would hold them: header and bytes.
        package let contentSHA256: String
        package let finding: FileVerification.Finding

        package var entry: String? {
            switch finding {
            case .content(let entry, _), .archive(let entry, _, _): entry
            case .unknown: nil
            }
        }
    }

    package let name: String
    package let folder: String
    package let files: [Item]
    package let sampleCounts: [Int]
    /// The entry to which all belong.
    package let recognisedAs: String?

    /// Loads all parts of `location`, with all rows, and throws where that fails.
    package init(_ location: DatasetLocation, entries: [DatasetCatalogue.Entry] = DatasetCatalogue.entries) throws {
        let whole = DatasetLocation(
            name: location.name, folder: location.folder, train: location.train, test: location.test,
            validation: location.validation, classNames: location.classNames)
        let sources = [location.train, location.validation, location.test].compactMap { $0 }
        let (parts, _) = try whole.parts()
        let own = entries.filter { $0.name == $0.folderName }
        var files: [Item] = []
        for (source, part) in zip(sources, parts) {
            let (pixels, labels) = DatasetWriter.idxDigests(part.images)
            let names = source.itemNames(part.part)
            files.append(try Self.item(names.images, pixels, source.imageFile, own))
            files.append(try Self.item(names.labels, labels, source.labelFile, own))
        }
        name = location.name
        folder = location.folder
        self.files = files
        sampleCounts = parts.map(\.images.count)
        let first = files.first?.entry
        recognisedAs = first != nil && files.allSatisfy { $0.entry == first } ? first : nil
    }

    private static func item(
        _ name: String, _ digest: String, _ path: String?, _ entries: [DatasetCatalogue.Entry]
    ) throws -> Item {
        for entry in entries {
            if let file = entry.files.first(where: { $0.contentSHA256 == digest }) {
                return Item(name: name, contentSHA256: digest, finding: .content(entry: entry.name, file: file.name))
            }
        }
        for entry in entries {
            for file in entry.files where file.contentSHA256 == nil {
                guard let path, try file.checksum.matches(path: path) else { continue }
                return Item(
                    name: name, contentSHA256: digest,
                    finding: .archive(entry: entry.name, file: file.name, source: file.checksum.source))
            }
        }
        return Item(name: name, contentSHA256: digest, finding: .unknown)
    }

    /// What contradicts that these are the files of `entry`; nil where nothing does.
    package func problem(as entry: DatasetCatalogue.Entry) -> Failure? {
        // Of files that are published packed otherwise nothing is known.
        guard entry.files.contains(where: { $0.contentSHA256 != nil || !$0.name.hasSuffix(".xz") }) else { return nil }
        guard recognisedAs != entry.folderName, let file = files.first(where: { $0.entry != entry.folderName }) else {
            return nil
        }
        let belongs =
            file.entry.map { "belongs to \($0)" } ?? "is not what is published (SHA-256 \(file.contentSHA256))"
        return Failure(.data, "\(file.name): \(belongs), not to \(entry.folderName); fetch or copy it again")
    }
}

extension PartSource {
    fileprivate var imageFile: String? { if case .arrays(.idx(let path), _) = self { path } else { nil } }
    fileprivate var labelFile: String? { if case .arrays(_, .idx(let path)) = self { path } else { nil } }

    fileprivate func itemNames(_ part: DatasetPart) -> (images: String, labels: String) {
        if case .arrays(let images, let labels) = self, images.path != labels.path { return (images.path, labels.path) }
        return ("\(imagesName): \(part.rawValue) images", "\(imagesName): \(part.rawValue) labels")
    }
}

extension DatasetWriter {
    /// SHA-256 of the two files, not compressed, that `write` makes of a part.
    static func idxDigests(_ images: LabelledImages) -> (images: String, labels: String) {
        var pixels = SHA256()
        pixels.update(data: imageHeader(images))
        images.pixels.withBytes { pixels.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        var labels = SHA256()
        labels.update(data: labelFile(images))
        return (pixels.finalize().map(hexadecimal).joined(), labels.finalize().map(hexadecimal).joined())
    }
}
