import Errors

/// Images with one label each. Pixels stay bytes; they become floats when a batch is made.
package final class LabelledImages: Sendable {
    /// `[count, height, width, channels]`, row-major.
    package let pixels: ByteBuffer
    /// `[count]`, each in `0..<classCount`.
    package let labels: [UInt8]
    package let height: Int
    package let width: Int
    package let channels: Int
    package let classCount: Int
    /// Who wrote each digit, where the data say it (QMNIST).
    package let origins: ExtendedLabels?

    package var count: Int { labels.count }
    /// Bytes of one image.
    package var pixelsPerImage: Int { height * width * channels }

    package init(
        pixels: ByteBuffer, labels: [UInt8], height: Int, width: Int, channels: Int, classCount: Int,
        origins: ExtendedLabels? = nil
    ) {
        let shape = "[\(labels.count), \(height), \(width), \(channels)]"
        precondition(
            height > 0 && width > 0 && channels > 0 && pixels.count == labels.count * height * width * channels,
            "LabelledImages: \(pixels.count) pixels do not make \(shape)")
        precondition(classCount > 0 && classCount <= 256, "LabelledImages: \(classCount) classes are outside 1...256")
        let greatest = labels.max() ?? 0
        precondition(greatest < classCount, "LabelledImages: label \(greatest) is outside \(classCount) classes")
        precondition(
            origins.map { $0.count == labels.count } ?? true,
            "LabelledImages: \(origins?.count ?? 0) rows of extended labels for \(labels.count) labels")
        self.pixels = pixels
        self.labels = labels
        self.height = height
        self.width = width
        self.channels = channels
        self.classCount = classCount
        self.origins = origins
    }

    /// A copy of one image, `[height, width, channels]`.
    package func image(_ index: Int) -> [UInt8] {
        precondition(index >= 0 && index < count, "LabelledImages: image \(index) is outside 0..<\(count)")
        return pixels.withBytes { Array($0[index * pixelsPerImage..<(index + 1) * pixelsPerImage]) }
    }
}

/// A data set: two parts of the same image shape and classes.
package struct ImageDataset: Sendable {
    package let name: String
    package let train: LabelledImages
    package let test: LabelledImages
    /// Where the data set itself says what to validate on.
    package let validation: LabelledImages?
    /// One for each class, or empty where they are not known.
    package let classNames: [String]

    package var classCount: Int { train.classCount }
    /// (height, width, channels)
    package var imageShape: (height: Int, width: Int, channels: Int) { (train.height, train.width, train.channels) }

    package init(
        name: String, train: LabelledImages, test: LabelledImages, validation: LabelledImages? = nil,
        classNames: [String]
    ) {
        for part in [test] + (validation.map { [$0] } ?? []) {
            precondition(
                (train.height, train.width, train.channels, train.classCount)
                    == (part.height, part.width, part.channels, part.classCount),
                "ImageDataset: the parts of \(name) differ in image shape or classes")
        }
        precondition(
            classNames.isEmpty || classNames.count == train.classCount,
            "ImageDataset: \(classNames.count) names for \(train.classCount) classes")
        self.name = name
        self.train = train
        self.test = test
        self.validation = validation
        self.classNames = classNames
    }
}
