import CPNG
import Errors

extension DecodedImage {
    /// The picture as a PNG file's bytes.
    package func png() throws -> [UInt8] {
        var image = png_image()
        image.version = lockstep_png_image_version()
        image.width = UInt32(width)
        image.height = UInt32(height)
        image.format = channels == 1 ? lockstep_png_format_gray() : lockstep_png_format_rgb()
        defer { png_image_free(&image) }
        // More than deflate can need for what it cannot compress, a filter byte a row, and the chunks around it.
        var count = pixels.count + pixels.count / 1_000 + height * 2 + 4_096
        var bytes = [UInt8](repeating: 0, count: count)
        let isWritten = bytes.withUnsafeMutableBytes { target in
            pixels.withUnsafeBytes {
                png_image_write_to_memory(&image, target.baseAddress, &count, 0, $0.baseAddress, 0, nil)
            }
        }
        guard isWritten != 0, count <= bytes.count else {
            throw Failure(.internal, "a picture of \(height) × \(width) pixels cannot be written as PNG")
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
