import Errors

/// Images with one label each, whose pixels stay bytes and become floats when a batch is made; or rows of a table, which are
/// images of height 1 with float32 for pixels and numbers in place of labels.
package final class LabelledImages: Sendable {
    /// How a value of a sample is stored.
    package enum ValueType: Sendable {
        case byte, float32

        package var byteCount: Int { self == .byte ? 1 : MemoryLayout<Float>.size }
    }

    /// `[count, height, width, channels]`, row-major, of `valueType`.
    package let pixels: ByteBuffer
    package let valueType: ValueType
    /// `[count]`, each in `0..<classCount`; 0 of a table's rows.
    package let labels: [UInt8]
    /// `[count, targetCount]`, row-major: of a table's rows, in their own unit.
    package let targets: [Float]
    package let targetCount: Int
    package let height: Int
    package let width: Int
    package let channels: Int
    package let classCount: Int
    /// Who wrote each digit, where the data say it (QMNIST).
    package let origins: ExtendedLabels?

    package var count: Int { labels.count }
    /// Values of one sample.
    package var pixelsPerImage: Int { height * width * channels }
    package var bytesPerSample: Int { pixelsPerImage * valueType.byteCount }

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
        (valueType, targets, targetCount) = (.byte, [], 0)
    }

    /// Rows of a table, `[count, featureCount]`, of float32.
    package init(features: ByteBuffer, featureCount: Int, targets: [Float], targetCount: Int) {
        let size = featureCount * MemoryLayout<Float>.size
        precondition(
            featureCount > 0 && features.count.isMultiple(of: size)
                && targets.count == features.count / size * targetCount,
            "LabelledImages: \(features.count) bytes and \(targets.count) targets make no rows of \(featureCount) + \(targetCount)"
        )
        pixels = features
        labels = [UInt8](repeating: 0, count: features.count / size)
        (height, width, channels, classCount) = (1, featureCount, 1, 1)
        (valueType, self.targets, self.targetCount, origins) = (.float32, targets, targetCount, nil)
    }

    /// The float32 values of a table's rows, `[count, pixelsPerImage]`; `pixels` must be held meanwhile.
    package var unsafeFeatures: UnsafePointer<Float> {
        precondition(valueType == .float32, "LabelledImages: pixels are bytes")
        return UnsafeRawPointer(pixels.unsafeBytes.baseAddress!).assumingMemoryBound(to: Float.self)
    }

    /// A copy of one image, `[height, width, channels]`.
    package func image(_ index: Int) -> [UInt8] {
        precondition(valueType == .byte, "LabelledImages: rows of a table are no images")
        precondition(index >= 0 && index < count, "LabelledImages: image \(index) is outside 0..<\(count)")
        return pixels.withBytes { Array($0[index * pixelsPerImage..<(index + 1) * pixelsPerImage]) }
    }
}

/// A data set: two parts of the same image shape and classes, or of the same columns of a table.
package struct ImageDataset: Sendable {
    package let name: String
    package let train: LabelledImages
    package let test: LabelledImages
    /// Where the data set itself says what to validate on.
    package let validation: LabelledImages?
    /// One for each class, or empty where they are not known.
    package let classNames: [String]
    /// Of a table; nil of images.
    package let columns: TableColumns?
    /// `identity`, where it is known without reading the data.
    var knownIdentity: String?

    package var classCount: Int { train.classCount }
    /// (height, width, channels)
    package var imageShape: (height: Int, width: Int, channels: Int) { (train.height, train.width, train.channels) }

    package init(
        name: String, train: LabelledImages, test: LabelledImages, validation: LabelledImages? = nil,
        classNames: [String] = [], columns: TableColumns? = nil
    ) {
        for part in [test] + (validation.map { [$0] } ?? []) {
            precondition(
                (train.height, train.width, train.channels, train.classCount)
                    == (part.height, part.width, part.channels, part.classCount)
                    && (train.valueType, train.targetCount) == (part.valueType, part.targetCount),
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
        self.columns = columns
    }
}
