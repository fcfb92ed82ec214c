import Errors

/// What an array's elements are.
package enum NumberKind: Sendable {
    /// Unsigned, one byte each.
    case byte
    case integer
    case float
    case double

    var isInteger: Bool { self == .byte || self == .integer }
}

/// An array of numbers in a file, opened and its header checked; its payload is read once and in order.
package protocol ArrayReader: AnyObject {
    /// For messages.
    var path: String { get }
    /// Extents, outermost first; their product is known not to overflow.
    var dimensions: [Int] { get }
    var numberKind: NumberKind { get }
    /// "ubyte [60,000 × 28 × 28]"
    var description: String { get }
    /// The bytes of a large array of bytes as they lie in the file, mapped; nil where they must be read.
    func mappedPayload() throws -> ByteBuffer?
    /// The bytes of an array of bytes; `buffer` grows with what is really there.
    func readPayload(into buffer: ByteBuffer) throws
    func forEachElement(_ body: (_ index: Int, _ value: Double) throws -> Void) throws
}

extension ArrayReader {
    package func mappedPayload() throws -> ByteBuffer? { nil }

    var elementCount: Int { dimensions.reduce(1, *) }

    /// (height, width, channels) of images `[count, height, width]` or `[count, height, width, channels]`.
    func imageShape() throws -> (height: Int, width: Int, channels: Int) {
        guard dimensions.count == 3 || dimensions.count == 4 else {
            throw Failure(
                .data,
                "\(path): holds \(description); images need 3 dimensions (count, height, width) or 4 "
                    + "(channels last)")
        }
        guard elementCount > 0 else {
            throw Failure(.data, "\(path): holds \(description): there is no pixel to train on")
        }
        guard dimensions[0] <= Int32.max else {
            throw Failure(.data, "\(path): holds \(description), more than 2^31 − 1 images")
        }
        return (dimensions[1], dimensions[2], dimensions.count == 4 ? dimensions[3] : 1)
    }

    /// All pixels as bytes. Integers must lie in 0...255. Floating-point files hold either whole numbers 0...255 or
    /// multiples of 1/255 in [0, 1], throughout: a file with nothing but 0 and 1 is taken for the latter.
    package func readPixels() throws -> ByteBuffer {
        if let mapped = try mappedPayload() { return mapped }
        let pixels = ByteBuffer()
        if numberKind == .byte {
            try readPayload(into: pixels)
            return pixels
        }
        var scale: PixelScale? = numberKind.isInteger ? .whole : nil
        let isFloat = numberKind == .float
        try forEachElement { index, value in
            if index == pixels.count { try pixels.grow(toward: elementCount, for: path) }
            if scale == nil, let found = PixelScale(of: value) {
                scale = found
                // So far there were only zeros and ones, kept as 0 and 255.
                if found == .whole {
                    for before in 0..<index { pixels.mutableBytes[before] = min(pixels.mutableBytes[before], 1) }
                }
            }
            guard let byte = (scale ?? .unit).byte(value, isFloat: isFloat) else {
                let text = numberKind.isInteger ? wholeText(value) : isFloat ? "\(Float(value))" : "\(value)"
                throw Failure(
                    .data, "\(path): pixel value \(text) at index \(grouped(index)) \((scale ?? .unit).complaint)")
            }
            pixels.mutableBytes[index] = byte
        }
        return pixels
    }

    /// `[count]` or `[count, 1]` labels of any integer type, or QMNIST's extended labels, int `[count, 8]` with the
    /// class first.
    func checkLabelShape() throws {
        guard numberKind.isInteger else {
            throw Failure(.data, "\(path): holds \(description); labels are integers")
        }
        guard dimensions.count == 1 || (dimensions.count == 2 && dimensions[1] == 1) || isExtended else {
            throw Failure(
                .data, "\(path): holds \(description); labels need 1 dimension, or QMNIST's int [count × 8]")
        }
    }

    private var isExtended: Bool {
        numberKind == .integer && dimensions.count == 2 && dimensions[1] == ExtendedLabels.columnCount
    }

    package func readLabels() throws -> [UInt8] { try readPartLabels().classes }

    /// The classes and, of extended labels, where each digit comes from.
    package func readPartLabels() throws -> PartLabels {
        try checkLabelShape()
        let columns = dimensions.count == 2 ? dimensions[1] : 1
        var labels: [UInt8] = []
        var rows: [Int32] = []
        let isExtended = isExtended
        try forEachElement { index, value in
            if isExtended {
                guard let number = Int32(exactlyWhole: value) else {
                    throw Failure(
                        .data, "\(path): \(wholeText(value)) at index \(grouped(index)) is more than 32 bits hold")
                }
                rows.append(number)
            }
            guard index % columns == 0 else { return }
            guard value >= 0 && value < 256 else {
                throw Failure(
                    .data, "\(path): label \(wholeText(value)) at index \(grouped(index / columns)) is outside 0...255")
            }
            labels.append(UInt8(value))
        }
        return PartLabels(classes: labels, origins: isExtended ? ExtendedLabels(rows: rows) : nil)
    }
}

/// A whole number's digits.
func wholeText(_ value: Double) -> String {
    // Beyond, `Int` would trap.
    abs(value) < 0x1p62 ? "\(Int(value))" : "\(value)"
}

extension Int32 {
    /// Nil for what is not whole or too large. Not `init(exactly:)`: it calls libm's `trunc`.
    init?(exactlyWhole value: Double) {
        guard value >= Double(Int32.min), value <= Double(Int32.max), Double(Int32(value)) == value else { return nil }
        self = Int32(value)
    }
}
