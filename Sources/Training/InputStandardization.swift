import Checkpoints
import Communication
import DataLoading
import Errors
import KernelContract
import Tensors

/// What becomes of pixels from 0 to 1, or of a table's values, before they enter a network: `(x − mean) · scale`, with mean and scale of the samples
/// that are trained on. A checkpoint keeps both, and whoever uses its weights applies them.
package final class InputStandardization: Sendable {
    /// Over which pixels mean and standard deviation are taken.
    package enum Kind: String, CaseIterable, Sendable {
        /// All of all images: two numbers.
        case dataset
        /// Each place of an image by itself.
        case pixel
        /// Each column of a table by itself.
        case feature
    }

    /// `[features]`
    package let means: [Float]
    /// `[features]`, 1 / standard deviation; 1 where all values are the same.
    package let scales: [Float]

    /// Of bytes from exact sums, whatever the order: `deviation² = (n Σx² − (Σx)²) / n²`; of floats by `ColumnScales`.
    package init(_ kind: Kind, _ images: LabelledImages, samples: [Int32]) {
        precondition(!samples.isEmpty, "InputStandardization: no sample")
        let features = images.pixelsPerImage
        guard images.valueType == .byte else {
            let columns = withExtendedLifetime(images) {
                ColumnScales(images.unsafeFeatures, columnCount: features, rows: samples)
            }
            (means, scales) = (columns.means, columns.scales)
            return
        }
        var sums = [UInt64](repeating: 0, count: features)
        var squares = [UInt64](repeating: 0, count: features)
        images.pixels.withBytes { pixels in
            for sample in samples {
                let image = pixels.baseAddress! + Int(sample) * features
                for i in 0..<features {
                    let value = UInt64(image[i])
                    sums[i] += value
                    squares[i] += value * value
                }
            }
        }
        var count = UInt64(samples.count)
        if kind == .dataset {
            count *= UInt64(features)
            sums = [sums.reduce(0, +)]
            squares = [squares.reduce(0, +)]
        }
        let numbers = zip(sums, squares).map { sum, square in
            // Some 2⁴⁸ at most, each: their products need 128 bits.
            let scatter = UInt128(count) * UInt128(square) - UInt128(sum) * UInt128(sum)
            let deviation = Double(scatter).squareRoot() / Double(count) / 255
            return (Float(Double(sum) / Double(count) / 255), scatter == 0 ? 1 : Float(1 / deviation))
        }
        means = (0..<features).map { numbers[numbers.count == 1 ? 0 : $0].0 }
        scales = (0..<features).map { numbers[numbers.count == 1 ? 0 : $0].1 }
    }

    private init(means: [Float], scales: [Float]) { (self.means, self.scales) = (means, scales) }

    /// What a run needs: worker 0 counts, all get it. Nil without `kind`. Collective.
    static func shared(
        _ kind: Kind?, _ images: LabelledImages, samples: [Int32], _ communicator: borrowing Communicator
    ) throws -> InputStandardization? {
        guard let kind else { return nil }
        let features = images.pixelsPerImage
        var values = [Float](repeating: 0, count: 2 * features)
        if communicator.rank == 0 {
            let own = InputStandardization(kind, images, samples: samples)
            values = own.means + own.scales
        }
        values = try communicator.broadcast(values, root: 0)
        return InputStandardization(means: Array(values[..<features]), scales: Array(values[features...]))
    }

    private static let meanName = Checkpoint.statePrefix + "input/mean"
    private static let scaleName = Checkpoint.statePrefix + "input/scale"

    package var tensors: [Checkpoint.Tensor] {
        [
            Checkpoint.Tensor(Self.meanName, [means.count], means),
            Checkpoint.Tensor(Self.scaleName, [scales.count], scales),
        ]
    }

    /// What a checkpoint's network takes; nil where pixels enter it as they are.
    ///
    /// - Throws: `Failure(.data)` where the tensors are not of that many features, or not finite.
    package init?(_ checkpoint: Checkpoint, features: Int, path: String) throws {
        let names = [Self.meanName, Self.scaleName]
        guard names.contains(where: { checkpoint[$0] != nil }) else { return nil }
        let values = try names.map { try checkpoint.finiteValues($0, count: features, path: path) }
        (means, scales) = (values[0], values[1])
    }

    /// Changes the values at `columns` of one image, the first of which is at `values`.
    package func apply(to values: UnsafeMutablePointer<Float>, columns: Range<Int>, kernels: any KernelSet) {
        means.withUnsafeBufferPointer { means in
            scales.withUnsafeBufferPointer { scales in
                kernels.standardize(
                    values, count: columns.count, means: means.baseAddress! + columns.lowerBound,
                    scales: scales.baseAddress! + columns.lowerBound)
            }
        }
    }
}
