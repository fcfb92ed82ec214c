import KernelContract

/// A batch that is at hand as a whole: one worker.
package final class WholeBatch: BatchSums {
    package let sampleCount: Int
    package let grainSize: Int

    package init(sampleCount: Int, grainSize: Int) {
        self.sampleCount = sampleCount
        self.grainSize = grainSize
    }

    package var subtrees: [Range<Int>] { [0..<sampleCount] }

    package func total(
        columnCount: Int, to total: UnsafeMutablePointer<Float>,
        _ subtreeSums: (_ subtree: Int, _ sums: UnsafeMutablePointer<Float>) -> Void
    ) {
        subtreeSums(0, total)
    }
}
