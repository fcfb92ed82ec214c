import KernelContract

/// Rows of a block: one lane each.
let blockRows = 16

extension VariantKernels {
    @inline(never)
    package func softmaxCrossEntropy(
        rowCount: Int, classCount: Int, logits: UnsafePointer<Float>, rowStride: Int, labels: UnsafePointer<UInt8>,
        denominator: Float, losses: UnsafeMutablePointer<Float>, predictions: UnsafeMutablePointer<UInt8>,
        gradient: UnsafeMutablePointer<Float>?, workspace: UnsafeMutablePointer<Float>
    ) {
        guard classCount > 0 else { return }
        for first in stride(from: 0, to: rowCount, by: blockRows) {
            let block = SoftmaxBlock(
                rowCount: min(blockRows, rowCount - first), classCount: classCount, rowStride: rowStride,
                columns: workspace, lanes: workspace + classCount * blockRows)
            block.transpose(logits + first * rowStride)
            block.run(
                labels: labels + first, denominator: denominator, losses: losses + first,
                predictions: predictions + first, gradient: gradient.map { $0 + first * rowStride })
        }
    }
}

/// Up to 16 rows side by side: lane r of every vector belongs to row r, so that rows shorter than a vector waste nothing.
struct SoftmaxBlock {
    let rowCount: Int
    let classCount: Int
    let rowStride: Int
    /// `[classCount, 16]`: logits, then exponentials, then gradients.
    let columns: UnsafeMutablePointer<Float>
    /// `[16, 16]`: the 16 strided partial sums along a row, for each row.
    let lanes: UnsafeMutablePointer<Float>

    /// Copies the rows into columns. Lanes without a row repeat the last one.
    @inline(__always)
    func transpose(_ rows: UnsafePointer<Float>) {
        for lane in 0..<blockRows {
            let row = rows + min(lane, rowCount - 1) * rowStride
            for j in 0..<classCount { columns[j * blockRows + lane] = row[j] }
        }
    }

    @inline(__always)
    func column(_ j: Int) -> UnsafeMutablePointer<Float> { columns + j * blockRows }

    @inline(__always)
    func run(
        labels: UnsafePointer<UInt8>, denominator: Float, losses: UnsafeMutablePointer<Float>,
        predictions: UnsafeMutablePointer<UInt8>, gradient: UnsafeMutablePointer<Float>?
    ) {
        var greatest = load(UnsafePointer(column(0)))
        var prediction = Vector(repeating: 0)
        for j in 1..<max(classCount, 1) {
            let x = load(UnsafePointer(column(j)))
            let isGreater = x .> greatest
            greatest = greatest.replacing(with: x, where: isGreater)
            prediction = prediction.replacing(with: Vector(repeating: Float(j)), where: isGreater)
        }
        var labelled = Vector(repeating: 0)
        var label = Vector(repeating: -1)
        for row in 0..<rowCount {
            predictions[row] = UInt8(truncatingIfNeeded: Int(prediction[row]))
            labelled[row] = columns[Int(labels[row]) * blockRows + row]
            label[row] = Float(labels[row])
        }
        let sum = exponentials(greatest)
        let loss = vectorLogarithm(sum) - (labelled - greatest)
        for row in 0..<rowCount { losses[row] = loss[row] }

        guard let gradient else { return }
        for j in 0..<classCount {
            let probability = load(UnsafePointer(column(j))) / sum
            let isLabel = label .== Vector(repeating: Float(j))
            let difference = probability.replacing(with: probability - Vector(repeating: 1), where: isLabel)
            store(difference / Vector(repeating: denominator), column(j))
        }
        for row in 0..<rowCount {
            for j in 0..<classCount { gradient[row * rowStride + j] = columns[j * blockRows + row] }
        }
    }

    /// Replaces the logits by e^(logit − greatest) and returns the sum of each row: 16 strided lanes, then 8-4-2-1.
    @inline(__always)
    func exponentials(_ greatest: Vector) -> Vector {
        for lane in 0..<16 { store(Vector(repeating: 0), lanes + lane * blockRows) }
        for j in 0..<classCount {
            let power = vectorExponential(load(UnsafePointer(column(j))) - greatest)
            store(power, column(j))
            let lane = lanes + j % 16 * blockRows
            store(load(UnsafePointer(lane)) + power, lane)
        }
        var width = 8
        while width > 0 {
            for lane in 0..<width {
                let lower = lanes + lane * blockRows
                store(load(UnsafePointer(lower)) + load(UnsafePointer(lower + width * blockRows)), lower)
            }
            width >>= 1
        }
        return load(UnsafePointer(lanes))
    }
}
