import DataLoading
import Errors
import Foundation
import Training

/// What a network gives for the rows of a table.
struct TablePrediction {
    let file: String
    let targets: [String]
    /// `[rows, targets]`, in the targets' own unit.
    private let values: [Float]
    private var rowCount: Int { values.count / targets.count }

    /// - Parameter columns: What the network was trained on; targets need not be in the file.
    init(_ file: String, _ predictor: Predictor, _ columns: TableColumns) throws {
        let table = try Table(
            file: InputFile(path: file), choosing: .named(TableColumns(features: columns.features, targets: [])))
        let rows = (0..<Int32(table.count)).map { $0 }
        self.file = file
        targets = columns.targets
        values = predictor.probabilities(try predictor.outputs(of: table.samples, rows))
    }

    struct Report: Encodable {
        let file: String
        /// From 1, without the header.
        let row: Int
        /// By target column.
        let values: [String: Float]
    }

    private func row(_ row: Int) -> ArraySlice<Float> { values[row * targets.count..<(row + 1) * targets.count] }

    var reports: [Report] {
        (0..<rowCount).map { row in
            let values = Dictionary(uniqueKeysWithValues: zip(targets, self.row(row)))
            return Report(file: file, row: row + 1, values: values)
        }
    }

    /// `houses.csv row 3: price 21.4`
    var text: String {
        (0..<rowCount).map { row in
            let values = zip(targets, self.row(row)).map { "\($0.onOneLine(atMost: 80)) \($1)" }
            return "\(file) row \(row + 1): \(values.joined(separator: ", "))"
        }.joined(separator: "\n")
    }

    /// `file,row,price` and a line for each row.
    static func csv(_ predictions: [TablePrediction]) -> String {
        let head = ["file", "row"] + (predictions.first?.targets ?? []).map(Text.csvField)
        let lines = predictions.flatMap { prediction in
            (0..<prediction.rowCount).map { row in
                "\(Text.csvField(prediction.file)),\(row + 1)" + prediction.row(row).map { ",\($0)" }.joined()
            }
        }
        return ([head.joined(separator: ",")] + lines).joined(separator: "\n")
    }
}

extension Text {
    /// In quotes where it must be.
    static func csvField(_ text: String) -> String {
        guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
        return "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
    }

    /// So many digits that count: 23.41, 0.001234, 1.234e+09.
    static func digits(_ value: Double, _ count: Int) -> String { String(format: "%.\(count)g", locale: nil, value) }
}

extension RegressionScores {
    /// `rmse 4.123, mae 2.871, R² 0.8411`
    var text: String {
        "rmse \(Text.digits(rmse, 4)), mae \(Text.digits(mae, 4))" + (r2.map { ", R² \(Text.fixed($0, 4))" } ?? "")
    }
}
