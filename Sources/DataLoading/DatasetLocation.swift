import Errors

/// Where a data set lies, and what is known of it beforehand.
package struct DatasetLocation: Sendable, Equatable {
    package let name: String
    package let folder: String
    package let train: PartSource
    /// Nil where the folder has only one part.
    package let test: PartSource?
    /// Nil where the train part is divided by who trains.
    package let validation: PartSource?
    /// Samples of the test part that are meant, where not all are (QMNIST's first 10,000).
    package let testRows: Range<Int>?
    /// How the train part becomes train and test, where there are no files of a test part.
    package let division: SeriesDivision?
    /// Empty for a folder that is not in the catalogue: then the classes are the folders' names, or 0 to the greatest
    /// train label.
    package let classNames: [String]

    package init(
        name: String, folder: String, train: PartSource, test: PartSource?, validation: PartSource? = nil,
        testRows: Range<Int>? = nil, division: SeriesDivision? = nil, classNames: [String] = []
    ) {
        self.name = name
        self.folder = folder
        self.train = train
        self.test = test
        self.validation = validation
        self.testRows = testRows
        self.division = division
        self.classNames = classNames
    }

    /// Reads and checks all files. Beyond the bytes that it returns it needs less than a megabyte, but for tables of
    /// text and pictures.
    package func load(sizing: ImageFolder.Sizing = .refuse) throws -> ImageDataset {
        if let division {
            let (images, classNames) = try loadTrain(sizing: sizing)
            let (train, test) = try division.divide(images, name: self.train.imagesName)
            return ImageDataset(name: name, train: train, test: test, classNames: classNames)
        }
        guard let test else {
            throw Failure(
                .data,
                "\(train.imagesName): there is no test part beside it; make one: lockstep data split \(folder) --test 0.1 "
                    + "-o DIR")
        }
        let trainPart = try train.open(classNames: nil, sizing: sizing)
        let classNames = self.classNames.isEmpty ? trainPart.classNames ?? [] : self.classNames
        let testPart = try test.open(classNames: trainPart.classNames, sizing: sizing)
        let validationPart = try validation?.open(classNames: trainPart.classNames, sizing: sizing)
        let others = [testPart] + (validationPart.map { [$0] } ?? [])
        for other in others where other.shape != trainPart.shape {
            throw Failure(
                .data,
                "\(trainPart.imagesName) holds images of \(trainPart.shape), but \(other.imagesName) of "
                    + "\(other.shape): they are not of one data set")
        }

        // Labels are small: refuse them before the images are read.
        let labels = try [trainPart].map { try $0.readLabels() } + others.map { try $0.readLabels() }
        let classCount = classNames.isEmpty ? Int(labels[0].classes.max() ?? 0) + 1 : classNames.count
        for (part, labels) in zip([trainPart] + others, labels) {
            try Self.check(labels.classes, classCount, part.labelsName)
        }

        let trainImages = try Self.part(trainPart, labels[0], classCount)
        var testImages = try Self.part(testPart, labels[1], classCount)
        if let testRows {
            guard testRows.upperBound <= testImages.count else {
                throw Failure(
                    .data,
                    "\(testPart.imagesName): holds \(grouped(testImages.count)) images, but \(name) are its samples "
                        + "\(grouped(testRows.lowerBound)) to \(grouped(testRows.upperBound - 1))")
            }
            testImages = try testImages.selecting(testRows.map { Int32($0) })
        }
        return ImageDataset(
            name: name, train: trainImages, test: testImages,
            validation: try validationPart.map { try Self.part($0, labels[2], classCount) }, classNames: classNames)
    }

    /// Reads the train part alone.
    package func loadTrain(sizing: ImageFolder.Sizing = .refuse) throws -> (
        images: LabelledImages, classNames: [String]
    ) {
        let part = try train.open(classNames: nil, sizing: sizing)
        let classNames = self.classNames.isEmpty ? part.classNames ?? [] : self.classNames
        let labels = try part.readLabels()
        let classCount = classNames.isEmpty ? Int(labels.classes.max() ?? 0) + 1 : classNames.count
        try Self.check(labels.classes, classCount, part.labelsName)
        return (try Self.part(part, labels, classCount), classNames)
    }

    private static func part(_ part: any PartReader, _ labels: PartLabels, _ classCount: Int) throws -> LabelledImages {
        LabelledImages(
            pixels: try part.readPixels(), labels: labels.classes, height: part.shape.height, width: part.shape.width,
            channels: part.shape.channels, classCount: classCount, origins: labels.origins)
    }

    private static func check(_ labels: [UInt8], _ classCount: Int, _ path: String) throws {
        guard let index = labels.firstIndex(where: { $0 >= classCount }) else { return }
        throw Failure(
            .data,
            "\(path): label \(labels[index]) at index \(grouped(index)) is outside the \(classCount) classes "
                + "(0 to \(classCount - 1))")
    }
}

extension DatasetLocation {
    /// All parts that are there, the train part first.
    package func parts(
        sizing: ImageFolder.Sizing = .refuse
    ) throws -> (parts: [(part: DatasetPart, images: LabelledImages)], classNames: [String]) {
        guard test != nil || division != nil else {
            let (images, names) = try loadTrain(sizing: sizing)
            return ([(.train, images)], names)
        }
        let dataset = try load(sizing: sizing)
        var parts: [(part: DatasetPart, images: LabelledImages)] = [(.train, dataset.train)]
        if let validation = dataset.validation { parts.append((.validation, validation)) }
        return (parts + [(.test, dataset.test)], dataset.classNames)
    }
}
