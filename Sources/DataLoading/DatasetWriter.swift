import Errors

/// How a data set's files look.
package enum DatasetFormat: String, Sendable, CaseIterable {
    /// MNIST's four files.
    case idx
    case idxGzip = "idx-gz"
    /// NumPy's archive with x_train, y_train, x_test, y_test, not compressed.
    case npz
    /// `label,pixel0,…`
    case csv
    /// `PART/CLASS/000123.pgm` (or .ppm)
    case pictures
}

/// The parts that a folder of a data set can have.
package enum DatasetPart: String, Sendable, CaseIterable {
    case train, validation, test

    var idxName: String { self == .test ? "t10k" : rawValue }
}

/// Writes data sets as files that this program and others read.
package enum DatasetWriter {
    /// One name a line, in order of the classes.
    static let classFile = "classes.txt"

    /// Writes `parts` into the new folder `path`, which appears when all of it is on the disk.
    package static func write(
        _ parts: [(part: DatasetPart, images: LabelledImages)], classNames: [String], format: DatasetFormat,
        to path: String
    ) throws {
        try write(classNames: format == .pictures ? [] : classNames, to: path) { folder in
            switch format {
            case .idx, .idxGzip:
                for (part, images) in parts { try writeIDX(images, part, format == .idxGzip, in: folder) }
            case .csv:
                for (part, images) in parts { try writeCSV(images, "\(folder)/\(part.rawValue).csv") }
            case .npz: try writeNPZ(parts, "\(folder)/data.npz")
            case .pictures:
                for (part, images) in parts { try writePictures(images, "\(folder)/\(part.rawValue)") }
            }
        }
    }

    /// Makes the new folder `path` of what `body` writes, and the classes' names where there are some.
    static func write(classNames: [String], to path: String, _ body: (_ folder: String) throws -> Void) throws {
        let folder = try OutputFolder(path: path)
        do {
            try body(folder.temporary)
            if !classNames.isEmpty {
                let file = try OutputFile(path: "\(folder.temporary)/\(classFile)")
                try file.write(classNames.joined(separator: "\n") + "\n")
                try file.finish()
            }
            try folder.putInPlace()
        } catch {
            folder.discard()
            throw error
        }
    }

    private static func writeIDX(
        _ images: LabelledImages, _ part: DatasetPart, _ compresses: Bool, in folder: String
    ) throws {
        let ending = compresses ? ".gz" : ""
        let pixelFile = try OutputFile(
            path: "\(folder)/\(part.idxName)-images-idx\(images.channels == 1 ? 3 : 4)-ubyte\(ending)",
            compresses: compresses)
        try pixelFile.write(imageHeader(images))
        try images.pixels.withBytes { try pixelFile.write(UnsafeRawBufferPointer($0)) }
        try pixelFile.finish()
        let labels = try OutputFile(
            path: "\(folder)/\(part.idxName)-labels-idx\(images.origins == nil ? "1-ubyte" : "2-int")\(ending)",
            compresses: compresses)
        try labels.write(labelFile(images))
        try labels.finish()
    }

    static func imageHeader(_ images: LabelledImages) -> [UInt8] {
        let dimensions = [images.count, images.height, images.width]
        return header(.ubyte, images.channels == 1 ? dimensions : dimensions + [images.channels])
    }

    /// Bytes, or QMNIST's rows with the part's classes.
    static func labelFile(_ images: LabelledImages) -> [UInt8] {
        guard let origins = images.origins else { return header(.ubyte, [images.count]) + images.labels }
        var rows = origins.rows
        for (sample, label) in images.labels.enumerated() { rows[sample * ExtendedLabels.columnCount] = Int32(label) }
        let header = header(.int, [images.count, ExtendedLabels.columnCount])
        return header + rows.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } }
    }

    static func header(_ type: IDXHeader.ElementType, _ dimensions: [Int]) -> [UInt8] {
        [0, 0, type.rawValue, UInt8(dimensions.count)]
            + dimensions.flatMap { extent in (0..<4).map { UInt8(truncatingIfNeeded: extent >> (24 - 8 * $0)) } }
    }

    private static func writeCSV(_ images: LabelledImages, _ path: String) throws {
        guard images.channels == 1, images.height == images.width else {
            throw Failure(
                .usage,
                "images of \(images.height) × \(images.width) × \(images.channels) have no place in a table, which tells "
                    + "no sizes: it holds square grey images; choose another format")
        }
        let file = try OutputFile(path: path)
        let names = (0..<images.pixelsPerImage).map { "pixel\($0)" }
        try file.write("label,\(names.joined(separator: ","))\n")
        let numbers = (0...255).map { Array("\($0)".utf8) }
        try images.pixels.withBytes { pixels in
            var line: [UInt8] = []
            for sample in 0..<images.count {
                line.removeAll(keepingCapacity: true)
                line += numbers[Int(images.labels[sample])]
                for pixel in pixels[sample * images.pixelsPerImage..<(sample + 1) * images.pixelsPerImage] {
                    line.append(UInt8(ascii: ","))
                    line += numbers[Int(pixel)]
                }
                line.append(UInt8(ascii: "\n"))
                try file.write(line)
            }
        }
        try file.finish()
    }

    /// Folders have the classes' numbers, in whose order they are read.
    private static func writePictures(_ images: LabelledImages, _ folder: String) throws {
        guard images.channels == 1 || images.channels == 3 else {
            throw Failure(.usage, "pictures have 1 or 3 channels, not \(images.channels); choose another format")
        }
        for label in 0..<images.classCount where images.labels.contains(UInt8(label)) {
            try OutputFolder.make("\(folder)/\(label)")
        }
        let kind = images.channels == 1 ? (magic: "P5", ending: "pgm") : (magic: "P6", ending: "ppm")
        for sample in 0..<images.count {
            let number = "\(sample)"
            let name = String(repeating: "0", count: max(0, 6 - number.count)) + number
            let file = try OutputFile(
                path: "\(folder)/\(images.labels[sample])/\(name).\(kind.ending)")
            try file.write("\(kind.magic)\n\(images.width) \(images.height)\n255\n")
            try file.write(images.image(sample))
            try file.finish()
        }
    }

    private static func writeNPZ(_ parts: [(part: DatasetPart, images: LabelledImages)], _ path: String) throws {
        let archive = try NPZWriter(path: path)
        for (part, images) in parts {
            var shape = [images.count, images.height, images.width]
            if images.channels > 1 { shape.append(images.channels) }
            try images.pixels.withBytes {
                try archive.write(UnsafeRawBufferPointer($0), .byte, shape: shape, as: "x_\(part.rawValue)")
            }
            try images.labels.withUnsafeBytes {
                try archive.write($0, .byte, shape: [images.count], as: "y_\(part.rawValue)")
            }
        }
        try archive.finish()
    }
}
