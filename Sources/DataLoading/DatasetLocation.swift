import Errors

/// Where the four files of a data set lie, and what is known of it beforehand.
package struct DatasetLocation: Sendable, Equatable {
    package struct Part: Sendable, Equatable {
        package let images: String
        package let labels: String
    }

    package let name: String
    package let folder: String
    package let train: Part
    package let test: Part
    /// Empty for a folder that is not in the catalogue: then the classes are 0 to the greatest train label.
    package let classNames: [String]

    /// Reads and checks all four files. Beyond the bytes that it returns it needs less than a megabyte.
    package func load() throws -> ImageDataset {
        let (trainImages, trainLabels) = try Self.open(train)
        let (testImages, testLabels) = try Self.open(test)
        let shape = try trainImages.imageShape()
        guard try testImages.imageShape() == shape else {
            throw Failure(
                .data,
                "\(train.images) holds images of \(Self.describe(shape)), but \(test.images) of "
                    + "\(Self.describe(try testImages.imageShape())): they are not of one data set")
        }

        // Labels are small: refuse them before the images are read.
        let labels = (train: try trainLabels.readLabels(), test: try testLabels.readLabels())
        let classCount = classNames.isEmpty ? Int(labels.train.max() ?? 0) + 1 : classNames.count
        try Self.check(labels.train, classCount, train.labels)
        try Self.check(labels.test, classCount, test.labels)

        func part(_ images: IDXReader, _ labels: [UInt8]) throws -> LabelledImages {
            LabelledImages(
                pixels: try images.readPixels(), labels: labels, height: shape.height, width: shape.width,
                channels: shape.channels, classCount: classCount)
        }
        return ImageDataset(
            name: name, train: try part(trainImages, labels.train), test: try part(testImages, labels.test),
            classNames: classNames)
    }

    private static func open(_ part: Part) throws -> (images: IDXReader, labels: IDXReader) {
        let images = try IDXReader(path: part.images)
        _ = try images.imageShape()
        let labels = try IDXReader(path: part.labels)
        try labels.checkLabelShape()
        let counts = (images: images.header.dimensions[0], labels: labels.header.dimensions[0])
        guard counts.images == counts.labels else {
            throw Failure(
                .data,
                "\(grouped(counts.images)) images in \(part.images) but \(grouped(counts.labels)) labels in "
                    + "\(part.labels): they do not belong together")
        }
        return (images, labels)
    }

    private static func check(_ labels: [UInt8], _ classCount: Int, _ path: String) throws {
        guard let index = labels.firstIndex(where: { $0 >= classCount }) else { return }
        throw Failure(
            .data,
            "\(path): label \(labels[index]) at index \(grouped(index)) is outside the \(classCount) classes "
                + "(0 to \(classCount - 1))")
    }

    private static func describe(_ shape: (height: Int, width: Int, channels: Int)) -> String {
        "\(shape.height) × \(shape.width) × \(shape.channels)"
    }
}
