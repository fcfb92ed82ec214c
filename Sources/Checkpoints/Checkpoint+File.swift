import Errors
import Files

extension Checkpoint {
    /// The bytes of one safetensors file, in pieces: the head and each tensor's, which are not copied.
    ///
    /// The same checkpoint gives the same bytes. `path` names the file in messages.
    package func encoded(path: String) throws(Failure) -> [[UInt8]] {
        var head = try SafetensorsHeader(self).encoded(path: path)
        head.seal(payload: tensors)
        return [head.bytes] + tensors.map(\.bytes)
    }

    /// Writes one safetensors file, whole or not at all.
    package func write(to path: String, calls: FileCalls = FileCalls()) throws(Failure) {
        try AtomicFile.write(try encoded(path: path), to: path, calls: calls)
    }

    /// Reads and validates a whole file, ours or another program's.
    package init(contentsOf path: String) throws(Failure) {
        let reader = try SafetensorsReader(path)
        var tensors: [Tensor] = []
        for entry in reader.header.entries { tensors.append(try reader.tensor(entry)) }
        if var check = reader.fileCheck {
            for tensor in tensors { check.update(tensor.bytes) }
            try check.finish()
        }
        try self.init(tensors, reader.header.metadata, isSealed: reader.fileCheck != nil, path: path)
    }

    /// A whole file, and the SHA-256 of its bytes.
    package static func reading(_ path: String) throws(Failure) -> (checkpoint: Checkpoint, sha256: String) {
        let file = try ReadableFile(path)
        let bytes = try file.bytes(0..<file.byteCount)
        var hasher = ParametersHasher()
        hasher.update(bytes: bytes)
        return (try Checkpoint(decoding: bytes, path: path), hasher.finish())
    }

    /// Decodes a whole file that lies in memory. `path` names it in messages.
    package init(decoding bytes: [UInt8], path: String) throws(Failure) {
        let length = try SafetensorsHeader.length(prefix: bytes, fileByteCount: bytes.count, path: path)
        let payloadStart = SafetensorsHeader.lengthByteCount + length
        let header = try SafetensorsHeader(
            decoding: bytes, SafetensorsHeader.lengthByteCount..<payloadStart,
            payloadByteCount: bytes.count - payloadStart, path: path)
        let check = try FileCheck(header, head: bytes, path: path)
        try check?.finish()
        let tensors = header.entries.map { entry in
            let range = payloadStart + entry.range.lowerBound..<payloadStart + entry.range.upperBound
            return Tensor(entry.name, entry.shape, entry.elementType, bytes: Array(bytes[range]))
        }
        try self.init(tensors, header.metadata, isSealed: check != nil, path: path)
    }

    /// What a file held whose own hash, if it states one, was compared.
    private init(_ tensors: [Tensor], _ metadata: Metadata, isSealed: Bool, path: String) throws(Failure) {
        self.init(tensors: tensors, metadata: metadata)
        if isSealed { self.metadata[MetadataKey.fileSHA256] = nil }
        try verifyParameters(path: path)
    }

    /// A file that states the hash of its parameters must hold parameters with that hash.
    private func verifyParameters(path: String) throws(Failure) {
        guard let stated = metadata[MetadataKey.parametersSHA256] else { return }
        let actual = parametersSHA256
        guard stated == actual else {
            throw Failure(
                .data, "\(path): damaged: its parameters have SHA-256 \(actual), not \(stated.quotedForMessage)")
        }
    }
}
