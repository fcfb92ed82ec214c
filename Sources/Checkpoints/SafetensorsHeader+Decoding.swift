import Errors
import Tensors

extension SafetensorsHeader {
    /// The header's length, from the file's first 8 bytes, checked against the format's limit and the file's size.
    static func length(prefix: [UInt8], fileByteCount: Int, path: String) throws(Failure) -> Int {
        guard fileByteCount >= lengthByteCount else {
            throw Failure(.data, "\(path): \(fileByteCount) bytes are too few for a safetensors file")
        }
        let length = prefix.prefix(lengthByteCount).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= maximumByteCount else {
            throw Failure(
                .data, "\(path): not a safetensors file: a header of \(length) bytes is above \(maximumByteCount)")
        }
        guard length <= fileByteCount - lengthByteCount else {
            throw Failure(
                .data, "\(path): the file is cut short: \(fileByteCount) bytes, of which the header takes \(length)")
        }
        return Int(length)
    }

    /// Decodes the header `bytes[range]` by the format's own rules.
    ///
    /// What it builds stays below 16 MiB plus the smaller of header and payload, so that neither reading the header nor
    /// keeping its contents beside the payload takes more than the file's size and 16 MiB.
    /// At least some 50,000 tensors fit.
    package init(decoding bytes: [UInt8], _ range: Range<Int>, payloadByteCount: Int, path: String) throws(Failure) {
        guard !range.isEmpty, bytes[range.lowerBound] == UInt8(ascii: "{") else {
            throw Failure(.data, "\(path): not a safetensors file: the header does not begin with '{'")
        }
        do { _ = try UTF8Span(validating: bytes.span.extracting(range)) } catch {
            throw Failure(.data, "\(path): the header is not valid UTF-8")
        }
        let budget = min(range.count, payloadByteCount) + 15 << 20
        var scanner = HeaderScanner(bytes, range, budget: budget, path: path)
        var found: [Entry] = []
        var pairs: [Metadata.Entry]?
        var digits: Range<Int>?
        try scanner.members { (key, scanner) throws(Failure) in
            if key.bytesEqual(Self.metadataKey) {
                guard pairs == nil else { throw scanner.failure("key \(key.quotedForMessage) is there twice") }
                pairs = try Self.metadata(&scanner, fileHash: &digits)
            } else {
                found.append(try Self.entry(key, payloadByteCount, &scanner))
            }
        }
        try scanner.expectPadding()
        if let name = found.map(\.name).sorted(by: { $0.bytesPrecede($1) }).firstRepeated {
            throw scanner.failure("tensor \(name.quotedForMessage) is there twice")
        }
        entries = try Self.contiguous(found, payloadByteCount, scanner)
        metadata = Metadata(sorted: pairs ?? [])
        fileHashDigits = digits
    }

    private static func metadata(
        _ scanner: inout HeaderScanner, fileHash digits: inout Range<Int>?
    ) throws(Failure) -> [Metadata.Entry] {
        var pairs: [Metadata.Entry] = []
        try scanner.members { (key, scanner) throws(Failure) in
            // The array while it grows, and sorting.
            try scanner.charge(4 * MemoryLayout<Metadata.Entry>.stride)
            pairs.append(Metadata.Entry(key: key, value: try scanner.string()))
            if key.bytesEqual(MetadataKey.fileSHA256) { digits = scanner.lastString }
        }
        pairs.sort { $0.key.bytesPrecede($1.key) }
        if let key = pairs.map(\.key).firstRepeated {
            throw scanner.failure("metadata key \(key.quotedForMessage) is there twice")
        }
        return pairs
    }

    private static func entry(
        _ name: String, _ payloadByteCount: Int, _ scanner: inout HeaderScanner
    ) throws(Failure) -> Entry {
        // The array while it grows, sorting, and the heap block of the shape.
        try scanner.charge(5 * MemoryLayout<Entry>.stride + 64)
        var typeName: String?
        var extents: [Int]?
        var offsets: [Int]?
        try scanner.members { (key, scanner) throws(Failure) in
            switch key {
            case "dtype" where typeName == nil: typeName = try scanner.string()
            case "shape" where extents == nil: extents = try scanner.integers()
            case "data_offsets" where offsets == nil: offsets = try scanner.integers()
            case "dtype", "shape", "data_offsets":
                throw scanner.failure("tensor \(name.quotedForMessage): \(key) is there twice")
            default:
                throw scanner.failure("tensor \(name.quotedForMessage): key \(key.quotedForMessage) is not known")
            }
        }
        func failure(_ message: String) -> Failure {
            scanner.failure("tensor \(name.quotedForMessage): \(message)")
        }
        guard let typeName, let extents, let offsets else {
            throw failure("dtype, shape or data_offsets is missing")
        }
        guard let elementType = ElementType(rawValue: typeName) else {
            throw failure("dtype \(typeName.quotedForMessage) is not known")
        }
        guard offsets.count == 2, offsets[0] <= offsets[1] else {
            throw failure("data_offsets is not the begin and the end of a range")
        }
        guard offsets[1] <= payloadByteCount else {
            throw failure("ends at byte \(offsets[1]) of a payload of \(payloadByteCount): the file is cut short")
        }
        var byteCount = 1
        for factor in extents + [elementType.byteCount] {
            let (product, overflow) = byteCount.multipliedReportingOverflow(by: factor)
            guard !overflow else { throw failure("its shape has more elements than can be counted") }
            byteCount = product
        }
        guard byteCount == offsets[1] - offsets[0] else {
            throw failure("its shape takes \(byteCount) bytes, its data_offsets \(offsets[1] - offsets[0])")
        }
        return Entry(name: name, elementType: elementType, shape: Shape(extents), range: offsets[0]..<offsets[1])
    }

    /// `found` in the order of the payload, which they must cover without a hole or an overlap.
    private static func contiguous(
        _ found: [Entry], _ payloadByteCount: Int, _ scanner: HeaderScanner
    ) throws(Failure) -> [Entry] {
        let order = found.indices.sorted {
            let (left, right) = (found[$0].range, found[$1].range)
            return (left.lowerBound, left.upperBound, $0) < (right.lowerBound, right.upperBound, $1)
        }
        var position = 0
        for index in order {
            let entry = found[index]
            guard entry.range.lowerBound == position else {
                let what =
                    entry.range.lowerBound < position ? "overlaps the tensor before it" : "leaves a hole before it"
                throw scanner.failure("tensor \(entry.name.quotedForMessage) \(what) in the payload")
            }
            position = entry.range.upperBound
        }
        guard position == payloadByteCount else {
            throw scanner.failure("\(payloadByteCount - position) bytes follow the last tensor")
        }
        return order.map { found[$0] }
    }
}
