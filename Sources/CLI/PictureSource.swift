import DataLoading
import Errors
import Models

/// Height, width and channels that a network takes.
struct PictureShape: Equatable {
    let height: Int
    let width: Int
    let channels: Int

    /// - Throws: `Failure(.data)` where its input is no picture.
    init(_ network: Network) throws {
        let extents = network.inputShape.extents
        guard extents.count == 2 || (extents.count == 3 && [1, 3].contains(extents[2])) else {
            throw Failure(.data, "the network takes \(network.inputShape), which is no picture of grey or of colour")
        }
        (height, width, channels) = (extents[0], extents[1], extents.count == 3 ? extents[2] : 1)
    }
}

/// Reads pictures for a network.
struct PictureSource {
    let shape: PictureShape
    /// The checkpoint's, for messages.
    let path: String
    let resizes: Bool
    let inverts: Bool

    struct Picture {
        let file: String
        /// In its file.
        let index: Int
        /// Whether the file can hold others.
        let isOneOfMany: Bool
        let image: DecodedImage

        /// Short: below a picture.
        var caption: String { isOneOfMany ? "no. \(index)" : title }

        /// The file's name without its folder, and the picture's number.
        var title: String {
            let name = file.split(separator: "/").last.map(String.init) ?? file
            return isOneOfMany ? "\(name) \(index)" : name
        }
    }

    /// All pictures of a file, as the network takes them.
    func pictures(_ file: String) throws -> [Picture] {
        let input = try InputFile(path: file)
        let start = try input.firstBytes(6)
        let isArray = start.starts(with: [0, 0]) || start.starts(with: [0x1f, 0x8b])
        if isArray { return try pictures(IDXReader(file: input), file) }
        if start == [0x93] + Array("NUMPY".utf8) { return try pictures(NPYReader(file: input), file) }
        let image = try DecodedImage(file: input)
        return [Picture(file: file, index: 0, isOneOfMany: false, image: try fitted(image, file))]
    }

    /// `[height, width]`, `[count, height, width]` or `[count, height, width, channels]`.
    private func pictures(_ reader: any ArrayReader, _ file: String) throws -> [Picture] {
        let extents = reader.dimensions
        guard (2...4).contains(extents.count), extents.count < 4 || [1, 3].contains(extents[3]) else {
            throw Failure(
                .data,
                "\(file): holds \(reader.description); a picture has height and width, many have their number first")
        }
        let isOne = extents.count == 2
        let (height, width) = isOne ? (extents[0], extents[1]) : (extents[1], extents[2])
        let channels = extents.count == 4 ? extents[3] : 1
        let size = height * width * channels
        guard size > 0 else { throw Failure(.data, "\(file): holds \(reader.description): there is no pixel") }
        let pixels = try reader.readPixels()
        return try (0..<pixels.count / size).map { index in
            let bytes = pixels.withBytes { Array($0[index * size..<(index + 1) * size]) }
            let image = DecodedImage(pixels: bytes, height: height, width: width, channels: channels)
            return Picture(file: file, index: index, isOneOfMany: !isOne, image: try fitted(image, file))
        }
    }

    private func fitted(_ image: DecodedImage, _ file: String) throws -> DecodedImage {
        var image = image.converted(toChannels: shape.channels)
        if (image.height, image.width) != (shape.height, shape.width) {
            guard resizes else {
                throw Failure(
                    .data,
                    "\(file): \(image.height) × \(image.width) pixels, but \(path) takes \(shape.height) × \(shape.width): "
                        + "--resize brings pictures to that size")
            }
            image = image.resized(height: shape.height, width: shape.width)
        }
        guard inverts else { return image }
        return DecodedImage(
            pixels: image.pixels.map { 255 - $0 }, height: image.height, width: image.width, channels: image.channels)
    }
}
