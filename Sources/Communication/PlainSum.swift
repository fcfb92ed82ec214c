import KernelContract
import Tensors

/// The whole gradient summed over a worker's nodes one after the other, and then by `MPI_Allreduce`: for comparison.
struct PlainSum: ~Copyable {
    /// The sum over all workers; empty unless asked for.
    let total: AlignedBuffer<Float>
    private let sources: UnsafeMutableBufferPointer<UnsafePointer<Float>>
    /// `[0, 1, 1, …]`.
    private let additions: UnsafeMutableBufferPointer<Int>
    private let floatCount: Int

    init(partials: UnsafeMutablePointer<Float>, partialCount: Int, partialStride: Int, floatCount: Int) {
        total = AlignedBuffer(count: floatCount)
        self.floatCount = floatCount
        sources = .copy(of: (0..<partialCount).map { UnsafePointer(partials + $0 * partialStride) })
        additions = .copy(of: (0..<partialCount).map { min($0, 1) })
    }

    deinit {
        sources.deallocate()
        additions.deallocate()
    }

    /// Of `nodeCount` partial gradients.
    func sum(
        _ endpoint: Endpoint, nodeCount: Int, kernels: any KernelSet, workspace: UnsafeMutablePointer<Float>
    ) throws {
        if nodeCount == 0 {
            total.base.update(repeating: 0, count: floatCount)
        } else {
            kernels.treeSum(
                UnsafeBufferPointer(rebasing: sources[..<nodeCount]),
                additions: UnsafeBufferPointer(rebasing: additions[..<nodeCount]), offset: 0, count: floatCount,
                to: total.base, workspace: workspace)
        }
        #if MPI
            if let communicator = endpoint.communicator {
                try communicator.allReduceInPlace(total.base, count: Int32(floatCount))
            }
        #endif
    }
}
