import ArgumentParser
import DataLoading
import Errors
import Foundation

struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "List, fetch, check, show, convert and divide data sets.",
        discussion: """
            A data set is a name of the catalogue (lockstep data list), synthetic-digits[:TRAIN[+TEST]][@SEED], a folder
            such as ./digits, or an archive such as ./digits.npz. Names are looked for in --data-dir, or in LOCKSTEP_DATA,
            $XDG_DATA_HOME/lockstep, the system's folders and the current one.
            """,
        subcommands: [
            DataListCommand.self, DataFetchCommand.self, DataVerifyCommand.self, DataShowCommand.self,
            DataConvertCommand.self, DataSplitCommand.self, DataCacheCommand.self,
        ])
}

/// Where to look for what a command names.
struct DataDirectoryArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Where to look for data sets, and nowhere else.", valueName: "DIR"))
    var dataDir: String?

    func locate(_ name: String) throws -> DatasetLocation {
        try DatasetCatalogue.locate(
            name: name, dataDirectory: dataDir, environment: ProcessInfo.processInfo.environment)
    }
}

/// What is done with images on their way into new files.
struct DataEditingArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Classes to keep, by number or name; 0+2,1+3 makes two classes of four. Default: all.", valueName: "LIST"))
    var classes: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The first N samples of each part (after --classes); default: all.", valueName: "N"))
    var limit: Int?

    @Option(
        help: ArgumentHelp("Bring all images to this size, by averages of areas.", valueName: "HxW"))
    var resize: String?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("N pixels of 0 on each side.", valueName: "N"))
    var pad: Int?

    @Flag(help: "Pixel p becomes 255 − p.")
    var invert = false

    @Option(help: ArgumentHelp("idx (default), idx-gz, npz, csv or pictures.", valueName: "FORMAT"))
    var format: DatasetFormat = .idx

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("The new folder.", valueName: "DIR"))
    var out: String

    @Flag(help: "Print one JSON document.")
    var json = false

    /// What was written.
    struct Report: Encodable {
        struct Part: Encodable {
            let name: String
            let sampleCount: Int
        }

        let folder: String
        let format: String
        let parts: [Part]
        /// Height, width, channels.
        let shape: [Int]
        let classCount: Int
    }

    func tell(_ parts: [(part: DatasetPart, count: Int)], _ shape: ImageShape, classCount: Int) throws {
        if json {
            return try Output.json(
                Report(
                    folder: out, format: format.rawValue,
                    parts: parts.map { Report.Part(name: $0.part.rawValue, sampleCount: $0.count) },
                    shape: [shape.height, shape.width, shape.channels], classCount: classCount))
        }
        let counts = parts.map { "\(grouped($0.count)) \($0.part.rawValue)" }.joined(separator: ", ")
        Output.line("\(out): \(counts) images of \(shape), \(classCount) classes, as \(format.rawValue)")
    }

    var sizing: ImageFolder.Sizing {
        get throws {
            guard let size = try size else { return .refuse }
            return .resize(height: size.height, width: size.width)
        }
    }

    private var size: (height: Int, width: Int)? {
        get throws {
            guard let resize else { return nil }
            let words = resize.lowercased().split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
            guard words.count == 2, words.allSatisfy({ (1...DecodedImage.sideLimit).contains($0) }) else {
                throw Failure(.usage, "--resize \(resize): a size such as 28x28 is needed")
            }
            return (words[0], words[1])
        }
    }

    /// Whether images stay as they are, and all of them.
    var changesNothing: Bool {
        classes == nil && limit == nil && resize == nil && (pad ?? 0) == 0 && !invert
    }

    func check() throws {
        _ = try size
        if let limit, limit < 1 { throw Failure(.usage, "--limit \(limit): a number from 1 is needed") }
        if let pad, !(0...1_000).contains(pad) { throw Failure(.usage, "--pad \(pad): 0 to 1000 pixels are possible") }
    }

    /// The classes' new names.
    func classNames(_ names: [String], classCount: Int) throws -> [String] {
        guard let classes else { return names }
        return try ClassSelection(classes, classNames: names, classCount: classCount).classNames(of: names)
    }

    func apply(to images: LabelledImages, classNames: [String]) throws -> LabelledImages {
        var images = images
        if let classes {
            images = try ClassSelection(classes, classNames: classNames, classCount: images.classCount).apply(
                to: images)
        }
        if let limit, limit < images.count { images = try images.selecting((0..<Int32(limit)).map { $0 }) }
        if let size = try size, (size.height, size.width) != (images.height, images.width) {
            images = try images.resized(height: size.height, width: size.width)
        }
        if invert { images = try images.inverted() }
        if let pad, pad > 0 { images = try images.padded(by: pad) }
        return images
    }
}

extension DatasetFormat: ExpressibleByArgument {}

struct DataConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Write a data set in another format, whole or in part.")

    @Argument(help: ArgumentHelp("A data set.", valueName: "NAME|DIR"))
    var dataset: String

    @OptionGroup var directory: DataDirectoryArguments
    @OptionGroup var editing: DataEditingArguments

    func run() throws {
        try editing.check()
        let location = try directory.locate(dataset)
        if editing.changesNothing,
            let drawn = try DatasetWriter.writeDrawn(location, format: editing.format, to: editing.out)
        {
            let side = SyntheticDigits.side
            return try editing.tell(
                drawn, ImageShape(height: side, width: side, channels: 1), classCount: location.classNames.count)
        }
        let (parts, names) = try location.parts(sizing: editing.sizing)
        let edited = try parts.map { ($0.part, try editing.apply(to: $0.images, classNames: names)) }
        try writeDataset(edited, names: names, editing: editing, from: location)
    }
}

struct DataSplitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "split", abstract: "Divide a train part, and write all parts as files.",
        discussion: """
            With --validation, the samples held out are those that `train --validation-split` holds out with the same
            --split-seed. --test makes a test part where there is none, before anything else is divided.
            """)

    @Argument(help: ArgumentHelp("A data set.", valueName: "NAME|DIR"))
    var dataset: String

    @OptionGroup var directory: DataDirectoryArguments
    @OptionGroup var editing: DataEditingArguments

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Fraction of the train part that becomes the validation part.", valueName: "FRACTION"))
    var validation: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Fraction of the train part that becomes the test part.", valueName: "FRACTION"))
    var test: Double?

    @Option(help: ArgumentHelp("Instead of --validation: 2/5 holds out the second of five folds.", valueName: "K/N"))
    var fold: String?

    @Flag(help: "The same share of every class.")
    var stratified = false

    @Option(parsing: .unconditional, help: "Decides who is held out; default 1.")
    var splitSeed: UInt64 = 1

    func run() throws {
        try editing.check()
        guard validation != nil || test != nil || fold != nil else {
            throw Failure(.usage, "nothing to divide: give --validation 0.2, --fold 1/5 or --test 0.1")
        }
        guard validation == nil || fold == nil else {
            throw Failure(.usage, "--validation and --fold exclude each other")
        }
        let fold = try fold.map { text in
            guard let fold = ValidationSplit.Fold(text) else {
                throw Failure(.usage, "--fold \(text): K/N is needed with 1 ≤ K ≤ N and N ≥ 2, such as 2/5")
            }
            return fold
        }
        let location = try directory.locate(dataset)
        let (found, names) = try location.parts(sizing: editing.sizing)
        var parts = try found.map { ($0.part, try editing.apply(to: $0.images, classNames: names)) }
        var train = parts.removeFirst().1
        if let test {
            guard !parts.contains(where: { $0.0 == .test }) else {
                throw Failure(.usage, "\(dataset) has a test part; --test is for those that have none")
            }
            let split = try split(train, fraction: test)
            parts.append((.test, try train.selecting(split.validation)))
            train = try train.selecting(split.train)
        }
        if validation != nil || fold != nil {
            guard !parts.contains(where: { $0.0 == .validation }) else {
                throw Failure(.usage, "\(dataset) has a validation part already")
            }
            let split =
                try fold.map {
                    try ValidationSplit(
                        count: train.count, fold: $0, seed: splitSeed, labels: stratified ? train.labels : nil)
                } ?? split(train, fraction: validation ?? 0)
            parts.insert((.validation, try train.selecting(split.validation)), at: 0)
            train = try train.selecting(split.train)
        }
        try writeDataset([(.train, train)] + parts, names: names, editing: editing, from: location)
    }

    private func split(_ images: LabelledImages, fraction: Double) throws -> ValidationSplit {
        stratified
            ? try ValidationSplit(labels: images.labels, fraction: fraction, seed: splitSeed)
            : try ValidationSplit(count: images.count, fraction: fraction, seed: splitSeed)
    }
}

private func writeDataset(
    _ parts: [(DatasetPart, LabelledImages)], names: [String], editing: DataEditingArguments,
    from location: DatasetLocation
) throws {
    if let empty = parts.first(where: { $0.1.count == 0 }) {
        throw Failure(.data, "\(location.name): the \(empty.0.rawValue) part would be empty")
    }
    let classCount = parts[0].1.classCount
    // `names` are those before --classes.
    let newNames = editing.classes == nil ? names : try editing.classNames(names, classCount: max(names.count, 256))
    try DatasetWriter.write(
        parts.map { ($0.0, $0.1) }, classNames: newNames, format: editing.format, to: editing.out)
    let images = parts[0].1
    try editing.tell(
        parts.map { ($0.0, $0.1.count) },
        ImageShape(height: images.height, width: images.width, channels: images.channels), classCount: classCount)
}
