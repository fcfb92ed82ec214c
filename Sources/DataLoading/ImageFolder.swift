import Errors

/// Pictures in one folder for each class: `CLASS/picture.png`, PNG, PGM or PPM.
package struct ImageFolder {
    /// What to do with pictures that differ in size from the first.
    package enum Sizing: Sendable, Equatable {
        case refuse
        /// Area averages (`DecodedImage.resized`).
        case resize(height: Int, width: Int)
    }

    package static let endings = ["png", "pgm", "ppm", "pnm"]

    package let path: String
    /// Names of folders: numbers by value, then words by their bytes.
    package let classNames: [String]
    private let files: [(path: String, label: UInt8)]

    package var count: Int { files.count }
    package var labels: [UInt8] { files.map(\.label) }

    /// - Parameter expected: The classes of the other part, which this one must not exceed; nil where it says itself.
    package init(path: String, classNames expected: [String]? = nil) throws {
        self.path = path
        let folders = try FolderListing.items(path).filter(\.isFolder).map(\.name)
        guard !folders.isEmpty else {
            throw Failure(.data, "\(path): has no folders of classes; pictures are expected in \(path)/CLASS/NAME.png")
        }
        let names = expected ?? folders
        guard names.count <= 256 else {
            throw Failure(.data, "\(path): \(names.count) folders; at most 256 classes are possible")
        }
        if let unknown = folders.first(where: { !names.contains($0) }) {
            throw Failure(
                .data,
                "\(path): holds the class \(unknown), which the train part has not (\(names.joined(separator: ", ")))")
        }
        var files: [(path: String, label: UInt8)] = []
        for (label, name) in names.enumerated() where folders.contains(name) {
            for item in try FolderListing.items("\(path)/\(name)") where !item.isFolder {
                let ending = item.name.split(separator: ".").last.map { $0.lowercased() } ?? ""
                guard Self.endings.contains(ending) else {
                    throw Failure(
                        .data,
                        "\(path)/\(name)/\(item.name): is no picture that can be read; \(Self.endings.joined(separator: ", ")) "
                            + "are expected")
                }
                files.append(("\(path)/\(name)/\(item.name)", UInt8(label)))
            }
        }
        guard !files.isEmpty else { throw Failure(.data, "\(path): its folders of classes hold no picture") }
        guard files.count <= Int32.max else { throw Failure(.data, "\(path): more than 2^31 − 1 pictures") }
        classNames = names
        self.files = files
    }

    /// The first picture as it is, which gives the shape.
    func first() throws -> DecodedImage { try DecodedImage(file: InputFile(path: files[0].path)) }

    /// All pictures, `[count, height, width, channels]`. One channel is wanted: colours become luma, which is refused
    /// without `sizing`'s leave; three: greys are repeated.
    func pixels(height: Int, width: Int, channels: Int, sizing: Sizing) throws -> ByteBuffer {
        let pixels = ByteBuffer()
        let size = height * width * channels
        let (total, hasOverflow) = size.multipliedReportingOverflow(by: files.count)
        guard !hasOverflow else { throw Failure(.data, "\(path): more pixels than memory can hold") }
        var filled = 0
        for file in files {
            var image = try DecodedImage(file: InputFile(path: file.path))
            if image.channels != channels {
                guard channels == 3 || sizing != .refuse else {
                    throw Failure(
                        .data,
                        "\(file.path): is in colour, but the first picture is grey; convert them, or give a size to bring all to"
                    )
                }
                image = image.converted(toChannels: channels)
            }
            if (image.height, image.width) != (height, width) {
                guard sizing != .refuse else {
                    throw Failure(
                        .data,
                        "\(file.path): has \(image.height) × \(image.width) pixels, but the first picture \(height) × \(width); "
                            + "bring them to one size: lockstep data convert --resize \(height)x\(width)")
                }
                image = image.resized(height: height, width: width)
            }
            if filled + size > pixels.count {
                try pixels.resize(to: min(total, max(filled + size, 2 * filled)), for: path)
            }
            pixels.mutableBytes[filled..<filled + size].copyBytes(from: image.pixels)
            filled += size
        }
        return pixels
    }
}
