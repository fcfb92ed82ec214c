import Communication
import DataLoading
import KernelContract
import Models

/// How far predictions are from their targets, in the targets' own unit; of several target columns the means of what each
/// scores, as scikit-learn's `uniform_average`.
package struct RegressionScores: Codable, Sendable, Equatable {
    /// Mean squared error, and its root.
    package let mse: Double
    package let rmse: Double
    /// Mean absolute error.
    package let mae: Double
    /// Coefficient of determination, `1 − Σ(y − p)² / Σ(y − ȳ)²`; of targets that never change 1 where all are met and 0
    /// otherwise, as scikit-learn has it. Nil of fewer than two samples.
    package let r2: Double?

    /// - Parameters:
    ///   - absolute, squared: Sums over the samples of |p − y| and (p − y)².
    ///   - scatter: Σ(y − ȳ)².
    init(absolute: Double, squared: Double, scatter: Double, sampleCount: Int) {
        mse = squared / Double(sampleCount)
        rmse = mse.squareRoot()
        mae = absolute / Double(sampleCount)
        r2 = sampleCount < 2 ? nil : scatter > 0 ? 1 - squared / scatter : squared == 0 ? 1 : 0
    }

    /// Of one column, added in the order of rows; the last bits may differ from those of an evaluation.
    package init(targets: [Double], predictions: [Double]) {
        precondition(
            targets.count == predictions.count && !targets.isEmpty, "RegressionScores: \(targets.count) targets")
        let mean = targets.reduce(0, +) / Double(targets.count)
        let errors = zip(predictions, targets).map { $0 - $1 }
        self.init(
            absolute: errors.reduce(0) { $0 + abs($1) }, squared: errors.reduce(0) { $0 + $1 * $1 },
            scatter: targets.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }, sampleCount: targets.count)
    }

    /// The means of what columns score; one at least.
    init(meanOf columns: [RegressionScores]) {
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        mse = mean(columns.map(\.mse))
        rmse = mean(columns.map(\.rmse))
        mae = mean(columns.map(\.mae))
        r2 = columns.contains { $0.r2 == nil } ? nil : mean(columns.compactMap(\.r2))
    }
}

/// Sums over samples of what predictions miss, by column: in Double, a chain in each grain, then the canonical tree.
struct ErrorSums {
    /// `[column][absolute, squared]`
    private(set) var values: [Double]

    init(columnCount: Int) { values = [Double](repeating: 0, count: 2 * columnCount) }

    private init(values: [Double]) { self.values = values }

    mutating func add(_ prediction: Float, _ target: Float, column: Int) {
        let error = Double(prediction) - Double(target)
        values[2 * column] += abs(error)
        values[2 * column + 1] += error * error
    }

    static func + (left: ErrorSums, right: ErrorSums) -> ErrorSums {
        ErrorSums(values: zip(left.values, right.values).map { $0 + $1 })
    }

    /// The sums of all grains, `[grain][column][absolute, squared]`.
    static func total(_ grains: [Double], columnCount: Int) -> ErrorSums {
        let size = 2 * columnCount
        return CanonicalTree.sum(
            count: grains.count / size, zero: ErrorSums(columnCount: columnCount),
            { ErrorSums(values: Array(grains[$0 * size..<($0 + 1) * size])) }, +)
    }

    /// By column. `indices` are the rows of `partition`, in order.
    func scores(_ rows: LabelledImages, _ indices: [Int32], _ partition: GrainPartition) -> [RegressionScores] {
        let columnCount = rows.targetCount
        return (0..<columnCount).map { column in
            func sum(_ value: (Double) -> Double) -> Double {
                CanonicalTree.sum(
                    count: partition.grainCount, zero: 0,
                    { grain in
                        partition.samples(of: grain..<grain + 1).reduce(0.0) {
                            $0 + value(Double(rows.targets[Int(indices[$1]) * columnCount + column]))
                        }
                    }, +)
            }
            let mean = sum { $0 } / Double(indices.count)
            return RegressionScores(
                absolute: values[2 * column], squared: values[2 * column + 1],
                scatter: sum { ($0 - mean) * ($0 - mean) }, sampleCount: indices.count)
        }
    }
}
