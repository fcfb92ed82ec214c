import Errors
import Glibc

/// What of a table a run trains on.
package struct TableSelection: Sendable, Equatable {
    package var choice: ColumnChoice
    package var division: Division

    /// How rows become a train and a test part, where the table has no file of test rows.
    package enum Division: Sendable, Equatable {
        /// Held out, by the first entries of a permutation keyed by the seed; nil for `standardTestFraction`.
        case test(fraction: Double?, seed: UInt64)
        /// All rows are both: of a table that was not trained on.
        case whole
    }

    /// A fifth of a single file's rows are its test part.
    package static let standardTestFraction = 0.2

    package init(_ choice: ColumnChoice, _ division: Division) { (self.choice, self.division) = (choice, division) }
}

/// Where the parts of a table lie.
package struct TableSource: Sendable, Equatable {
    package let name: String
    package let train: String
    /// Nil where the train part is divided.
    package let test: String?
    package let validation: String?

    private static let endings = [".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt"]

    /// What a table is called, by its file.
    package static func isTable(_ path: String) -> Bool { endings.contains { path.hasSuffix($0) } }

    /// Finds a file, or a folder with `train.csv`: itself, or below `dataDirectory` or the folders of `LOCKSTEP_DATA`.
    package static func locate(
        name: String, dataDirectory: String? = nil, environment: [String: String]
    ) throws -> TableSource {
        let roots =
            dataDirectory.map { [$0] } ?? (environment["LOCKSTEP_DATA"] ?? "").split(separator: ":").map(String.init)
        let isPath = name.contains("/") || name == "." || name == ".."
        let places =
            isPath ? [name] : (dataDirectory == nil ? [name] : []) + roots.map { DatasetCatalogue.join($0, name) }
        for place in places {
            guard let mode = try DatasetFolder.mode(place) else { continue }
            let stem = place.split(separator: "/").last.map(String.init) ?? place
            guard mode & S_IFMT == S_IFDIR else {
                let ending = endings.first { stem.hasSuffix($0) } ?? ""
                return TableSource(name: String(stem.dropLast(ending.count)), train: place, test: nil, validation: nil)
            }
            guard let train = try part("train", of: place) else { continue }
            return TableSource(
                name: DatasetFolder(place).name, train: train, test: try part("test", of: place),
                validation: try part("validation", of: place))
        }
        throw Failure(
            .inputNotFound,
            "\(name): no table there (looked for \(places.joined(separator: ", "))); a target column needs --dataset FILE.csv, or "
                + "a folder with train.csv")
    }

    private static func part(_ part: String, of folder: String) throws -> String? {
        try endings.map { "\(folder)/\(part)\($0)" }.first { try DatasetFolder.mode($0) != nil }
    }

    /// Reads and checks all files.
    package func load(_ selection: TableSelection) throws -> ImageDataset {
        let train = try Table(file: InputFile(path: self.train), choosing: selection.choice)
        func part(_ path: String) throws -> LabelledImages {
            try Table(file: InputFile(path: path), choosing: .named(train.columns)).samples
        }
        let rows = train.samples
        let validation = try self.validation.map(part)
        func dataset(_ train: LabelledImages, _ test: LabelledImages) -> ImageDataset {
            ImageDataset(name: name, train: train, test: test, validation: validation, columns: columns)
        }
        let columns = train.columns
        switch (test, selection.division) {
        case (let test?, .test(nil, _)), (let test?, .whole): return dataset(rows, try part(test))
        case (let test?, .test(let fraction?, _)):
            throw Failure(
                .data, "--test-split \(fraction): \(name) has a test part of its own, \(test); leave the option out")
        case (nil, .whole): return dataset(rows, rows)
        case (nil, .test(let fraction, let seed)):
            let fraction = fraction ?? TableSelection.standardTestFraction
            let split = try ValidationSplit(count: rows.count, fraction: fraction, seed: seed)
            guard !split.validation.isEmpty else {
                throw Failure(
                    .data,
                    "\(self.train): a test part of \(fraction) of \(grouped(rows.count)) rows has none; give a greater --test-split"
                )
            }
            return dataset(try rows.selecting(split.train), try rows.selecting(split.validation))
        }
    }
}

extension Table {
    /// As what is trained on.
    package var samples: LabelledImages {
        LabelledImages(
            features: features, featureCount: columns.features.count, targets: targets,
            targetCount: columns.targets.count)
    }
}
