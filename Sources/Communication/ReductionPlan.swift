import Errors
import KernelContract
import Tensors

/// What one grain of a batch adds to the metrics, and what its worker asks of all.
package struct GrainStatistics: BitwiseCopyable, Sendable {
    package var lossSum: Double
    package var correctCount: Int
    package var requests: StepRequests

    package init(lossSum: Double, correctCount: Int, requests: StepRequests = []) {
        self.lossSum = lossSum
        self.correctCount = correctCount
        self.requests = requests
    }
}

/// What is to happen after a step. It travels with the step's statistics, so that all workers agree at no cost.
package struct StepRequests: OptionSet, BitwiseCopyable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Write a checkpoint.
    package static let save = StepRequests(rawValue: 1)
    /// Write a checkpoint and end the run.
    package static let stop = StepRequests(rawValue: 2)
    /// Copy what a checkpoint holds: it may turn out to be the best.
    package static let remember = StepRequests(rawValue: 4)
}

/// Who computes what in a batch of `grainCount` grains, worked out once.
struct ReductionPlan {
    let grainCount: Int
    /// This worker's maximal subtrees.
    let nodes: [CanonicalTree.Node]
    /// Where every worker's nodes lie, in the tree's order, from this worker's slice on.
    let sources: UnsafeMutableBufferPointer<UnsafePointer<Float>>
    let additions: UnsafeMutableBufferPointer<Int>
    /// For messages; nil where memory is shared.
    let messages: Messages?

    /// MPI's counts and offsets, by rank; stable addresses.
    struct Messages {
        let sendCounts, sendOffsets, receiveCounts, receiveOffsets: UnsafeMutablePointer<Int32>
        let statisticsCounts, statisticsOffsets: UnsafeMutablePointer<Int32>
    }

    /// `firstPartials` are the workers' first partial gradients, by rank; those out of reach (nil) arrive in `incoming`,
    /// by rank and node, as this worker's slice only.
    init(
        grainCount: Int, rank: Int, slices: [Range<Int>], firstPartials: [UnsafeMutablePointer<Float>?],
        partialStride: Int, incoming: UnsafeMutablePointer<Float>
    ) {
        let nodes = slices.indices.map { Self.nodes(of: $0, size: slices.count, grainCount: grainCount) }
        let slice = slices[rank]
        var sources: [UnsafePointer<Float>] = []
        for (other, first) in firstPartials.enumerated() {
            for index in nodes[other].indices {
                let arrival = incoming + sources.count * slice.count
                sources.append(UnsafePointer(first.map { $0 + (index * partialStride + slice.lowerBound) } ?? arrival))
            }
        }
        self.grainCount = grainCount
        self.nodes = nodes[rank]
        self.sources = .copy(of: sources)
        additions = .copy(of: CanonicalTree.additions(leaves: nodes.flatMap { $0 }, grainCount: grainCount))
        messages =
            firstPartials.contains { $0 == nil }
            ? Messages(nodes: nodes, slices: slices, rank: rank, grainCount: grainCount) : nil
    }

    func deallocate() {
        sources.deallocate()
        additions.deallocate()
        guard let messages else { return }
        messages.sendCounts.deallocate()
        messages.sendOffsets.deallocate()
        messages.receiveCounts.deallocate()
        messages.receiveOffsets.deallocate()
        messages.statisticsCounts.deallocate()
        messages.statisticsOffsets.deallocate()
    }

    /// The grains of `rank`: contiguous runs in rank order, balanced to one grain (`GrainPartition`).
    static func grains(of rank: Int, size: Int, grainCount: Int) -> Range<Int> {
        GrainPartition(sampleCount: grainCount, grainSize: 1).grains(of: rank, size: size)
    }

    static func nodes(of rank: Int, size: Int, grainCount: Int) -> [CanonicalTree.Node] {
        CanonicalTree.maximalNodes(in: grains(of: rank, size: size, grainCount: grainCount), grainCount: grainCount)
    }
}

extension UnsafeMutableBufferPointer {
    static func copy(of elements: [Element]) -> Self {
        let buffer = allocate(capacity: elements.count)
        _ = buffer.initialize(fromContentsOf: elements)
        return buffer
    }
}

extension UnsafeMutablePointer {
    static func copy(of elements: [Pointee]) -> Self {
        let pointer = allocate(capacity: max(elements.count, 1))
        pointer.initialize(from: elements, count: elements.count)
        return pointer
    }
}

extension ParameterLayout {
    /// `slice`, which begins at a block, cut into runs of whole blocks of at most `limit` floats and their gaps.
    package func runs(of slice: Range<Int>, limit: Int) -> [Range<Int>] {
        precondition(limit >= Self.blockSize + Self.alignment, "ParameterLayout: runs of \(limit) floats hold no block")
        guard !slice.isEmpty else { return [] }
        var starts = entries.flatMap {
            Array(stride(from: $0.range.lowerBound, to: $0.range.upperBound, by: Self.blockSize))
        }
        starts = starts.filter { slice.contains($0) && $0 > slice.lowerBound } + [slice.upperBound]
        var runs: [Range<Int>] = []
        var (begin, end) = (slice.lowerBound, slice.lowerBound)
        for start in starts {
            if start - begin > limit {
                runs.append(begin..<end)
                begin = end
            }
            end = start
        }
        return runs + [begin..<end]
    }
}
