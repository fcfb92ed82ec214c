/// What the numbers of an image file mean.
enum PixelScale {
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
