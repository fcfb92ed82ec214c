import Crypto

/// `parametersSHA256` as a stream: tensors in order, little-endian float32 in PyTorch's layout, nothing between them.
package struct ParametersHasher {
    private var function = SHA256()

    package init() {}

    package mutating func update(bytes: [UInt8]) {
        bytes.withUnsafeBytes { function.update(bufferPointer: $0) }
    }

    mutating func update(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { function.update(bufferPointer: $0) }
    }

    package mutating func update(_ values: Span<Float>) {
        values.withUnsafeBytes { function.update(bufferPointer: $0) }
    }

    /// Lowercase hexadecimal, 64 characters.
    package func finish() -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: function.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
