import Errors
import Tensors

/// The head of a safetensors file: where each tensor lies in the payload, and the metadata.
///
/// The file is the header's length (8 bytes, little-endian), the header (JSON, padded with spaces to a multiple of 8)
/// and the payload, in which the tensors follow each other without a gap.
package struct SafetensorsHeader: Sendable {
    /// Longest header that the format allows.
    package static let maximumByteCount = 100_000_000
    static let lengthByteCount = 8
    static let metadataKey = "__metadata__"

    package struct Entry: Sendable {
        package let name: String
        package let elementType: ElementType
        package let shape: Shape
        /// Bytes of the payload.
        package let range: Range<Int>
    }

    /// In the order of the payload.
    package let entries: [Entry]
    package let metadata: Metadata
    /// Where the file has the digits of `MetadataKey.fileSHA256`. Known of a header that was read.
    package let fileHashDigits: Range<Int>?

    package var payloadByteCount: Int { entries.last?.range.upperBound ?? 0 }
}

extension SafetensorsHeader {
    /// The header's length and the header: all that stands before the payload.
    package struct Encoded: Sendable {
        package fileprivate(set) var bytes: [UInt8]
        /// Where the digits of the file's hash belong; zeros are there. Nil where the file is not one of ours.
        package fileprivate(set) var fileHashDigits: Range<Int>?

        /// Puts the hash of the whole file, of which `payload` is the rest, in its place.
        mutating func seal(payload: [Checkpoint.Tensor]) {
            guard let digits = fileHashDigits else { return }
            var hash = FileHash(head: bytes, digits: digits)
            for tensor in payload { hash.update(tensor.bytes) }
            bytes.replaceSubrange(digits, with: hash.finish().utf8)
        }
    }

    /// Lays the tensors of `checkpoint` out, in their order. The hash of one of our files is left open.
    package init(_ checkpoint: Checkpoint) {
        var position = 0
        entries = checkpoint.tensors.map { tensor in
            precondition(
                !tensor.name.bytesEqual(Self.metadataKey), "Checkpoint: a tensor cannot be named \(tensor.name)")
            let range = position..<position + tensor.bytes.count
            position = range.upperBound
            return Entry(name: tensor.name, elementType: tensor.elementType, shape: tensor.shape, range: range)
        }
        if let name = entries.map(\.name).sorted(by: { $0.bytesPrecede($1) }).firstRepeated {
            preconditionFailure("Checkpoint: two tensors are named \(name)")
        }
        var metadata = checkpoint.metadata
        if metadata[MetadataKey.format] == Checkpoint.formatName {
            let version = metadata[MetadataKey.formatVersion] ?? "none"
            precondition(
                version == "\(Checkpoint.formatVersion)",
                "Checkpoint: format version \(version) is not the one that is written, \(Checkpoint.formatVersion)")
            metadata[MetadataKey.fileSHA256] = String(decoding: FileHash.blank, as: UTF8.self)
        }
        self.metadata = metadata
        fileHashDigits = nil
    }

    package func encoded(path: String, limit: Int = maximumByteCount) throws(Failure) -> Encoded {
        let isOurs = metadata[MetadataKey.format] == Checkpoint.formatName
        var digits: Range<Int>?
        var bytes = [UInt8](repeating: 0, count: Self.lengthByteCount)
        var separator = "{"
        if !metadata.entries.isEmpty {
            bytes.append(contentsOf: "{\"\(Self.metadataKey)\":".utf8)
            for entry in metadata.entries {
                bytes.append(contentsOf: separator.utf8)
                bytes.appendJSON(entry.key)
                bytes.append(UInt8(ascii: ":"))
                bytes.appendJSON(entry.value)
                if isOurs && entry.key.bytesEqual(MetadataKey.fileSHA256) {
                    // Before the closing quote.
                    digits = bytes.count - 1 - FileHash.digitCount..<bytes.count - 1
                }
                separator = ","
            }
            bytes.append(UInt8(ascii: "}"))
        }
        for entry in entries {
            bytes.append(contentsOf: separator.utf8)
            bytes.appendJSON(entry.name)
            let extents = entry.shape.extents.map(String.init).joined(separator: ",")
            let offsets = "\(entry.range.lowerBound),\(entry.range.upperBound)"
            bytes.append(
                contentsOf: #":{"dtype":"\#(entry.elementType.rawValue)","shape":[\#(extents)],"#.utf8)
            bytes.append(contentsOf: #""data_offsets":[\#(offsets)]}"#.utf8)
            separator = ","
        }
        bytes.append(contentsOf: (separator == "{" ? "{}" : "}").utf8)
        while bytes.count % 8 != 0 { bytes.append(UInt8(ascii: " ")) }

        let length = bytes.count - Self.lengthByteCount
        guard length <= limit else {
            throw Failure(.data, "\(path): a header of \(length) bytes is above the format's \(limit)")
        }
        for index in 0..<Self.lengthByteCount { bytes[index] = UInt8(truncatingIfNeeded: length >> (8 * index)) }
        return Encoded(bytes: bytes, fileHashDigits: digits)
    }
}
