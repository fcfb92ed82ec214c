import KernelContract

/// What one worker does in a batch of a given size, worked out once.
struct BatchPlan {
    let partition: GrainPartition
    let grains: Range<Int>
    /// The own samples, counted from the batch's first.
    let samples: Range<Int>
    /// The samples of each maximal subtree, counted from the first own sample.
    let subtrees: [Range<Int>]

    init(sampleCount: Int, grainSize: Int, rank: Int, size: Int) {
        let partition = GrainPartition(sampleCount: sampleCount, grainSize: grainSize)
        let grains = partition.grains(of: rank, size: size)
        let samples = partition.samples(of: grains)
        subtrees = CanonicalTree.maximalNodes(in: grains, grainCount: partition.grainCount).map { node in
            let own = partition.samples(of: node.grains)
            return own.lowerBound - samples.lowerBound..<own.upperBound - samples.lowerBound
        }
        self.partition = partition
        self.grains = grains
        self.samples = samples
    }
}
