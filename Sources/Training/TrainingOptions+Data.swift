import DataLoading
import Errors
import Models

/// What of a data set is trained on, and what is made of it on the way.
package struct DataDescription: Sendable, Equatable {
    /// As `ClassSelection` reads them; nil for all.
    package var classes: String?
    /// Nil where a fraction is held out, or nothing.
    package var fold: ValidationSplit.Fold?
    package var isStratified = false
    /// Nil for all samples that are not held out.
    package var limit: ValidationSplit.Limit?
    package var augmentation = Augmentation()
    package var standardization: InputStandardization.Kind?
    /// In which an epoch visits the samples.
    package var order = SampleOrder.full
    /// Nil of images.
    package var table: TableDescription?

    package init() {}

    /// The lines of a configuration file; none for what is as it is by default.
    func yamlLines(quoted: (String) -> String) -> [String] {
        var lines: [String] = []
        if let classes { lines.append("classes: \(quoted(classes))") }
        switch limit {
        case .count(let count): lines.append("samples: \(count)")
        case .fraction(let fraction): lines.append("subset: \(fraction)")
        case nil: break
        }
        if let fold { lines.append("fold: \(quoted("\(fold)"))") }
        if isStratified { lines.append("stratified: true") }
        if !augmentation.isIdentity { lines.append("augment: \(quoted(augmentation.text))") }
        if let standardization { lines.append("standardize: \(standardization.rawValue)") }
        if order != .full { lines.append("shuffle: \(quoted(order.text))") }
        lines += table?.yamlLines(quoted: quoted) ?? []
        return lines
    }
}

extension TrainingOptions {
    /// Of options that exclude each other the one said last counts: removes from `other` what these replace.
    func excludeDataOptions(of other: inout TrainingOptions) {
        if fold != nil && validationSplit == nil { other.validationSplit = nil }
        if validationSplit != nil && fold == nil { other.fold = nil }
        if samples != nil && subset == nil { other.subset = nil }
        if subset != nil && samples == nil { other.samples = nil }
    }

    /// - Throws: as `resolved` does.
    func resolvedData(
        validationSplit: Double, loss: LossDescription, batchSize: BatchSize
    ) throws -> DataDescription {
        var data = DataDescription()
        data.table = try resolvedTable()
        data.classes = classes
        data.fold = try fold.map { text in
            guard validationSplit == 0 else {
                throw failure("fold", "\(text) and --validation-split \(validationSplit) exclude each other")
            }
            guard let fold = ValidationSplit.Fold(text) else {
                throw failure("fold", "\(text): K/N is needed with 1 ≤ K ≤ N and N ≥ 2, such as 2/5")
            }
            return fold
        }
        data.limit = try resolvedLimit()
        data.isStratified = isStratified ?? false
        guard !data.isStratified || validationSplit > 0 || data.fold != nil || data.limit != nil else {
            throw failure("stratified", "has no meaning without --validation-split, --fold, --samples or --subset")
        }
        if let augmentation { data.augmentation = try placed("augment") { try Augmentation(text: augmentation) } }
        guard data.augmentation.mixing.isNone || batchSize != .samples(1) else {
            throw failure(
                "augment",
                "\(data.augmentation.text): mixes a picture with another of its batch, and --batch-size 1 has none")
        }
        if let shuffle { data.order = try placed("shuffle") { try SampleOrder(text: shuffle) } }
        let kinds = InputStandardization.Kind.allCases
        data.standardization = try standardization.map { name in
            let known = kinds.map(\.rawValue)
            let name = try choice(name, "standardize", known)
            guard (name == InputStandardization.Kind.feature.rawValue) == (loss.target == .columns) else {
                throw failure(
                    "standardize",
                    loss.target == .columns
                        ? "\(name): columns of a table have a mean each; use feature"
                        : "\(name): means columns of a table; for images use pixel or dataset")
            }
            guard loss.target == .label || loss.kind != .binaryCrossEntropy else {
                throw failure("standardize", "\(name): --loss bce compares with inputs from 0 to 1; use mse or mae")
            }
            return InputStandardization.Kind(rawValue: name)!
        }
        return data
    }

    private func resolvedLimit() throws -> ValidationSplit.Limit? {
        if let samples {
            guard subset == nil else { throw failure("samples", "and --subset exclude each other") }
            return .count(try positive(samples, "samples"))
        }
        return try subset.map { value in
            guard value > 0 && value <= 1 else {
                throw failure("subset", "\(value): a number above 0, up to 1, is needed")
            }
            return .fraction(value)
        }
    }
}

extension TrainingConfiguration {
    /// Which samples of the train part are trained on, and on which is validated: some of the train part, or all of the data
    /// set's own validation part.
    ///
    /// - Throws: `Failure(.data)` where the data set has its own and the configuration asks for others.
    package func split(_ data: ImageDataset) throws -> ValidationSplit {
        let labels = self.data.isStratified ? data.train.labels : nil
        var split: ValidationSplit
        if let validation = data.validation {
            guard validationSplit == 0 && self.data.fold == nil else {
                let option = self.data.fold.map { "--fold \($0)" } ?? "--validation-split \(validationSplit)"
                throw Failure(
                    .data,
                    "\(option): \(data.name) has a validation part of its own, \(grouped(validation.count)) samples; leave "
                        + "the option out")
            }
            split = ValidationSplit(
                train: (0..<Int32(data.train.count)).map { $0 }, validation: (0..<Int32(validation.count)).map { $0 })
        } else if let fold = self.data.fold {
            split = try ValidationSplit(count: data.train.count, fold: fold, seed: splitSeed, labels: labels)
        } else if let labels {
            split = try ValidationSplit(labels: labels, fraction: validationSplit, seed: splitSeed)
        } else {
            split = try ValidationSplit(count: data.train.count, fraction: validationSplit, seed: splitSeed)
        }
        guard let limit = self.data.limit else { return split }
        split = try split.limited(to: limit, seed: splitSeed, labels: labels)
        return split
    }

    /// How many samples `split` trains on, without making it.
    package func trainCount(of data: ImageDataset) -> Int {
        let count = data.train.count
        var kept = count - min(Int((validationSplit * Double(count)).nextUp), max(count - 1, 0))
        if data.validation != nil { kept = count }
        if let fold = self.data.fold { kept = count - (count - fold.number + fold.count) / fold.count }
        return self.data.limit?.count(of: kept) ?? kept
    }

    /// Of one worker; nil where single pictures stay as they are.
    func augmenter(for images: LabelledImages) -> Augmenter? {
        guard !data.augmentation.leavesSinglePictures else { return nil }
        return Augmenter(
            data.augmentation, height: images.height, width: images.width, channels: images.channels, seed: seed)
    }

    /// Of one worker with up to `capacity` samples of a batch; nil where pictures stay apart.
    func mixer(for images: LabelledImages, capacity: Int) -> Mixer? {
        guard !data.augmentation.mixing.isNone else { return nil }
        // Room for changed pictures before they are mixed, and for one of another worker's.
        return Mixer(
            data.augmentation.mixing, height: images.height, width: images.width, channels: images.channels,
            seed: seed, capacity: data.augmentation.leavesSinglePictures ? 0 : capacity + 1)
    }

    /// The data set, not loaded yet.
    package var sharedDataset: SharedDataset {
        SharedDataset(
            name: dataset, dataDirectory: dataDirectory, classes: data.classes,
            table: data.table?.selection(splitSeed: splitSeed))
    }
}

extension ImageDataset {
    /// What is validated on, by the second list of `TrainingConfiguration.split`.
    package var validationImages: LabelledImages { validation ?? train }

    /// - Throws: `Failure(.data)` where pictures are too large for this augmentation.
    func check(_ augmentation: Augmentation) throws {
        guard !augmentation.isIdentity, max(train.height, train.width) > Augmentation.sideLimit else { return }
        throw Failure(
            .data,
            "--augment: pictures of \(train.height) × \(train.width) are too large; up to \(Augmentation.sideLimit) pixels a side "
                + "are possible")
    }
}
