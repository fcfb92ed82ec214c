import Errors

/// A safetensors file that is open: its header is validated, its tensors are read when they are asked for.
package struct SafetensorsReader: ~Copyable {
    private let file: ReadableFile
    private let payloadStart: Int
    package let header: SafetensorsHeader
    /// Has seen the head; the payload is to follow.
    let fileCheck: FileCheck?

    package init(_ path: String) throws(Failure) {
        let file = try ReadableFile(path)
        let prefix = try file.bytes(0..<min(file.byteCount, SafetensorsHeader.lengthByteCount))
        let length = try SafetensorsHeader.length(prefix: prefix, fileByteCount: file.byteCount, path: path)
        let payloadStart = SafetensorsHeader.lengthByteCount + length
        // The length is read again with the header, so that positions are those in the file.
        let head = try file.bytes(0..<payloadStart)
        let header = try SafetensorsHeader(
            decoding: head, SafetensorsHeader.lengthByteCount..<payloadStart,
            payloadByteCount: file.byteCount - payloadStart, path: path)
        fileCheck = try FileCheck(header, head: head, path: path)
        self.header = header
        self.payloadStart = payloadStart
        self.file = file
    }

    package var path: String { file.path }

    package func entry(named name: String) -> SafetensorsHeader.Entry? {
        header.entries.first { $0.name.bytesEqual(name) }
    }

    package func tensor(_ entry: SafetensorsHeader.Entry) throws(Failure) -> Checkpoint.Tensor {
        let bytes = try file.bytes(payloadStart + entry.range.lowerBound..<payloadStart + entry.range.upperBound)
        return Checkpoint.Tensor(entry.name, entry.shape, entry.elementType, bytes: bytes)
    }
}
