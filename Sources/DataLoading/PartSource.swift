import Errors

/// Where an array of numbers lies.
package enum ArraySource: Sendable, Equatable {
    case idx(String)
    case npy(String)
    case npz(String, name: String)

    package var path: String {
        switch self {
        case .idx(let path), .npy(let path), .npz(let path, _): path
        }
    }

    package func open() throws -> any ArrayReader {
        switch self {
        case .idx(let path): try IDXReader(path: path)
        case .npy(let path): try NPYReader(file: InputFile(path: path))
        case .npz(let path, let name): try ZipArchive(file: InputFile(path: path)).array(name)
        }
    }
}

/// Where the images and labels of a part lie.
package enum PartSource: Sendable, Equatable {
    case arrays(images: ArraySource, labels: ArraySource)
    case csv(String)
    case folder(String)
    case synthetic(SyntheticDigits.Part)

    /// Files whose bytes decide the part; of a folder of pictures, the folder.
    package var paths: [String] {
        switch self {
        case .arrays(let images, let labels): images.path == labels.path ? [images.path] : [images.path, labels.path]
        case .csv(let path), .folder(let path): [path]
        case .synthetic: []
        }
    }

    /// Of the images, for messages.
    package var imagesName: String { paths.first ?? SyntheticDigits.name }

    /// Opens the part and checks what its headers say.
    /// - Parameter classNames: Of the train part, where this is another one that must agree.
    func open(classNames: [String]?, sizing: ImageFolder.Sizing) throws -> any PartReader {
        switch self {
        case .arrays(let images, let labels): try ArrayPart(images: images, labels: labels)
        case .csv(let path): try CSVPart(path: path)
        case .folder(let path): try FolderPart(path: path, classNames: classNames, sizing: sizing)
        case .synthetic(let part): part
        }
    }
}

/// A part that has been opened.
protocol PartReader {
    /// For messages.
    var imagesName: String { get }
    var labelsName: String { get }
    var shape: ImageShape { get }
    /// Where the part itself names its classes.
    var classNames: [String]? { get }
    /// Called before `readPixels`.
    func readLabels() throws -> PartLabels
    func readPixels() throws -> ByteBuffer
}

package struct ImageShape: Sendable, Equatable, CustomStringConvertible {
    package let height: Int
    package let width: Int
    package let channels: Int

    package init(height: Int, width: Int, channels: Int) {
        (self.height, self.width, self.channels) = (height, width, channels)
    }

    package var description: String { "\(height) × \(width) × \(channels)" }
}

/// Images and labels in two arrays.
private struct ArrayPart: PartReader {
    let images: any ArrayReader
    let labels: any ArrayReader
    let shape: ImageShape
    var imagesName: String { images.path }
    var labelsName: String { labels.path }
    var classNames: [String]? { nil }

    init(images: ArraySource, labels: ArraySource) throws {
        self.images = try images.open()
        let (height, width, channels) = try self.images.imageShape()
        shape = ImageShape(height: height, width: width, channels: channels)
        self.labels = try labels.open()
        try self.labels.checkLabelShape()
        let counts = (images: self.images.dimensions[0], labels: self.labels.dimensions[0])
        guard counts.images == counts.labels else {
            throw Failure(
                .data,
                "\(grouped(counts.images)) images in \(self.images.path) but \(grouped(counts.labels)) labels in "
                    + "\(self.labels.path): they do not belong together")
        }
    }

    func readLabels() throws -> PartLabels { try labels.readPartLabels() }
    func readPixels() throws -> ByteBuffer { try images.readPixels() }
}

/// A text table; read at once, since labels and pixels share its lines.
private struct CSVPart: PartReader {
    let imagesName: String
    let table: CSVImages
    var labelsName: String { imagesName }
    var shape: ImageShape { ImageShape(height: table.height, width: table.width, channels: 1) }
    var classNames: [String]? { nil }

    init(path: String) throws {
        imagesName = path
        table = try CSVImages(file: InputFile(path: path))
    }

    func readLabels() throws -> PartLabels {
        guard let labels = table.labels else {
            throw Failure(
                .data,
                "\(imagesName): has no label column, so that nothing can be trained or scored on it; divide the labelled "
                    + "table instead: lockstep data split --test 0.1")
        }
        return PartLabels(classes: labels, origins: nil)
    }

    func readPixels() throws -> ByteBuffer { table.pixels }
}

/// Pictures in folders of classes.
private struct FolderPart: PartReader {
    let folder: ImageFolder
    let shape: ImageShape
    let sizing: ImageFolder.Sizing
    var imagesName: String { folder.path }
    var labelsName: String { folder.path }
    var classNames: [String]? { folder.classNames }

    init(path: String, classNames: [String]?, sizing: ImageFolder.Sizing) throws {
        folder = try ImageFolder(path: path, classNames: classNames)
        let first = try folder.first()
        self.sizing = sizing
        if case .resize(let height, let width) = sizing {
            shape = ImageShape(height: height, width: width, channels: first.channels)
        } else {
            shape = ImageShape(height: first.height, width: first.width, channels: first.channels)
        }
    }

    func readLabels() throws -> PartLabels { PartLabels(classes: folder.labels, origins: nil) }

    func readPixels() throws -> ByteBuffer {
        try folder.pixels(height: shape.height, width: shape.width, channels: shape.channels, sizing: sizing)
    }
}
