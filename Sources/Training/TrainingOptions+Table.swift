import DataLoading
import Errors
import Models
import Tensors

/// Which columns of a table a run learns, and from what.
package struct TableDescription: Sendable, Equatable {
    package var targets: [String]
    /// Columns that are not read.
    package var ignored: [String] = []
    /// Of the train part, where there is no file of test rows; nil for `TableSelection.standardTestFraction`.
    package var testFraction: Double?
    /// Whether the loss sees targets of mean 0 and standard deviation 1.
    package var standardizesTarget = false

    package init(targets: [String]) { self.targets = targets }

    /// `splitSeed` decides the test part.
    package func selection(splitSeed: UInt64) -> TableSelection {
        TableSelection(
            .targets(targets, ignored: ignored), .test(fraction: testFraction, seed: splitSeed))
    }

    /// The lines of a configuration file, but for `target`.
    func yamlLines(quoted: (String) -> String) -> [String] {
        var lines: [String] = []
        if !ignored.isEmpty { lines.append("ignore-columns: \(quoted(ignored.joined(separator: ",")))") }
        if let testFraction { lines.append("test-split: \(testFraction)") }
        if standardizesTarget { lines.append("standardize-target: true") }
        return lines
    }
}

extension TrainingOptions {
    /// What outputs are compared with: any text but the names of `LossTarget.named` names columns of a table.
    ///
    /// - Throws: as `resolved` does, where the data set cannot be a table, or one of the names is misspelt.
    func resolvedTarget() throws -> LossTarget {
        guard let target else { return .label }
        let names = LossTarget.named.map(\.rawValue)
        if let named = LossTarget.named.first(where: { $0.rawValue == target }) { return named }
        let name = datasetName
        let isOfImages = name.hasPrefix(SyntheticDigits.name) || DatasetCatalogue.entries.contains { $0.name == name }
        let near = TableSource.isTable(datasetName) ? nil : Spelling.nearest(to: target, in: names)
        guard !isOfImages, near == nil else {
            throw failure(
                "target",
                "\(target) is unknown; it may be \(names.joined(separator: ", ")), or columns of a table that --dataset names, "
                    + "FILE.csv\(near.map { "; did you mean \($0)?" } ?? "")")
        }
        return .columns
    }

    /// As given; nil where the target is no column. What is wrong with it is said when it is resolved.
    var tableDescription: TableDescription? {
        guard let target, (try? resolvedTarget()) == .columns else { return nil }
        var table = TableDescription(targets: Self.names(target))
        table.ignored = ignoredColumns.map(Self.names) ?? []
        table.testFraction = testSplit
        table.standardizesTarget = standardizesTarget ?? false
        return table
    }

    /// As given; nil where the target is no column.
    package var tableSelection: TableSelection? { tableDescription?.selection(splitSeed: splitSeed ?? 1) }

    /// Names with commas between them.
    private static func names(_ text: String) -> [String] {
        text.split(separator: ",", omittingEmptySubsequences: false).map(\.trimmingBlanks).map(String.init)
    }

    /// - Throws: as `resolved` does.
    func resolvedTable() throws -> TableDescription? {
        guard let table = tableDescription else {
            let given = [
                ("ignore-columns", ignoredColumns != nil), ("test-split", testSplit != nil),
                ("standardize-target", standardizesTarget == true),
            ]
            if let name = given.first(where: \.1)?.0 {
                throw failure(name, "has no meaning without a table: --dataset FILE.csv --target COLUMN")
            }
            return nil
        }
        for (option, names) in [("target", table.targets), ("ignore-columns", table.ignored)] {
            guard names.allSatisfy({ !$0.isEmpty }), Set(names).count == names.count else {
                throw failure(
                    option,
                    "\(names.joined(separator: ",")): different names with commas between them are needed, such as price,rent"
                )
            }
        }
        if let fraction = table.testFraction, !(fraction > 0 && fraction < 1) {
            throw failure(
                "test-split", "\(fraction): a number above 0, below 1, is needed: the test part is always scored")
        }
        let withoutMeaning = [
            ("classes", classes != nil), ("augment", augmentation != nil), ("stratified", isStratified == true),
            ("label-smoothing", labelSmoothing != nil), ("class-weights", classWeights != nil),
        ]
        if let name = withoutMeaning.first(where: \.1)?.0 {
            throw failure(name, "has no meaning for numbers: --target \(target ?? "") names columns of a table")
        }
        return table
    }
}

extension ImageDataset {
    /// Shape of one sample as a network takes it.
    package var inputShape: Shape {
        guard columns == nil else { return [train.pixelsPerImage] }
        let (height, width, channels) = imageShape
        return channels == 1 ? [height, width] : [height, width, channels]
    }

    /// What a network that is trained on these data must give.
    package func outputs(_ target: LossTarget) -> NetworkOutputs {
        switch target {
        case .label: .classes(classCount)
        case .input: .inputs
        case .columns: .columns(train.targetCount)
        }
    }
}

extension Substring {
    /// Without white space around it.
    var trimmingBlanks: Substring {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return self[first...last]
    }
}
