import ArgumentParser
import DataLoading
import Errors
import Foundation

struct DataShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show pictures of a data set in the terminal, and what its parts are like.")

    @Argument(help: ArgumentHelp("A data set.", valueName: "NAME|DIR"))
    var dataset: String

    @OptionGroup var directory: DataDirectoryArguments

    @Option(help: ArgumentHelp("Pictures of train (default), validation or test.", valueName: "PART"))
    var split: DatasetPart = .train

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Show samples from this one on, instead of one of each class.", valueName: "INDEX"))
    var from: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How many pictures; default 10, or one of each class.", valueName: "N"))
    var count: Int?

    @Option(
        help: ArgumentHelp(
            "Show what training with this --augment would make of the pictures, in epochs 1, 2, …; they count as one batch.",
            valueName: "TEXT"))
    var augment: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Of --augment: as many epochs, 1 to 100; default 4.", valueName: "N"))
    var epochs: Int?

    @Option(parsing: .unconditional, help: "Of --augment; default 1.")
    var seed: UInt64?

    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp("Of --augment: write the pictures to a new PGM or PPM file instead.", valueName: "FILE"))
    var out: String?

    @Flag(help: "Print the statistics as one JSON document.")
    var json = false

    func run() throws {
        let augmentation = try checkedAugmentation()
        let location = try directory.locate(dataset)
        let (parts, names) = try location.parts()
        guard let shown = parts.first(where: { $0.part == split })?.images else {
            throw Failure(.inputNotFound, "\(dataset) has no \(split.rawValue) part")
        }
        if let from, !(0..<shown.count).contains(from) {
            throw Failure(.usage, "--from \(from): the \(split.rawValue) part has samples 0 to \(shown.count - 1)")
        }
        if let count, !(1...1_000).contains(count) {
            throw Failure(.usage, "--count \(count): 1 to 1000 pictures are possible")
        }
        if let augmentation { return try show(augmentation, of: shown, names: names) }
        let report = Report(location, parts, names)
        if json {
            return try Output.json(report)
        }
        let terminal = Terminal(environment: ProcessInfo.processInfo.environment)
        let captioned = samples(of: shown).map { sample in
            let image = DecodedImage(
                pixels: shown.image(Int(sample)), height: shown.height, width: shown.width, channels: shown.channels)
            return (caption(sample, of: shown, names), image)
        }
        Output.line(terminal.bold(report.head))
        Output.line(sheet(terminal).text(captioned) + report.text)
    }

    private func sheet(_ terminal: Terminal) -> PictureSheet {
        PictureSheet(
            width: max(terminal.width ?? 80, PictureSheet.pictureWidth), hasColor: terminal.hasColor,
            hasTrueColor: ["truecolor", "24bit"].contains(
                ProcessInfo.processInfo.environment["COLORTERM"] ?? ""))
    }

    private func caption(_ sample: Int32, of images: LabelledImages, _ names: [String]) -> String {
        let label = Int(images.labels[Int(sample)])
        let name = names.isEmpty ? "class \(label)" : names[label]
        return from == nil ? name : "\(sample): \(name)"
    }

    private func checkedAugmentation() throws -> Augmentation? {
        guard let augment else {
            let needing = [("epochs", epochs != nil), ("seed", seed != nil), ("out", out != nil)]
            if let name = needing.first(where: \.1)?.0 { throw Failure(.usage, "--\(name) needs --augment") }
            return nil
        }
        guard !json else { throw Failure(.usage, "--json and --augment exclude each other") }
        if let epochs, !(1...100).contains(epochs) {
            throw Failure(.usage, "--epochs \(epochs): 1 to 100 are possible")
        }
        return try Augmentation(text: augment)
    }

    /// A line of pictures for each sample: itself, and what becomes of it.
    private func show(_ augmentation: Augmentation, of images: LabelledImages, names: [String]) throws {
        guard max(images.height, images.width) <= Augmentation.sideLimit else {
            throw Failure(.data, "--augment: pictures above \(Augmentation.sideLimit) pixels a side are too large")
        }
        let samples = samples(of: images)
        guard augmentation.mixing.isNone || samples.count > 1 else {
            throw Failure(.usage, "--augment \(augmentation.text): mixes pictures with each other; show two or more")
        }
        let preview = AugmentationPreview(
            augmentation, of: images, samples: samples, epochs: epochs ?? 4, seed: seed ?? 1)
        if let out {
            guard [1, 3].contains(images.channels) else {
                throw Failure(.data, "--out \(out): a file has 1 or 3 channels, not \(images.channels)")
            }
            try preview.write(to: out)
            return Output.line(
                "\(out): \(Text.plural(samples.count, "sample")), each with \(Text.plural(epochs ?? 4, "epoch")) of "
                    + augmentation.text)
        }
        let sheet = sheet(Terminal(environment: ProcessInfo.processInfo.environment))
        for (sample, row) in zip(samples, preview.rows) {
            let name = caption(sample, of: images, names)
            Output.text(
                sheet.text(row.enumerated().map { ($0.offset == 0 ? name : "epoch \($0.offset)", $0.element) }))
        }
    }

    /// The first sample of each class, or those from `from` on.
    private func samples(of images: LabelledImages) -> [Int32] {
        if let from { return (from..<min(images.count, from + (count ?? 10))).map { Int32($0) } }
        let limit = count ?? min(images.classCount, 20)
        var found: [Int32] = []
        // Round by round: one of each class, then another of each.
        var places = (0..<images.classCount).map { label in
            images.labels.indices.lazy.filter { Int(images.labels[$0]) == label }.makeIterator()
        }
        var isExhausted = false
        while found.count < limit && !isExhausted {
            isExhausted = true
            for label in places.indices where found.count < limit {
                guard let sample = places[label].next() else { continue }
                found.append(Int32(sample))
                isExhausted = false
            }
        }
        return found
    }

    private struct Report: Encodable {
        let name: String
        let folder: String
        let height: Int
        let width: Int
        let channels: Int
        let classNames: [String]
        let parts: [Part]
        /// Images of other parts that are in the train part, too.
        let sharedWithTrain: Int

        struct Part: Encodable {
            let part: String
            let count: Int
            let classCounts: [Int]
            let mean: Double
            let standardDeviation: Double
            let zeroShare: Double
            let constantCount: Int
            let repeatedCount: Int
        }

        init(
            _ location: DatasetLocation, _ parts: [(part: DatasetPart, images: LabelledImages)], _ names: [String]
        ) {
            let train = parts[0].images
            (name, folder) = (location.name, location.folder)
            (height, width, channels) = (train.height, train.width, train.channels)
            classNames = names.isEmpty ? (0..<train.classCount).map { "class \($0)" } : names
            let trainIndex = ImageIndex(train)
            self.parts = parts.enumerated().map { place, part in
                let index = place == 0 ? trainIndex : ImageIndex(part.images)
                let statistics = PartStatistics(part.images, index: index)
                return Part(
                    part: part.part.rawValue, count: statistics.count, classCounts: statistics.classCounts,
                    mean: statistics.mean, standardDeviation: statistics.standardDeviation,
                    zeroShare: statistics.zeroShare, constantCount: statistics.constantCount,
                    repeatedCount: statistics.repeatedCount)
            }
            sharedWithTrain = parts.dropFirst().reduce(0) { $0 + trainIndex.count(of: $1.images) }
        }

        var head: String {
            "\(name)  \(folder)  \(height) × \(width)" + (channels == 1 ? "" : " × \(channels)")
        }

        var text: String {
            let width = min(24, max("deviation".count, classNames.map(\.count).max() ?? 0))
            let greatest = max(1, parts[0].classCounts.max() ?? 1)
            var lines = [Text.padded("class", width) + parts.map { Text.right($0.part, 12) }.joined()]
            for (label, name) in classNames.enumerated() {
                let counts = parts.map { Text.right(grouped($0.classCounts[label]), 12) }.joined()
                let bar = String(repeating: "▪", count: parts[0].classCounts[label] * 24 / greatest)
                lines.append("\(Text.padded(String(name.prefix(width)), width))\(counts)  \(bar)")
            }
            func row(_ title: String, _ value: (Part) -> String) {
                lines.append(Text.padded(title, width) + parts.map { Text.right(value($0), 12) }.joined())
            }
            row("all") { grouped($0.count) }
            row("mean") { Text.fixed($0.mean, 4) }
            row("deviation") { Text.fixed($0.standardDeviation, 4) }
            row("zero") { Text.fixed($0.zeroShare * 100, 1) + " %" }
            row("repeated") { grouped($0.repeatedCount) }
            row("constant") { grouped($0.constantCount) }
            if sharedWithTrain > 0 {
                lines.append(
                    "\(Text.plural(sharedWithTrain, "image")) of other parts can be found in the train part, too.")
            }
            return lines.joined(separator: "\n")
        }
    }
}

extension DatasetPart: ExpressibleByArgument {}
