import Crypto

extension ImageDataset {
    /// SHA-256 of what the parts hold, decoded, in lowercase hexadecimal: for train, then for test and then for validation,
    /// where there is such a part, a line `COUNT HEIGHT WIDTH CHANNELS CLASSES`, the pixels and the labels. Names, paths
    /// and compression take no part.
    package var identity: String {
        var function = SHA256()
        for part in [train, test] + (validation.map { [$0] } ?? []) {
            let line = "\(part.count) \(part.height) \(part.width) \(part.channels) \(part.classCount)\n"
            line.utf8CString.dropLast().withUnsafeBytes { function.update(bufferPointer: $0) }
            part.pixels.withBytes { function.update(bufferPointer: UnsafeRawBufferPointer($0)) }
            part.labels.withUnsafeBytes { function.update(bufferPointer: $0) }
        }
        return function.finalize().map(hexadecimal).joined()
    }
}
