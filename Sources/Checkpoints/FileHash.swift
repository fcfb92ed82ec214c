import Crypto
import Errors

/// SHA-256 of a whole file, for which the digits in its header that state it count as zeros.
package struct FileHash {
    package static let digitCount = 64
    /// What stands in the place of the digits while the file is hashed.
    static let blank = [UInt8](repeating: UInt8(ascii: "0"), count: digitCount)

    private var hasher = ParametersHasher()

    /// Begins with the file's first bytes.
    /// - Parameters:
    ///   - head: At least the header's length and the header; what follows them is taken as well.
    ///   - digits: Where in `head` the digits are.
    init(head: [UInt8], digits: Range<Int>) {
        hasher.update(head.span.extracting(0..<digits.lowerBound).bytes)
        hasher.update(bytes: Self.blank)
        hasher.update(head.span.extracting(digits.upperBound..<head.count).bytes)
    }

    mutating func update(_ bytes: [UInt8]) { hasher.update(bytes: bytes) }

    /// Lowercase hexadecimal.
    func finish() -> String { hasher.finish() }
}

/// The comparison of a file's hash with the one that it states, while it is read.
struct FileCheck {
    private let path: String
    private let stated: String
    private var hash: FileHash

    /// Nil for files of other programs, which state no hash.
    ///
    /// - Parameter head: As `FileHash.init` takes it.
    init?(_ header: SafetensorsHeader, head: [UInt8], path: String) throws(Failure) {
        guard try Self.isNeeded(header.metadata, path: path) else { return nil }
        let stated = header.metadata[MetadataKey.fileSHA256]
        guard let stated, let digits = header.fileHashDigits, digits.count == FileHash.digitCount,
            head[digits].allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else {
            let what = stated.map { "is \($0.quotedForMessage)" } ?? "is missing"
            throw Failure(
                .data, "\(path): damaged: \(MetadataKey.fileSHA256) \(what), where 64 digits of the file's hash belong")
        }
        self.path = path
        self.stated = stated
        hash = FileHash(head: head, digits: digits)
    }

    mutating func update(_ bytes: [UInt8]) { hash.update(bytes) }

    func finish() throws(Failure) {
        let actual = hash.finish()
        guard stated == actual else {
            throw Failure(.data, "\(path): damaged: the file has SHA-256 \(actual), but says \(stated)")
        }
    }

    /// One changed bit cannot make a file of ours one of another program: it would have to spoil two keys.
    private static func isNeeded(_ metadata: Metadata, path: String) throws(Failure) -> Bool {
        let version = metadata[MetadataKey.formatVersion]
        guard metadata[MetadataKey.format] == Checkpoint.formatName else {
            return version != nil && metadata[MetadataKey.fileSHA256] != nil
        }
        guard version == "\(Checkpoint.formatVersion)" else {
            throw Failure(
                .data,
                "\(path): a file of \(Checkpoint.formatName) in format version \(version?.quotedForMessage ?? "none"); "
                    + "this program reads version \(Checkpoint.formatVersion)")
        }
        return true
    }
}
