import Communication
import KernelContract
import Tensors

/// The L2 norm of what lies in a flat buffer of floats, given in parts and by several workers: a chain in Double over each
/// block of 1,024 floats, then the canonical tree over the blocks, whoever had which.
final class SquareSums {
    /// Whether `add` adds.
    var isOn = false
    private let blocks: [Range<Int>]
    private var sums: [Double]

    init(_ layout: ParameterLayout) {
        blocks = layout.blocks
        sums = [Double](repeating: 0, count: blocks.count)
    }

    /// Adds a part of the flat buffer, whose first float is at `values`. The parts of a block ascend and come from one worker.
    func add(_ range: Range<Int>, _ values: UnsafePointer<Float>) {
        guard isOn else { return }
        var block = firstBlock(endingBehind: range.lowerBound)
        while block < blocks.count, blocks[block].lowerBound < range.upperBound {
            var sum = sums[block]
            for index in blocks[block].clamped(to: range) {
                let value = Double(values[index - range.lowerBound])
                sum += value * value
            }
            sums[block] = sum
            block += 1
        }
    }

    private func firstBlock(endingBehind place: Int) -> Int {
        var (low, high) = (0, blocks.count)
        while low < high {
            let middle = (low + high) / 2
            if blocks[middle].upperBound > place { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// The norm of what all workers have added; nil where it is not finite. It begins anew. Collective.
    func take(_ communicator: borrowing Communicator) throws -> Double? {
        let all = try communicator.allGather(sums)
        for block in sums.indices { sums[block] = 0 }
        isOn = false
        // Of each block all but one worker have 0.
        let square = CanonicalTree.sum(
            count: blocks.count, zero: 0.0, { block in all.reduce(0) { $0 + $1[block] } }, +)
        return square.isFinite ? square.squareRoot() : nil
    }

    /// The norm of a whole buffer.
    static func norm(of values: UnsafePointer<Float>, _ layout: ParameterLayout) -> Double? {
        let sums = SquareSums(layout)
        sums.isOn = true
        sums.add(0..<layout.floatCount, values)
        let square = CanonicalTree.sum(count: sums.blocks.count, zero: 0.0, { sums.sums[$0] }, +)
        return square.isFinite ? square.squareRoot() : nil
    }
}
