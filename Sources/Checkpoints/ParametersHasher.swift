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

    /// Hashes the transpose of `source: [rows, columns]`, a strip of columns at a time: no second copy of the matrix.
    package mutating func update(transposing source: Span<Float>, rows: Int, columns: Int) {
        var strip = [Float](repeating: 0, count: rows * transpositionBlock)
        for first in stride(from: 0, to: columns, by: transpositionBlock) {
            let width = min(transpositionBlock, columns - first)
            transpose(source, rows: rows, columns: columns, strip: first..<first + width, into: &strip, at: 0)
            update(strip.span.extracting(0..<rows * width))
        }
    }

    /// Lowercase hexadecimal, 64 characters.
    package func finish() -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: function.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
