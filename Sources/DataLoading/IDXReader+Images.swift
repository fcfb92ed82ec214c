import Errors

extension IDXReader {
    /// (height, width, channels) of images `[count, height, width]` or `[count, height, width, channels]`.
    func imageShape() throws -> (height: Int, width: Int, channels: Int) {
        let dimensions = header.dimensions
        guard dimensions.count == 3 || dimensions.count == 4 else {
            throw Failure(
                .data,
                "\(path): holds \(header.description); images need 3 dimensions (count, height, width) or 4 "
                    + "(channels last)")
        }
        guard header.elementCount > 0 else {
            throw Failure(.data, "\(path): holds \(header.description): there is no pixel to train on")
        }
        guard dimensions[0] <= Int32.max else {
            throw Failure(.data, "\(path): holds \(header.description), more than 2^31 − 1 images")
        }
        return (dimensions[1], dimensions[2], dimensions.count == 4 ? dimensions[3] : 1)
    }

    /// All pixels as bytes. Integers must lie in 0...255. Floating-point files hold either whole numbers 0...255 or
    /// multiples of 1/255 in [0, 1], throughout: a file with nothing but 0 and 1 is taken for the latter.
    package func readPixels() throws -> ByteBuffer {
        let pixels = ByteBuffer()
        if header.elementType == .ubyte {
            try readPayload(into: pixels)
            return pixels
        }
        var scale: PixelScale? = header.elementType.isInteger ? .whole : nil
        let isFloat = header.elementType == .float
        try forEachElement { index, value in
            if index == pixels.count { try pixels.grow(toward: header.elementCount, for: path) }
            if scale == nil, let found = PixelScale(of: value) {
                scale = found
                // So far there were only zeros and ones, kept as 0 and 255.
                if found == .whole {
                    for before in 0..<index { pixels.mutableBytes[before] = min(pixels.mutableBytes[before], 1) }
                }
            }
            guard let byte = (scale ?? .unit).byte(value, isFloat: isFloat) else {
                let text = header.elementType.isInteger ? "\(Int(value))" : isFloat ? "\(Float(value))" : "\(value)"
                throw Failure(
                    .data, "\(path): pixel value \(text) at index \(grouped(index)) \((scale ?? .unit).complaint)")
            }
            pixels.mutableBytes[index] = byte
        }
        return pixels
    }

    /// `[count]` labels of any integer type, or QMNIST's extended labels, int `[count, 8]` with the class first.
    func checkLabelShape() throws {
        guard header.elementType.isInteger else {
            throw Failure(.data, "\(path): holds \(header.description); labels are integers")
        }
        let isExtended = header.elementType == .int && header.dimensions.count == 2 && header.dimensions[1] == 8
        guard header.dimensions.count == 1 || isExtended else {
            throw Failure(
                .data, "\(path): holds \(header.description); labels need 1 dimension, or QMNIST's int [count × 8]")
        }
    }

    package func readLabels() throws -> [UInt8] {
        try checkLabelShape()
        let columns = header.dimensions.count == 2 ? header.dimensions[1] : 1
        var labels: [UInt8] = []
        try forEachElement { index, value in
            guard index % columns == 0 else { return }
            guard value >= 0 && value < 256 else {
                throw Failure(
                    .data, "\(path): label \(Int(value)) at index \(grouped(index / columns)) is outside 0...255")
            }
            labels.append(UInt8(value))
        }
        return labels
    }
}

/// What the numbers of an image file mean.
private enum PixelScale {
    /// 0...255
    case whole
    /// k / 255 in [0, 1]
    case unit

    /// The scale that a floating-point value proves; none for 0 and 1, which both have.
    init?(of value: Double) {
        if value == 0 || value == 1 { return nil }
        self = value > 0 && value < 1 ? .unit : .whole
    }

    /// The byte that `value` stands for exactly: `whole` as itself, `unit` as k / 255 rounded to the file's type (or,
    /// in a file of doubles, to `Float`).
    func byte(_ value: Double, isFloat: Bool) -> UInt8? {
        switch self {
        case .whole:
            // Not `UInt8(exactly:)`: it calls libm's `trunc`.
            guard value >= 0 && value <= 255 && Double(UInt8(value)) == value else { return nil }
            return UInt8(value)
        case .unit:
            guard value >= 0 && value <= 1 else { return nil }
            let nearest = UInt8(value * 255 + 0.5)
            let isExact = value == Double(Float(nearest) / 255) || (!isFloat && value == Double(nearest) / 255)
            return isExact ? nearest : nil
        }
    }

    var complaint: String {
        switch self {
        case .whole: "is not a whole number in 0...255; convert the images to bytes"
        case .unit: "is not k/255 with a whole k; convert the images to bytes"
        }
    }
}
