/// The data sets known by name.
package enum DatasetCatalogue {
    package struct Entry: Sendable, Equatable {
        package let name: String
        package let title: String
        package let classNames: [String]
        /// Folders where a system's package puts it.
        package let systemFolders: [String]
        /// How to get it; ends an error line.
        package let installHint: String
        /// CRC-32 of the test part's 10,000 labels: tells the sets apart, whose files have the same names and shapes.
        /// Nil where it is not known.
        package let testLabelsCRC32: UInt32?
        /// What its folder is called, where several entries share one.
        package let folderName: String
        /// Of the test part, where not all samples are meant.
        package let testRows: Range<Int>?
        /// Of QMNIST's files of all NIST's digits, which are one part: how it is divided, where it is.
        package let division: SeriesDivision?
        /// What the files' names begin with, where the folder has other data sets' files too.
        package let filePrefix: String?
        package let files: [File]
        /// Addresses of folders that hold the archives, tried in turn.
        package let mirrors: [String]
        package let license: String
        package let citation: String

        package init(
            name: String, title: String = "", classNames: [String], systemFolders: [String] = [], installHint: String,
            testLabelsCRC32: UInt32? = nil, folderName: String? = nil, testRows: Range<Int>? = nil,
            division: SeriesDivision? = nil, filePrefix: String? = nil, files: [File] = [],
            mirrors: [String] = [], license: String = "", citation: String = ""
        ) {
            self.name = name
            self.title = title
            self.classNames = classNames
            self.systemFolders = systemFolders
            self.installHint = installHint
            self.testLabelsCRC32 = testLabelsCRC32
            self.folderName = folderName ?? name
            self.testRows = testRows
            self.division = division
            self.filePrefix = filePrefix
            self.files = files
            self.mirrors = mirrors
            self.license = license
            self.citation = citation
        }
    }

    /// The entry whose files these are: `fetch` gets them by its name.
    package static func owner(of entry: Entry) -> Entry {
        entries.first { $0.files == entry.files && $0.folderName == entry.folderName } ?? entry
    }

    /// The data set `entry` in the folder at `path`; nil where it holds none of the files.
    package static func locate(_ entry: Entry, in path: String) throws -> DatasetLocation? {
        try DatasetFolder(path).location(name: entry.name, entry: entry)
    }

    /// One file as its publisher gives it.
    package struct File: Sendable, Equatable {
        package let name: String
        /// Of the archive; nil where nobody states it.
        package let byteCount: Int?
        /// Of the archive.
        package let checksum: Checksum
        /// SHA-256 of the decompressed file, computed from real files; nil where none was at hand.
        package let contentSHA256: String?

        package init(_ name: String, byteCount: Int?, checksum: Checksum, contentSHA256: String? = nil) {
            self.name = name
            self.byteCount = byteCount
            self.checksum = checksum
            self.contentSHA256 = contentSHA256
        }
    }

    /// Who says which bytes an archive has.
    package enum Checksum: Sendable, Equatable {
        case sha256(String, source: String)
        case md5(String, source: String)

        package var source: String {
            switch self {
            case .sha256(_, let source), .md5(_, let source): source
            }
        }

        package var digest: String {
            switch self {
            case .sha256(let digest, _), .md5(let digest, _): digest
            }
        }

        package var algorithm: String {
            switch self {
            case .sha256: "SHA-256"
            case .md5: "MD5"
            }
        }
    }
}
