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
    /// Begin a new measurement of the workers' speeds.
    package static let measure = StepRequests(rawValue: 8)
}

/// Who computes what in a batch of `grainCount` grains, worked out once.
struct ReductionPlan {
    let grainCount: Int
    /// This worker's maximal subtrees.
    let nodes: [CanonicalTree.Node]
    /// Where subtrees lie that make up the whole tree, in its order, from this worker's slice on: of this host, those of its
    /// workers; of each other host, its own.
    let sources: UnsafeMutableBufferPointer<UnsafePointer<Float>>
    let additions: UnsafeMutableBufferPointer<Int>

    /// `firstPartials` are the first partial gradients of this host's workers, by rank; `arrivals` is where other hosts' nodes
    /// arrive, one after the other, as this worker's slice only.
    init(
        grainCount: Int, division: GrainDivision, rank: Int, slice: Range<Int>, hosts: Hosts,
        firstPartials: [UnsafeMutablePointer<Float>?], partialStride: Int, arrivals: UnsafePointer<Float>?
    ) {
        let trees = HostTrees(hosts, division, grainCount: grainCount)
        var leaves: [CanonicalTree.Node] = []
        var sources: [UnsafePointer<Float>] = []
        var arrivalCount = 0
        for (host, members) in hosts.members.enumerated() {
            guard host == hosts.own else {
                leaves += trees.nodes[host]
                for _ in trees.nodes[host] {
                    sources.append(arrivals! + arrivalCount * slice.count)
                    arrivalCount += 1
                }
                continue
            }
            for worker in members {
                for (index, node) in trees.workerNodes[worker].enumerated() {
                    leaves.append(node)
                    sources.append(UnsafePointer(firstPartials[worker]! + (index * partialStride + slice.lowerBound)))
                }
            }
        }
        self.grainCount = grainCount
        nodes = trees.workerNodes[rank]
        self.sources = .copy(of: sources)
        additions = .copy(of: CanonicalTree.additions(leaves: leaves, grainCount: grainCount))
    }

    func deallocate() {
        sources.deallocate()
        additions.deallocate()
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

extension UnsafeMutablePointer where Pointee == Float {
    /// Memory for `count` floats, all 0.
    static func zeros(_ count: Int) -> Self {
        let pointer = allocate(capacity: max(count, 1))
        pointer.initialize(repeating: 0, count: max(count, 1))
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
