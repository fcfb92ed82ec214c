import Checkpoints
import Communication
import DataLoading
import Errors
import KernelContract

/// What becomes of a table's targets before a loss sees them: `(y − mean) · scale`, with mean and scale of the samples that
/// are trained on. A checkpoint keeps both; predictions and scores are in the targets' own unit again.
package final class TargetStandardization: Sendable {
    /// `[targetCount]`
    package let means: [Float]
    /// `[targetCount]`, 1 / standard deviation; 1 where all values are the same.
    package let scales: [Float]

    package init(means: [Float], scales: [Float]) {
        precondition(means.count == scales.count, "TargetStandardization: \(means.count) means, \(scales.count) scales")
        (self.means, self.scales) = (means, scales)
    }

    /// What a run needs: worker 0 sums, all get it. Nil where it was not asked for. Collective.
    static func shared(
        _ isWanted: Bool, _ rows: LabelledImages, samples: [Int32], _ communicator: borrowing Communicator
    ) throws -> TargetStandardization? {
        guard isWanted else { return nil }
        let count = rows.targetCount
        var values = [Float](repeating: 0, count: 2 * count)
        if communicator.rank == 0 {
            let own = rows.targets.withUnsafeBufferPointer {
                ColumnScales($0.baseAddress!, columnCount: count, rows: samples)
            }
            values = own.means + own.scales
        }
        values = try communicator.broadcast(values, root: 0)
        return TargetStandardization(means: Array(values[..<count]), scales: Array(values[count...]))
    }

    private static let meanName = Checkpoint.statePrefix + "target/mean"
    private static let scaleName = Checkpoint.statePrefix + "target/scale"

    package var tensors: [Checkpoint.Tensor] {
        [
            Checkpoint.Tensor(Self.meanName, [means.count], means),
            Checkpoint.Tensor(Self.scaleName, [scales.count], scales),
        ]
    }

    /// What a checkpoint's outputs are to be read with; nil where they are in the targets' unit.
    ///
    /// - Throws: `Failure(.data)` where the tensors are not of that many outputs, or not finite.
    package init?(_ checkpoint: Checkpoint, outputs: Int, path: String) throws {
        let names = [Self.meanName, Self.scaleName]
        guard names.contains(where: { checkpoint[$0] != nil }) else { return nil }
        let values = try names.map { try checkpoint.finiteValues($0, count: outputs, path: path) }
        guard !values[1].contains(0) else {
            throw Failure(.data, "\(path): \"\(Self.scaleName)\" holds a 0, by which nothing can be divided")
        }
        (means, scales) = (values[0], values[1])
    }

    /// `targets: [rowCount, targetCount]`
    func apply(to targets: UnsafeMutablePointer<Float>, rowCount: Int, kernels: any KernelSet) {
        means.withUnsafeBufferPointer { means in
            scales.withUnsafeBufferPointer { scales in
                for row in 0..<rowCount {
                    kernels.standardize(
                        targets + row * means.count, count: means.count, means: means.baseAddress!,
                        scales: scales.baseAddress!)
                }
            }
        }
    }

    /// The value of column `column` that an output stands for, in the targets' own unit.
    package func undo(_ output: Float, column: Int) -> Float { output / scales[column] + means[column] }
}

extension Checkpoint {
    /// - Throws: `Failure(.data)` where there are no so many floats of that name, or not finite ones.
    func finiteValues(_ name: String, count: Int, path: String) throws -> [Float] {
        let values: [Float] = try tensor(name, [count], path: path).values()
        guard values.allSatisfy(\.isFinite) else {
            throw Failure(.data, "\(path): \"\(name)\" holds a value that is not finite")
        }
        return values
    }
}
