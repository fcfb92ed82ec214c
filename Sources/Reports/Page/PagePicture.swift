import CPNG
import DataLoading
import Foundation

/// A picture that lies in the page itself.
package struct PagePicture: Sendable {
    let width: Int
    let height: Int
    /// As PNG.
    package let bytes: [UInt8]

    var address: HTML { "data:image/png;base64,\(Data(bytes).base64EncodedString())" }

    /// - Parameter image: Of one channel, or three. Other channels are shown by the first.
    package init(_ image: DecodedImage) {
        (width, height) = (image.width, image.height)
        var pixels = image.pixels
        let channels = image.channels == 3 ? 3 : 1
        if channels != image.channels {
            pixels = stride(from: 0, to: pixels.count, by: image.channels).map { image.pixels[$0] }
        }
        var header = png_image()
        header.version = lockstep_png_image_version()
        header.width = png_uint_32(width)
        header.height = png_uint_32(height)
        header.format = channels == 3 ? lockstep_png_format_rgb() : lockstep_png_format_gray()
        defer { png_image_free(&header) }
        // What does not shrink grows by less than this.
        let capacity = pixels.count + pixels.count / 100 + height + 4_096
        bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            var size = png_alloc_size_t(capacity)
            let isWritten = png_image_write_to_memory(&header, buffer.baseAddress, &size, 0, pixels, 0, nil)
            precondition(isWritten != 0, "PagePicture: \(image.width) × \(image.height) × \(channels) pixels")
            count = Int(size)
        }
    }
}

/// Small pictures of one size, side by side in one: a page with a thousand pictures reads one.
package struct SpriteSheet: Sendable {
    package let columns: Int
    package let count: Int
    /// Of one small picture.
    package let width: Int
    package let height: Int
    package let picture: PagePicture

    /// Longer sides are shrunk to this.
    static let sideLimit = 48

    /// Nil of nothing.
    package init?(_ images: LabelledImages, samples: [Int]) {
        guard !samples.isEmpty else { return nil }
        let size = Self.size(height: images.height, width: images.width)
        let channels = images.channels == 3 ? 3 : 1
        self.init(
            samples.map { sample in
                var image = DecodedImage(
                    pixels: images.image(sample), height: images.height, width: images.width, channels: images.channels)
                if image.channels != channels { image = image.firstChannel }
                return image.resized(height: size.height, width: size.width)
            })
    }

    /// Of pictures of one size and number of channels, at least one.
    init(_ pictures: [DecodedImage], columns wanted: Int? = nil) {
        let first = pictures[0]
        (width, height, count) = (first.width, first.height, pictures.count)
        var columns = 1
        while columns * columns < pictures.count { columns += 1 }
        columns = wanted ?? columns
        self.columns = columns
        let rows = (pictures.count + columns - 1) / columns
        let lineLength = columns * width * first.channels
        var pixels = [UInt8](repeating: 160, count: rows * height * lineLength)
        let line = width * first.channels
        for (index, picture) in pictures.enumerated() {
            let corner = index / columns * height * lineLength + index % columns * line
            for y in 0..<height {
                let target = corner + y * lineLength
                pixels.replaceSubrange(target..<target + line, with: picture.pixels[y * line..<(y + 1) * line])
            }
        }
        picture = PagePicture(
            DecodedImage(pixels: pixels, height: rows * height, width: columns * width, channels: first.channels))
    }

    static func size(height: Int, width: Int) -> (height: Int, width: Int) {
        let longest = max(height, width)
        guard longest > sideLimit else { return (height, width) }
        return (max(1, height * sideLimit / longest), max(1, width * sideLimit / longest))
    }

    /// Shown larger, so that people see it.
    var zoom: Int { max(1, (48 + max(width, height) / 2) / max(width, height)) }

    /// The rule that small pictures of this sheet share.
    func style(_ name: String) -> HTML {
        """
        .\(name){background-image:url(\(picture.address));background-size:\(columns * width * zoom)px auto;\
        width:\(width * zoom)px;height:\(height * zoom)px}
        """
    }

    /// One of the pictures.
    func sprite(_ index: Int, name: String, label: String) -> HTML {
        let (x, y) = (index % columns * width * zoom, index / columns * height * zoom)
        return """
            <span class="sprite \(name)" role="img" aria-label="\(label)" title="\(label)" \
            style="background-position:-\(x)px -\(y)px"></span>
            """
    }
}

extension DecodedImage {
    var firstChannel: DecodedImage {
        DecodedImage(
            pixels: stride(from: 0, to: pixels.count, by: channels).map { pixels[$0] }, height: height, width: width,
            channels: 1)
    }
}
