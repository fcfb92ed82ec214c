import Errors

/// What an IDX file says of itself: two zero bytes, the element type, the number of dimensions, and the extents as
/// 32-bit big-endian numbers (http://yann.lecun.com/exdb/mnist, "the IDX file format").
package struct IDXHeader: Sendable, Equatable {
    package enum ElementType: UInt8, Sendable, CaseIterable {
        case ubyte = 0x08
        case byte = 0x09
        case short = 0x0B
        case int = 0x0C
        case float = 0x0D
        case double = 0x0E

        package var byteCount: Int {
            switch self {
            case .ubyte, .byte: 1
            case .short: 2
            case .int, .float: 4
            case .double: 8
            }
        }

        package var isInteger: Bool { self != .float && self != .double }
    }

    package static let maximalDimensionCount = 4

    package let elementType: ElementType
    /// 1 to 4 extents, outermost first.
    package let dimensions: [Int]
    package let elementCount: Int
    package let payloadByteCount: Int
    /// Bytes before the payload.
    package var headerByteCount: Int { 4 + 4 * dimensions.count }

    /// `readExactly` fills a buffer with the file's next bytes or throws.
    init(path: String, readExactly: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
        var magic: [UInt8] = [0, 0, 0, 0]
        try magic.withUnsafeMutableBytes(readExactly)
        guard magic[0] == 0 && magic[1] == 0 else {
            let bytes = magic.map(hexadecimal).joined(separator: " ")
            throw Failure(.data, "\(path): begins with bytes \(bytes), but an IDX file begins with 00 00")
        }
        guard let elementType = ElementType(rawValue: magic[2]) else {
            throw Failure(
                .data, "\(path): element type 0x\(hexadecimal(magic[2])) is none of IDX's (08, 09, 0b, 0c, 0d, 0e)")
        }
        guard magic[3] >= 1 && magic[3] <= Self.maximalDimensionCount else {
            throw Failure(.data, "\(path): the header says \(magic[3]) dimensions; 1 to 4 can be read")
        }
        var extents = [UInt32](repeating: 0, count: Int(magic[3]))
        try extents.withUnsafeMutableBytes(readExactly)
        let dimensions = extents.map { Int(UInt32(bigEndian: $0)) }

        var payload = elementType.byteCount
        var hasOverflow = false
        for extent in dimensions {
            let (product, overflow) = payload.multipliedReportingOverflow(by: extent)
            hasOverflow = hasOverflow || overflow
            payload = product
        }
        guard !hasOverflow else {
            throw Failure(
                .data, "\(path): the header promises \(Self.describe(elementType, dimensions)), too much for any file")
        }
        self.elementType = elementType
        self.dimensions = dimensions
        self.elementCount = payload / elementType.byteCount
        self.payloadByteCount = payload
    }

    /// "ubyte [60,000 × 28 × 28]"
    package var description: String { Self.describe(elementType, dimensions) }

    private static func describe(_ elementType: ElementType, _ dimensions: [Int]) -> String {
        "\(elementType) [" + dimensions.map(grouped).joined(separator: " × ") + "]"
    }
}

func hexadecimal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return digits.count == 1 ? "0" + digits : digits
}
