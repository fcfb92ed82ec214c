import CPNG
import DataLoading
import Errors
import Foundation
import Testing

/// A PNG file, by libpng's own writer.
func png(_ pixels: [UInt8], height: Int, width: Int, channels: Int = 1) -> [UInt8] {
    var image = png_image()
    image.version = lockstep_png_image_version()
    image.width = UInt32(width)
    image.height = UInt32(height)
    image.format = channels == 1 ? lockstep_png_format_gray() : lockstep_png_format_rgb()
    var count = 1 << 20
    var bytes = [UInt8](repeating: 0, count: count)
    precondition(png_image_write_to_memory(&image, &bytes, &count, 0, pixels, 0, nil) != 0)
    return Array(bytes.prefix(count))
}

struct PictureTests {
    static func decode(_ bytes: [UInt8]) throws -> DecodedImage { try DecodedImage(bytes: bytes, name: "picture") }
    static func decode(_ text: String) throws -> DecodedImage { try decode(Array(text.utf8)) }

    @Test func greyAndColour() throws {
        let grey = (0..<15).map { UInt8($0 * 17) }
        let colour = (0..<24).map { UInt8($0 * 10) }
        #expect(
            try Self.decode(png(grey, height: 3, width: 5))
                == DecodedImage(pixels: grey, height: 3, width: 5, channels: 1))
        #expect(
            try Self.decode(png(colour, height: 2, width: 4, channels: 3))
                == DecodedImage(pixels: colour, height: 2, width: 4, channels: 3))
        #expect(try Self.decode(Array("P5\n5 3\n255\n".utf8) + grey).pixels == grey)
        #expect(try Self.decode(Array("P6 4 2 255 ".utf8) + colour).channels == 3)
        let comment =
            "P2\n# drawn by hand\n5 3 # columns and rows\n15\n" + (0..<15).map(String.init).joined(separator: " ")
            + "\n"
        #expect(try Self.decode(comment) == DecodedImage(pixels: grey, height: 3, width: 5, channels: 1))
        #expect(try Self.decode("P3 1 1 1 0 1 0").pixels == [0, 255, 0])
        // 100 levels: rounded to the nearest of 256.
        #expect(try Self.decode("P2 3 1 100 0 50 100").pixels == [0, 128, 255])
    }

    static let refusals: [(text: String, message: String)] = [
        ("", "begins with bytes "), ("GIF89a", "begins with bytes 47 49 46 38, which are no PNG"),
        ("P4 1 1 x", "begins with bytes 50 34"),
        ("P5", "no number for the width"), ("P5 0 1 255 ", "the width is 0"),
        ("P5 1 99999 255 ", "the height is 99999"),
        ("P5 1 1 256 x", "the greatest value is 256"), ("P5 1 1 0 x", "the greatest value is 0"),
        ("P5 2 2 255 abc", "2 × 2 × 1 pixels promised, 4 bytes, but 3 follow"),
        ("P5 2 2 255 abcde", "but 5 follow the header"), ("P5 1 1 255", "no blank after the header"),
        ("P5 1 1 7 a", "pixel 0 is 97, above the greatest value 7"), ("P2 2 1 255 1", "only 2 bytes follow the header"),
        ("P2 2 1 255 1 x", "no number for the pixel 1"), ("P2 1 1 255 300", "the pixel 0 is 300"),
        ("P2 1 1 255 1 2", "text behind the last pixel"), ("P2 16384 16384 255 1", "only 2 bytes follow the header"),
        ("P2 1 1 2555555555555555555555 1", "the greatest value is 255555555"),
    ]

    @Test(arguments: refusals.indices)
    func refused(_ index: Int) throws {
        let (text, message) = Self.refusals[index]
        let failure = #expect(throws: Failure.self, "\(text)") { try Self.decode(text) }
        #expect(failure?.kind == .data)
        #expect(failure?.message.hasPrefix("picture: ") == true)
        #expect(failure?.message.contains(message) == true, "\(failure?.message ?? "")")
    }

    @Test func everyTruncationAndEveryFlippedBit() throws {
        let grey = (0..<64).map { UInt8(truncatingIfNeeded: $0 * 37) }
        for good in [png(grey, height: 8, width: 8), Array("P5 8 8 255 ".utf8) + grey, Array("P2 2 2 9 1 2 3 4".utf8)] {
            for length in 0..<good.count {
                // A PNG whose last chunk is cut has all its pixels; P2 may lose a digit or a blank.
                if let image = try? Self.decode(Array(good.prefix(length))) {
                    #expect(image.pixels.count == image.height * image.width)
                }
            }
            for bit in 0..<8 * good.count {
                var bytes = good
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                do {
                    let image = try Self.decode(bytes)
                    #expect(image.pixels.count == image.height * image.width * image.channels)
                } catch let failure as Failure {
                    #expect(failure.kind == .data)
                    #expect(!failure.message.contains("\n"))
                }
            }
        }
        // The pixels of a cut PNG are never made up.
        let whole = png(grey, height: 8, width: 8)
        for length in 0..<whole.count - 24 {
            #expect(throws: Failure.self) { try Self.decode(Array(whole.prefix(length))) }
        }
    }

    @Test func promisesOfAPNG() throws {
        // Width and height lie at bytes 16 to 23; their checksum at 29.
        let good = png([1, 2, 3, 4], height: 2, width: 2)
        for (size, message) in [(16_384, "in \(good.count) bytes of PNG"), (100_000, "at most 16,384 on a side")] {
            var header = Array(good[12..<29])
            header.replaceSubrange(4..<12, with: bigEndian(UInt32(size)) + bigEndian(UInt32(size)))
            let bytes = Array(good[..<12]) + header + bigEndian(crc(header)) + Array(good[33...])
            let failure = #expect(throws: Failure.self) { try Self.decode(bytes) }
            #expect(failure?.message.contains(message) == true, "\(failure?.message ?? "")")
        }
    }

    private func crc(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = 0xffff_ffff
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
        }
        return ~crc
    }

    /// Against areas in rational numbers, written the plain way.
    @Test(arguments: [
        (4, 6, 2, 3), (3, 5, 2, 2), (2, 2, 5, 7), (28, 28, 14, 14), (5, 4, 5, 4), (1, 1, 3, 3), (7, 3, 1, 1),
    ])
    func resizedPicturesAreAreaMeans(_ height: Int, _ width: Int, _ newHeight: Int, _ newWidth: Int) {
        let pixels = (0..<height * width).map { UInt8(truncatingIfNeeded: $0 * 97 + 13) }
        let image = DecodedImage(pixels: pixels, height: height, width: width, channels: 1)
        let small = image.resized(height: newHeight, width: newWidth)
        for row in 0..<newHeight {
            for column in 0..<newWidth {
                // Each old pixel is cut into newHeight × newWidth cells, of which a new one has height × width.
                var sum = 0
                for y in row * height..<(row + 1) * height {
                    for x in column * width..<(column + 1) * width {
                        sum += Int(pixels[y / newHeight * width + x / newWidth])
                    }
                }
                let cells = height * width
                #expect(Int(small.pixels[row * newWidth + column]) == (2 * sum + cells) / (2 * cells))
            }
        }
    }

    @Test func foldersOfClasses() throws {
        let folder = try TemporaryFolder()
        let square = { (value: UInt8) in [value, value, value, value] }
        try folder.write("animals/train/cat/b.png", png(square(1), height: 2, width: 2))
        try folder.write("animals/train/cat/a.pgm", Array("P5 2 2 255 ".utf8) + square(2))
        try folder.write("animals/train/10/1.png", png(square(3), height: 2, width: 2))
        try folder.write("animals/train/9/2.png", png(square(4), height: 2, width: 2))
        try folder.write("animals/train/9/10.png", png(square(5), height: 2, width: 2))
        try folder.write("animals/train/9/.hidden", [1])
        try folder.write("animals/test/cat/a.png", png(square(6), height: 2, width: 2))
        let location = try DatasetCatalogue.locate(name: folder.path + "/animals", environment: [:])
        let data = try location.load()
        // Numbers by value, then words.
        #expect(data.classNames == ["9", "10", "cat"])
        #expect(data.train.labels == [0, 0, 1, 2, 2])
        #expect(data.train.pixels.copy == [4, 5, 3, 2, 1].flatMap(square))
        #expect(data.test.labels == [2])

        let larger = try folder.write(
            "animals/train/cat/c.png", png([UInt8](repeating: 9, count: 16), height: 4, width: 4))
        let size = #expect(throws: Failure.self) { try location.load() }
        #expect(size?.message.hasPrefix("\(larger): has 4 × 4 pixels, but the first picture 2 × 2") == true)
        #expect(try location.load(sizing: .resize(height: 2, width: 2)).train.image(5) == square(9))
        try FileManager.default.removeItem(atPath: larger)

        let colour = try folder.write(
            "animals/train/cat/c.png", png([UInt8](repeating: 9, count: 12), height: 2, width: 2, channels: 3))
        let mixed = #expect(throws: Failure.self) { try location.load() }
        #expect(mixed?.message.hasPrefix("\(colour): is in colour, but the first picture is grey") == true)
        try FileManager.default.removeItem(atPath: colour)

        try folder.write("animals/test/dog/a.png", png(square(6), height: 2, width: 2))
        let unknown = #expect(throws: Failure.self) { try location.load() }
        #expect(unknown?.message.contains("holds the class dog, which the train part has not") == true)
        try FileManager.default.removeItem(atPath: folder.path + "/animals/test/dog")
        let other = try folder.write("animals/train/cat/notes.txt", [65])
        let text = #expect(throws: Failure.self) { try location.load() }
        #expect(text?.message.hasPrefix("\(other): is no picture that can be read") == true)
    }
}
