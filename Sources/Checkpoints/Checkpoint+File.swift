import Errors

extension Checkpoint {
    /// Writes one safetensors file, whole or not at all. The same checkpoint gives the same bytes.
    package func write(to path: String, calls: FileCalls = FileCalls()) throws(Failure) {
        let head = try SafetensorsHeader(self).encoded(path: path)
        try AtomicFile.write([head] + tensors.map(\.bytes), to: path, calls: calls)
    }

    /// Reads and validates a whole file, ours or another program's.
    package init(contentsOf path: String) throws(Failure) {
        let reader = try SafetensorsReader(path)
        var tensors: [Tensor] = []
        for entry in reader.header.entries { tensors.append(try reader.tensor(entry)) }
        self.init(tensors: tensors, metadata: reader.header.metadata)
        try verifyParameters(path: path)
    }

    /// Decodes a whole file that lies in memory. `path` names it in messages.
    package init(decoding bytes: [UInt8], path: String) throws(Failure) {
        let length = try SafetensorsHeader.length(prefix: bytes, fileByteCount: bytes.count, path: path)
        let payloadStart = SafetensorsHeader.lengthByteCount + length
        let header = try SafetensorsHeader(
            decoding: bytes, SafetensorsHeader.lengthByteCount..<payloadStart,
            payloadByteCount: bytes.count - payloadStart, path: path)
        let tensors = header.entries.map { entry in
            let range = payloadStart + entry.range.lowerBound..<payloadStart + entry.range.upperBound
            return Tensor(entry.name, entry.shape, entry.elementType, bytes: Array(bytes[range]))
        }
        self.init(tensors: tensors, metadata: header.metadata)
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
