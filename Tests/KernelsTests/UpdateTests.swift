import KernelContract
import Kernels
import Testing

@Suite("Optimizer updates and tree sums equal their slow twins")
struct UpdateTests {
    @Test("SGD with and without momentum, Adam", arguments: variants.map(\.instructionSet))
    func updates(instructionSet: InstructionSet) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        for count in ElementwiseTests.counts {
            func run(_ kernels: any KernelSet) -> [[UInt32]] {
                var p = randomValues(count, seed: 20)
                var m = [Float](repeating: 0, count: count)
                var v = m
                var velocity = m
                for step in 0..<3 {
                    let g = randomValues(count, seed: 21 + UInt64(step))
                    kernels.updateSGD(
                        parameters: &p, gradient: g, velocity: nil, count: count, learningRate: 0.1, momentum: 0)
                    velocity.withUnsafeMutableBufferPointer {
                        guard let base = $0.baseAddress else { return }
                        kernels.updateSGD(
                            parameters: &p, gradient: g, velocity: base, count: count, learningRate: 0.1, momentum: 0.9)
                    }
                    kernels.updateAdam(
                        parameters: &p, gradient: g, m: &m, v: &v, count: count,
                        step: AdamStep(
                            stepSize: 0.01, oneMinusBeta1: 0.1, beta2: 0.999, oneMinusBeta2: 0.001,
                            inverseRootBiasCorrection2: 31.6, epsilon: 1e-8))
                }
                return [p, m, v, velocity].map(bits)
            }
            #expect(run(kernels) == run(reference), "count \(count)")
        }
    }

    @Test("tree sums from any leaves", arguments: variants.map(\.instructionSet), Array(1...17))
    func treeSum(instructionSet: InstructionSet, grainCount: Int) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        let leaves = (0..<grainCount).map { CanonicalTree.Node(first: $0, count: 1) }
        let additions = CanonicalTree.additions(leaves: leaves, grainCount: grainCount)
        let count = 1_100
        let offset = 5
        let values = (0..<grainCount).map { randomValues(offset + count, seed: 30 + UInt64($0)) }
        let expected = (offset..<offset + count).map { index in
            CanonicalTree.sum(values.map { $0[index] }, zero: 0, +)
        }
        for set in [kernels, reference] as [any KernelSet] {
            var sum = [Float](repeating: .nan, count: count)
            let workspace = Workspace()
            let sources = values.map { value -> UnsafePointer<Float> in
                let copy = UnsafeMutablePointer<Float>.allocate(capacity: value.count)
                copy.initialize(from: value, count: value.count)
                return UnsafePointer(copy)
            }
            defer { sources.forEach { $0.deallocate() } }
            sources.withUnsafeBufferPointer { sources in
                additions.withUnsafeBufferPointer { additions in
                    set.treeSum(
                        sources, additions: additions, offset: offset, count: count, to: &sum,
                        workspace: workspace.base)
                }
            }
            #expect(bits(sum) == bits(expected), "\(set.instructionSet)")
        }
    }
}
