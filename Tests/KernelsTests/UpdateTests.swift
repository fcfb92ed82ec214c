import KernelContract
import Kernels
import Tensors
import Testing

@Suite("Optimizer updates and tree sums equal their slow twins")
struct UpdateTests {
    private typealias Floats = UnsafeMutablePointer<Float>
    private typealias Update =
        @Sendable (
            any KernelSet, _ p: Floats, _ g: UnsafePointer<Float>, _ m: Floats, _ v: Floats, _ count: Int,
            _ posted: Floats?
        ) -> Void

    private static func adamStep(weightDecay: Float, shrinkage: Float = 1) -> AdamStep {
        AdamStep(
            stepSize: 0.01, gradientStepSize: 0.003, oneMinusBeta1: 0.1, beta2: 0.999, oneMinusBeta2: 0.001,
            inverseRootBiasCorrection2: 31.6, epsilon: 1e-8, weightDecay: weightDecay, shrinkage: shrinkage)
    }

    private static func sgd(_ step: SGDStep, hasVelocity: Bool) -> Update {
        {
            $0.updateSGD(
                parameters: $1, gradient: $2, velocity: hasVelocity ? $3 : nil, count: $5, step: step, posted: $6)
        }
    }

    private static func rootMeanSquare(_ oldWeight: Float, _ newWeight: Float, weightDecay: Float) -> Update {
        let step = RootMeanSquareStep(
            learningRate: 0.01, oldWeight: oldWeight, newWeight: newWeight, epsilon: 1e-8, weightDecay: weightDecay)
        return {
            $0.updateByRootMeanSquare(parameters: $1, gradient: $2, v: $4, count: $5, step: step, posted: $6)
        }
    }

    private static func adam(weightDecay: Float = 0, shrinkage: Float = 1) -> Update {
        let step = adamStep(weightDecay: weightDecay, shrinkage: shrinkage)
        return { $0.updateAdam(parameters: $1, gradient: $2, m: $3, v: $4, count: $5, step: step, posted: $6) }
    }

    private static func nadam(weightDecay: Float) -> Update {
        let step = adamStep(weightDecay: weightDecay)
        return { $0.updateNadam(parameters: $1, gradient: $2, m: $3, v: $4, count: $5, step: step, posted: $6) }
    }

    private static func lamb(weightDecay: Float) -> Update {
        let step = adamStep(weightDecay: weightDecay)
        return { kernels, p, g, m, v, count, _ in
            // Into a buffer of its own and over the gradient, then one added to the parameters.
            var direction = Array(UnsafeBufferPointer(start: g, count: count))
            direction.withUnsafeMutableBufferPointer { d in
                guard let d = d.baseAddress else { return }
                kernels.directLAMB(parameters: p, gradient: g, m: m, v: v, count: count, step: step, to: d)
                kernels.directLAMB(
                    parameters: p, gradient: UnsafePointer(d), m: m, v: v, count: count, step: step, to: d)
            }
            for i in 0..<count { p[i] -= direction[i] }
        }
    }

    private static let table: [(name: String, run: Update)] = [
        ("sgd", sgd(SGDStep(learningRate: 0.1), hasVelocity: false)),
        ("sgd, decay", sgd(SGDStep(learningRate: 0.1, weightDecay: 0.3), hasVelocity: false)),
        ("momentum", sgd(SGDStep(learningRate: 0.1, momentum: 0.9), hasVelocity: true)),
        ("nesterov", sgd(SGDStep(learningRate: 0.1, momentum: 0.9, isNesterov: true), hasVelocity: true)),
        (
            "nesterov, decay",
            sgd(SGDStep(learningRate: 0.1, momentum: 0.9, isNesterov: true, weightDecay: 0.3), hasVelocity: true)
        ),
        ("rmsprop", rootMeanSquare(0.99, 0.01, weightDecay: 0)),
        ("rmsprop, decay", rootMeanSquare(0.99, 0.01, weightDecay: 0.3)),
        ("adagrad", rootMeanSquare(1, 1, weightDecay: 0)),
        ("adam", adam()),
        ("adam, decay", adam(weightDecay: 0.3)),
        ("adamw", adam(shrinkage: 0.97)),
        ("nadam", nadam(weightDecay: 0)),
        ("nadam, decay", nadam(weightDecay: 0.3)),
        ("lamb", lamb(weightDecay: 0.01)),
        ("clamp", { kernels, p, g, _, _, count, _ in kernels.clamp(g, count: count, limit: 0.25, to: p) }),
        ("clamp in place", { kernels, p, _, _, _, count, _ in kernels.clamp(p, count: count, limit: 0.25, to: p) }),
        ("scale", { kernels, p, _, _, _, count, _ in kernels.scale(p, count: count, by: 0.3) }),
        ("average", { kernels, p, g, _, _, count, _ in kernels.updateAverage(p, with: g, count: count, weight: 0.1) }),
        (
            "sum of squares",
            { kernels, p, g, _, _, count, _ in
                let sum = kernels.sumOfSquares(g, count: count)
                for i in 0..<count { p[i] = sum }
            }
        ),
    ]

    @Test("every update", arguments: variants.map(\.instructionSet), table.map(\.name))
    func updates(instructionSet: InstructionSet, name: String) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        let update = try #require(Self.table.first { $0.name == name }).run
        // The small scale leaves products and state below the least normal number.
        for (count, scale) in (ElementwiseTests.counts + [1_024, 1_039]).map({ ($0, Float(1)) }) + [(1_039, 0x1p-124)] {
            func run(_ kernels: any KernelSet) -> [[UInt32]] {
                var p = randomValues(count, seed: 20)
                if count > 4 { p[3] = .nan }
                var m = [Float](repeating: 0, count: count)
                var v = m
                for step in 0..<3 {
                    let g = randomValues(count, seed: 21 + UInt64(step)).map { $0 * scale }
                    p.withUnsafeMutableBufferPointer { p in
                        m.withUnsafeMutableBufferPointer { m in
                            v.withUnsafeMutableBufferPointer { v in
                                guard let p = p.baseAddress, let m = m.baseAddress, let v = v.baseAddress else {
                                    return
                                }
                                update(kernels, p, g, m, v, count, nil)
                            }
                        }
                    }
                }
                #expect((m + v).allSatisfy { !$0.isSubnormal }, "\(name): subnormal state")
                // The bits of a NaN are not promised.
                return [p, m, v].map { bits($0.map { $0.isNaN ? .nan : $0 }) }
            }
            #expect(run(kernels) == run(reference), "\(name), count \(count), scale \(scale)")
        }
    }

    @Test(
        "new parameters are posted too", arguments: variants.map(\.instructionSet) + [reference.instructionSet],
        ["momentum", "rmsprop", "adam", "nadam"])
    func posting(instructionSet: InstructionSet, name: String) throws {
        let sets = variants as [any KernelSet] + [reference]
        let kernels = try #require(sets.first { $0.instructionSet == instructionSet })
        let update = try #require(Self.table.first { $0.name == name }).run
        // At a cache line's begin, where writing goes past the caches, and beside it.
        for (count, offset) in [(1, 0), (15, 0), (16, 0), (100, 0), (1_039, 0), (100, 3), (1_039, 16)] {
            let posted = AlignedBuffer<Float>(count: offset + count + 1)
            for i in 0..<posted.count { posted.base[i] = .infinity }
            var p = randomValues(count, seed: 20)
            var (m, v) = (randomValues(count, seed: 22), randomValues(count, seed: 23).map(abs))
            update(kernels, &p, randomValues(count, seed: 21), &m, &v, count, posted.base + offset)
            let seen = Array(UnsafeBufferPointer(start: posted.base, count: posted.count))
            let margins = [Float](repeating: .infinity, count: offset)
            #expect(bits(seen) == bits(margins + p + [.infinity]), "\(count) at \(offset)")
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
            let workspace = AlignedBuffer<Float>(count: KernelWorkspace.treeSumFloatCount)
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
