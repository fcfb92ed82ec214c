import CPNG
import Errors
import Glibc

/// One picture, `[height, width, channels]`: 1 channel of grey or 3 of red, green, blue.
package struct DecodedImage: Sendable, Equatable {
    package let pixels: [UInt8]
    package let height: Int
    package let width: Int
    package let channels: Int

    /// A side's greatest length.
    package static let sideLimit = 16_384

    package init(pixels: [UInt8], height: Int, width: Int, channels: Int) {
        precondition(
            pixels.count == height * width * channels,
            "DecodedImage: \(pixels.count) bytes do not make [\(height), \(width), \(channels)]")
        (self.pixels, self.height, self.width, self.channels) = (pixels, height, width, channels)
    }

    /// Decodes a PNG, PGM or PPM file (told by its first bytes).
    package init(file: InputFile) throws {
        let bytes = try file.contents(limit: 1 << 28)
        try self.init(bytes: bytes, name: file.path)
    }

    /// `name` is for messages.
    package init(bytes: [UInt8], name: String) throws {
        if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) {
            self = try Self.png(bytes, name)
        } else if bytes.count >= 2, bytes[0] == UInt8(ascii: "P"), "2356".utf8.contains(bytes[1]) {
            self = try PNMDecoder(bytes: bytes, name: name).decode()
        } else {
            let first = bytes.prefix(4).map(hexadecimal).joined(separator: " ")
            throw Failure(
                .data, "\(name): begins with bytes \(first), which are no PNG, PGM (P2, P5) or PPM (P3, P6) picture")
        }
    }

    /// A PNG's header says how large it is; the limit holds before anything is allocated.
    private static func png(_ bytes: [UInt8], _ name: String) throws -> DecodedImage {
        var image = png_image()
        image.version = lockstep_png_image_version()
        defer { png_image_free(&image) }
        func failure() -> Failure {
            let text = withUnsafeBytes(of: image.message) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            return Failure(.data, "\(name): cannot be read as PNG (\(text)); save or copy the picture again")
        }
        return try bytes.withUnsafeBytes { raw in
            guard png_image_begin_read_from_memory(&image, raw.baseAddress, raw.count) != 0 else { throw failure() }
            let (height, width) = (Int(image.height), Int(image.width))
            guard height <= sideLimit && width <= sideLimit else {
                throw Failure(
                    .data, "\(name): \(height) × \(width) pixels; at most \(grouped(sideLimit)) on a side can be read")
            }
            let channels = image.format & lockstep_png_flag_color() == 0 ? 1 : 3
            // What deflate cannot reach is no picture but a trap.
            guard (height * width / 8) / GzipDecoder.maximalRatio <= bytes.count else {
                throw Failure(
                    .data, "\(name): promises \(height) × \(width) pixels in \(grouped(bytes.count)) bytes of PNG")
            }
            image.format = channels == 1 ? lockstep_png_format_gray() : lockstep_png_format_rgb()
            var black = png_color(red: 0, green: 0, blue: 0)
            let pixels = try [UInt8](unsafeUninitializedCapacity: height * width * channels) { buffer, count in
                guard png_image_finish_read(&image, &black, buffer.baseAddress, 0, nil) != 0,
                    lockstep_png_failed(&image) == 0
                else { throw failure() }
                count = height * width * channels
            }
            return DecodedImage(pixels: pixels, height: height, width: width, channels: channels)
        }
    }
}

/// Netpbm's portable grey and colour maps: `P5`, `P6` with bytes, `P2`, `P3` with text.
struct PNMDecoder {
    private let bytes: [UInt8]
    private let name: String
    private var place = 2

    init(bytes: [UInt8], name: String) {
        self.bytes = bytes
        self.name = name
    }

    func decode() throws -> DecodedImage {
        var decoder = self
        return try decoder.image()
    }

    private mutating func image() throws -> DecodedImage {
        let kind = bytes[1]
        let isText = kind == UInt8(ascii: "2") || kind == UInt8(ascii: "3")
        let channels = kind == UInt8(ascii: "3") || kind == UInt8(ascii: "6") ? 3 : 1
        let width = try number("width", 1...DecodedImage.sideLimit)
        let height = try number("height", 1...DecodedImage.sideLimit)
        let greatest = try number("greatest value", 1...255)
        let count = width * height * channels
        if !isText {
            // One blank, then bytes.
            guard place < bytes.count, Self.isBlank(bytes[place]) else { throw failure("no blank after the header") }
            place += 1
            guard bytes.count - place == count else {
                throw failure(
                    "\(height) × \(width) × \(channels) pixels promised, \(grouped(count)) bytes, but "
                        + "\(grouped(bytes.count - place)) follow the header")
            }
        } else {
            guard bytes.count - place >= 2 * count - 1 else {
                throw failure(
                    "\(height) × \(width) × \(channels) pixels promised, but only \(grouped(bytes.count - place)) bytes "
                        + "follow the header")
            }
        }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(count)
        for index in 0..<count {
            let value = isText ? try number("pixel \(grouped(index))", 0...greatest) : Int(bytes[place + index])
            guard value <= greatest else {
                throw failure("pixel \(grouped(index)) is \(value), above the greatest value \(greatest)")
            }
            pixels.append(greatest == 255 ? UInt8(value) : UInt8((value * 510 + greatest) / (2 * greatest)))
        }
        if isText {
            guard bytes[place...].allSatisfy(Self.isBlank) else { throw failure("text behind the last pixel") }
        }
        return DecodedImage(pixels: pixels, height: height, width: width, channels: channels)
    }

    /// The next number of the header or of a text picture; comments run from # to the line's end.
    private mutating func number(_ what: String, _ range: ClosedRange<Int>) throws -> Int {
        while place < bytes.count {
            if bytes[place] == UInt8(ascii: "#") {
                while place < bytes.count, bytes[place] != 0x0a { place += 1 }
            } else if Self.isBlank(bytes[place]) {
                place += 1
            } else {
                break
            }
        }
        let begin = place
        var value = 0
        while place < bytes.count, (0x30...0x39).contains(bytes[place]), place - begin < 9 {
            value = value * 10 + Int(bytes[place] - 0x30)
            place += 1
        }
        guard place > begin else { throw failure("no number for the \(what)") }
        guard range.contains(value) else {
            throw failure("the \(what) is \(value); \(range.lowerBound) to \(grouped(range.upperBound)) is expected")
        }
        return value
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

    private func failure(_ problem: String) -> Failure {
        Failure(.data, "\(name): at byte \(grouped(place)): \(problem)")
    }
}
