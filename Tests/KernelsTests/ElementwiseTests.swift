import KernelContract
import Kernels
import Testing

@Suite("Element-wise kernels equal their slow twins")
struct ElementwiseTests {
    static let counts = [0, 1, 15, 16, 17, 31, 33, 100]

    @Test("all 256 pixel values are correctly rounded quotients", arguments: variants.map(\.instructionSet))
    func pixels(instructionSet: InstructionSet) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        let source = (0..<271).map { UInt8(truncatingIfNeeded: $0) }
        var result = [Float](repeating: .nan, count: source.count)
        kernels.convertPixels(source, count: source.count, to: &result)
        #expect(bits(result) == bits(source.map { Float($0) / 255 }))
    }

    @Test("means are taken off, then scales put on", arguments: variants.map(\.instructionSet))
    func standardize(instructionSet: InstructionSet) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        for count in Self.counts {
            let (means, scales) = (randomValues(count, seed: 13), randomValues(count, seed: 14))
            func run(_ kernels: any KernelSet) -> [Float] {
                var x = randomValues(count + 1, seed: 15)
                kernels.standardize(&x, count: count, means: means, scales: scales)
                return x
            }
            #expect(bits(run(kernels)) == bits(run(reference)), "count \(count)")
            let x = randomValues(count + 1, seed: 15)
            let expected = (0..<count).map { (x[$0] - means[$0]) * scales[$0] } + [x[count]]
            #expect(bits(run(kernels)) == bits(expected))
        }
    }

    @Test("bias, rectifier and its gradient", arguments: variants.map(\.instructionSet))
    func elementwise(instructionSet: InstructionSet) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        for count in Self.counts {
            let special: [Float] = [.nan, .infinity, -.infinity, -0.0, 0x1p-149, -0x1p-149]
            let x = Array((special + randomValues(count, seed: 9)).prefix(count))
            let dy = randomValues(count, seed: 10)
            func run(_ kernels: any KernelSet) -> [[Float]] {
                var y = [Float](repeating: 7, count: count + 1)
                kernels.rectify(x, count: count, to: &y)
                var dx = [Float](repeating: 7, count: count + 1)
                kernels.rectifyGradient(y: y, dy: dy, count: count, to: &dx)
                var rows = randomValues(3 * (count + 2), seed: 11)
                kernels.addBias(rowCount: 3, columnCount: count, rows: &rows, rowStride: count + 2, bias: dy)
                return [y, dx, rows]
            }
            #expect(run(kernels).map(bits) == run(reference).map(bits), "count \(count)")
        }
    }

    @Test("finite values are told from the others", arguments: KernelSelection.available.map(\.instructionSet))
    func finite(instructionSet: InstructionSet) throws {
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        for count in Self.counts {
            var values = randomValues(count, seed: 12)
            #expect(kernels.allFinite(values, count: count))
            for index in values.indices {
                let kept = values[index]
                for bad in [Float.nan, .infinity, -.infinity] {
                    values[index] = bad
                    #expect(!kernels.allFinite(values, count: count))
                }
                values[index] = kept
            }
        }
    }

    @Test("softmax cross-entropy", arguments: variants.map(\.instructionSet))
    func softmaxCrossEntropy(instructionSet: InstructionSet) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        for classCount in [1, 2, 10, 16, 17, 40, 256] {
            // More than one block of 16 rows, the last one short.
            let rowCount = 21
            let stride = classCount + 3
            var logits = randomValues(rowCount * stride, seed: 13)
            // A tie: the first of two greatest counts. Far-apart logits: probabilities underflow.
            if classCount > 2 {
                logits[1] = 100
                logits[2] = 100
                logits[stride] = -200
            }
            let labels = (0..<rowCount).map { UInt8($0 * 7 % classCount) }
            let workspace = Workspace()
            func run(_ kernels: any KernelSet) -> ([UInt32], [UInt32], [UInt8]) {
                var losses = [Float](repeating: .nan, count: rowCount)
                var predictions = [UInt8](repeating: 255, count: rowCount)
                var gradient = logits
                gradient.withUnsafeMutableBufferPointer {
                    kernels.softmaxCrossEntropy(
                        rowCount: rowCount, classCount: classCount, logits: UnsafePointer($0.baseAddress!),
                        rowStride: stride,
                        labels: labels, denominator: 9, losses: &losses, predictions: &predictions,
                        gradient: $0.baseAddress!, workspace: workspace.base)
                }
                return (bits(losses), bits(gradient), predictions)
            }
            #expect(run(kernels) == run(reference), "\(classCount) classes")
            if classCount > 2 { #expect(run(kernels).2[0] == 1) }
        }
    }
}
