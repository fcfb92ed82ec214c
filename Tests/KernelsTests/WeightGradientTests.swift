import KernelContract
import Kernels
import Testing

@Suite("Weight gradient equals the canonical tree")
struct WeightGradientTests {
    static let inputs = [1, 2, 5, 6, 7, 12, 13, 25]
    static let outputs = [1, 10, 15, 16, 17, 32, 33, 49]
    /// (samples, grain size): whole and short last grains, one grain, odd numbers of grains, many grains.
    static let batches = [
        (0, 8), (1, 8), (7, 8), (8, 8), (9, 8), (16, 8), (17, 8), (24, 8), (61, 8), (64, 8), (5, 1), (40, 3),
    ]

    @Test("every size and number of grains", arguments: variants.map(\.instructionSet))
    func table(instructionSet: InstructionSet) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        for (sampleCount, grainSize) in Self.batches {
            for inputFeatures in Self.inputs {
                for outputFeatures in Self.outputs {
                    compare(kernels, inputFeatures, outputFeatures, sampleCount, grainSize, padding: inputFeatures % 2)
                }
            }
        }
    }

    @Test("one worker's subtrees give the whole tree", arguments: variants.map(\.instructionSet), [1, 2, 3, 5, 8])
    func split(instructionSet: InstructionSet, workerCount: Int) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        let partition = GrainPartition(sampleCount: 61, grainSize: 8)
        let (inputFeatures, outputFeatures) = (9, 20)
        let x = randomValues(61 * inputFeatures, seed: 4)
        let dy = randomValues(61 * outputFeatures, seed: 5)
        let whole = gradient(kernels, x, dy, inputFeatures, outputFeatures, 61, 8, padding: 0)

        var nodes: [CanonicalTree.Node] = []
        var partials: [[Float]] = []
        for rank in 0..<workerCount {
            let run = partition.grains(of: rank, size: workerCount)
            for node in CanonicalTree.maximalNodes(in: run, grainCount: partition.grainCount) {
                let samples = partition.samples(of: node.grains)
                nodes.append(node)
                partials.append(
                    gradient(
                        kernels, Array(x[samples.lowerBound * inputFeatures..<samples.upperBound * inputFeatures]),
                        Array(dy[samples.lowerBound * outputFeatures..<samples.upperBound * outputFeatures]),
                        inputFeatures, outputFeatures, samples.count, 8, padding: 0))
            }
        }
        let additions = CanonicalTree.additions(leaves: nodes, grainCount: partition.grainCount)
        var sum = [Float](repeating: 0, count: whole.count)
        let workspace = Workspace()
        let sources = partials.map { partial -> UnsafePointer<Float> in
            let copy = UnsafeMutablePointer<Float>.allocate(capacity: partial.count)
            copy.initialize(from: partial, count: partial.count)
            return UnsafePointer(copy)
        }
        defer { sources.forEach { $0.deallocate() } }
        sources.withUnsafeBufferPointer { sources in
            additions.withUnsafeBufferPointer { additions in
                sum.withUnsafeMutableBufferPointer {
                    kernels.treeSum(
                        sources, additions: additions, offset: 0, count: whole.count, to: $0.baseAddress!,
                        workspace: workspace.base)
                }
            }
        }
        #expect(bits(sum) == bits(whole))
    }

    @Test("rows that meet in few cache sets, whose operands are copied", arguments: variants.map(\.instructionSet))
    func packed(instructionSet: InstructionSet) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        // (inputs, outputs, the part of both): one block of inputs and several, whole and left-over tiles and columns.
        let parts = [
            (256, 130, 0..<256, 0..<130), (256, 200, 3..<20, 7..<200), (30, 256, 0..<30, 0..<256),
            (512, 128, 0..<512, 0..<128), (14, 512, 1..<8, 100..<400), (768, 256, 700..<767, 0..<255),
        ]
        // One and several workers; 520 are more than are copied.
        let batches: [([Int], Int)] = [
            ([64], 8), ([96, 61], 8), ([48, 32, 16, 9], 16), ([512], 32), ([520], 8), ([72], 3),
        ]
        for (samples, grainSize) in batches {
            for (inputs, outputs, inputRange, outputRange) in parts {
                let work = GradientWork(
                    samples: samples, grainSize: grainSize, inputs: inputs, outputs: outputs, share: 100,
                    isMarked: false)
                #expect(
                    work.run(kernels, inputRange, outputRange) == work.run(reference, inputRange, outputRange),
                    "\(samples) samples, grain \(grainSize), [\(inputs), \(outputs)], \(inputRange), \(outputRange)")
            }
        }
    }

    @Test("bias gradient", arguments: variants.map(\.instructionSet))
    func bias(instructionSet: InstructionSet) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        for (sampleCount, grainSize) in Self.batches {
            for columnCount in Self.outputs {
                let rows = randomValues(max(1, sampleCount * (columnCount + 1)), seed: 6)
                let workspace = Workspace()
                func run(_ kernels: any KernelSet) -> [Float] {
                    var sums = [Float](repeating: .nan, count: columnCount)
                    sums.withUnsafeMutableBufferPointer {
                        kernels.biasGradient(
                            rowCount: sampleCount, columnCount: columnCount, grainSize: grainSize, rows: rows,
                            rowStride: columnCount + 1, sums: $0.baseAddress!, workspace: workspace.base)
                    }
                    return sums
                }
                #expect(bits(run(kernels)) == bits(run(reference)), "\(sampleCount) samples, \(columnCount) columns")
            }
        }
    }

    private func compare(
        _ kernels: any KernelSet, _ inputFeatures: Int, _ outputFeatures: Int, _ sampleCount: Int, _ grainSize: Int,
        padding: Int
    ) {
        let x = randomValues(max(1, sampleCount * (inputFeatures + padding)), seed: 7)
        let dy = randomValues(max(1, sampleCount * (outputFeatures + padding)), seed: 8)
        let actual = gradient(kernels, x, dy, inputFeatures, outputFeatures, sampleCount, grainSize, padding: padding)
        let expected = gradient(
            reference, x, dy, inputFeatures, outputFeatures, sampleCount, grainSize, padding: padding)
        #expect(
            bits(actual) == bits(expected),
            "\(kernels.instructionSet) [\(inputFeatures), \(outputFeatures)] \(sampleCount) samples, grain \(grainSize)"
        )
    }

    private func gradient(
        _ kernels: any KernelSet, _ x: [Float], _ dy: [Float], _ inputFeatures: Int, _ outputFeatures: Int,
        _ sampleCount: Int, _ grainSize: Int, padding: Int
    ) -> [Float] {
        var result = [Float](repeating: .nan, count: inputFeatures * (outputFeatures + padding))
        let workspace = Workspace()
        result.withUnsafeMutableBufferPointer { result in
            x.withUnsafeBufferPointer { x in
                dy.withUnsafeBufferPointer { dy in
                    kernels.weightGradient(
                        inputFeatures: inputFeatures, outputFeatures: outputFeatures, sampleCount: sampleCount,
                        grainSize: grainSize, x: x.baseAddress!, xStride: inputFeatures + padding,
                        dy: dy.baseAddress!, dyStride: outputFeatures + padding, gradient: result.baseAddress!,
                        gradientStride: outputFeatures + padding, workspace: workspace.base)
                }
            }
        }
        return result
    }
}
