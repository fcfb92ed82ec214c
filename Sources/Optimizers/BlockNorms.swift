import KernelContract
import Tensors

/// L2 norms over tensors, each a canonical tree over the tensor's blocks, whoever computes which block.
///
/// `sums` has a column of one Double for each block of the layout; all workers see the same columns once exchanged.
struct BlockNorms {
    private let blocks: [Range<Int>]
    private let blocksByTensor: [Range<Int>]
    private let own: Range<Int>
    private let sums: UnsafeMutablePointer<Double>

    init(layout: ParameterLayout, slice: Range<Int>, sums: UnsafeMutablePointer<Double>) {
        let blocks = layout.blocks
        self.blocks = blocks
        blocksByTensor = layout.blocksByEntry
        func firstBlock(from float: Int) -> Int {
            blocks.firstIndex { $0.lowerBound >= float } ?? blocks.count
        }
        own = firstBlock(from: slice.lowerBound)..<firstBlock(from: slice.upperBound)
        self.sums = sums
    }

    /// Writes the sums of squares of this worker's blocks; `values` begins at float `origin` of the layout.
    func measure(column: Int, _ values: UnsafePointer<Float>, origin: Int, _ kernels: any KernelSet) {
        for block in own {
            let range = blocks[block]
            sums[column * blocks.count + block] = Double(
                kernels.sumOfSquares(values + (range.lowerBound - origin), count: range.count))
        }
    }

    /// The norm of one tensor.
    func norm(column: Int, tensor: Int) -> Double { square(column, tensor).squareRoot() }

    /// The norm of all tensors together: a tree over tensors.
    func norm(column: Int) -> Double {
        CanonicalTree.sum(count: blocksByTensor.count, zero: 0, { square(column, $0) }, +).squareRoot()
    }

    private func square(_ column: Int, _ tensor: Int) -> Double {
        let range = blocksByTensor[tensor]
        let first = sums + (column * blocks.count + range.lowerBound)
        return CanonicalTree.sum(count: range.count, zero: 0, { first[$0] }, +)
    }
}
