import KernelContract

/// What one worker does in a batch of a given size, worked out once.
struct BatchPlan {
    let partition: GrainPartition
    /// By worker, its grains.
    let runs: [Range<Int>]
    let grains: Range<Int>
    /// The own samples, counted from the batch's first.
    let samples: Range<Int>
    /// The samples of each maximal subtree, counted from the first own sample.
    let subtrees: [Range<Int>]

    init(sampleCount: Int, grainSize: Int, rank: Int, division: GrainDivision) {
        let partition = GrainPartition(sampleCount: sampleCount, grainSize: grainSize)
        let runs = division.runs(grainCount: partition.grainCount)
        let samples = partition.samples(of: runs[rank])
        subtrees = CanonicalTree.maximalNodes(in: runs[rank], grainCount: partition.grainCount).map { node in
            let own = partition.samples(of: node.grains)
            return own.lowerBound - samples.lowerBound..<own.upperBound - samples.lowerBound
        }
        self.partition = partition
        self.runs = runs
        grains = runs[rank]
        self.samples = samples
    }

    /// A worker's samples, counted from the batch's first.
    func samples(of worker: Int) -> Range<Int> { partition.samples(of: runs[worker]) }
}
