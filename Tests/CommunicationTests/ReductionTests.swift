import Communication
import CommunicationProbe
import Errors
import KernelContract
import Kernels
import Tensors
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ReductionTests {
    private static let grainCounts = Array(1...17)
    private static let expected = ReferenceReduction.expected(
        layout: ReferenceReduction.layout, grainCounts: grainCounts)

    /// The sum, the statistics and the parameters are those of one scalar tree, for any number of workers.
    @Test(arguments: [1, 2, 3, 4, 5, 7, 8, 11]) func equalsTheScalarTree(size: Int) throws {
        let layout = ReferenceReduction.layout
        let outcomes = try withWorkers(size == 1 ? .solo : .threads(size)) { communicator in
            try ReferenceReduction.run(communicator, layout: layout, grainCounts: Self.grainCounts)
        }
        #expect(outcomes.map(\.slice) == (0..<size).map { layout.slice(of: $0, size: size) })
        for step in Self.grainCounts.indices {
            #expect(outcomes.flatMap { $0.gradients[step] } == Self.expected.gradients[step])
        }
        for outcome in outcomes {
            #expect(outcome.isShared)
            #expect(outcome.statistics == Self.expected.statistics)
            #expect(outcome.parameters == Self.expected.parameters)
        }
    }

    /// What others post is seen in place, but for what shares a page with own parameters, which is copied.
    @Test(arguments: [1, 2, 3, 5, 8]) func parametersOfOthersAreSeenInPlace(size: Int) throws {
        let layout = ReferenceReduction.layout
        let outcomes = try withWorkers(.threads(size)) { communicator in
            try ReferenceReduction.run(communicator, layout: layout, grainCounts: Self.grainCounts)
        }
        let page = 1_024
        for outcome in outcomes {
            #expect(outcome.parameters == Self.expected.parameters)
            let slice = outcome.slice
            let after = slice.upperBound == layout.floatCount ? 0 : (page - slice.upperBound % page) % page
            let copied = slice.lowerBound % page + min(after, layout.floatCount - slice.upperBound)
            #expect(outcome.copiedFloatCount == (size == 1 ? 0 : copied), "\(slice) of \(layout.floatCount)")
        }
    }

    /// The made-up gradients must be able to show a wrong order of additions.
    @Test func anotherOrderGivesOtherBits() {
        let left = (0..<17).map { ReferenceReduction.gradient(step: 0, grain: $0, index: 5) }.reduce(0, +)
        let differing = (0..<1_000).filter { index in
            let chain = (0..<17).map { ReferenceReduction.gradient(step: 0, grain: $0, index: index) }.reduce(0, +)
            return chain != ReferenceReduction.sum(step: 0, node: .init(first: 0, count: 17), index: index)
        }
        #expect(left.isFinite && differing.count > 300)
    }

    @Test(arguments: [1, 2, 3, 7, 11, 40]) func runsCoverTheSliceFromBlockToBlock(size: Int) {
        var layout = ParameterLayout()
        for (index, extent) in [5_000, 3, 1_024, 2_049, 12, 9_999, 1_023].enumerated() {
            layout.append("tensor \(index)", [extent])
        }
        let starts = Set(
            layout.entries.flatMap { Array(stride(from: $0.range.lowerBound, to: $0.range.upperBound, by: 1_024)) })
        let limit = 4 * ParameterLayout.blockSize + 4 * ParameterLayout.alignment
        for rank in 0..<size {
            let slice = layout.slice(of: rank, size: size)
            let runs = layout.runs(of: slice, limit: limit)
            #expect(runs.allSatisfy { starts.contains($0.lowerBound) && !$0.isEmpty && $0.count <= limit })
            #expect(zip(runs, runs.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
            #expect(slice.isEmpty ? runs.isEmpty : runs.first?.lowerBound == slice.lowerBound)
            #expect(slice.isEmpty || runs.last?.upperBound == slice.upperBound)
        }
    }

    @Test(arguments: [1, 3]) func messagePassingReductionNeedsRanks(size: Int) {
        #expect {
            try withWorkers(size == 1 ? .solo : .threads(size)) { communicator in
                let reducer = try GradientReducer(
                    communicator: communicator, layout: ReferenceReduction.layout, grainCounts: [4],
                    kernels: ReferenceKernels(), mode: .mpi)
                return reducer.slice.count
            }
        } throws: { error in
            let failure = error as? Failure
            return failure?.kind == .usage && failure?.message.hasPrefix("--reduction mpi needs ranks") == true
        }
    }

    @Test func aFailureWhileParametersAreSetIsThrownByAll() {
        #expect {
            try withWorkers(.threads(3)) { communicator in
                let reducer = try GradientReducer(
                    communicator: communicator, layout: ReferenceReduction.layout, grainCounts: [4],
                    kernels: ReferenceKernels())
                try reducer.setParameters { _ in throw Failure(.data, "no weights") }
            }
        } throws: { error in
            let failure = error as? Failure
            return failure?.kind == .data && failure?.message.hasSuffix(": no weights") == true
        }
    }

    /// A worker that cannot apply its update frees the others, which wait in `publish`.
    @Test(arguments: [2, 8]) func aFailingUpdateFreesTheOthers(size: Int) {
        #expect {
            try withWorkers(.threads(size)) { communicator in
                let reducer = try GradientReducer(
                    communicator: communicator, layout: ReferenceReduction.layout, grainCounts: [8],
                    kernels: ReferenceKernels())
                try reducer.collect(grainCount: 8)
                try reducer.reduce(reducer.runs(), grainCount: 8) { _, _ in
                    if communicator.rank == 1 { throw Failure(.notFinite, "not finite") }
                }
                reducer.post(reducer.slice)
                try reducer.publish()
            }
        } throws: { error in (error as? Failure)?.kind == .notFinite }
    }
}
