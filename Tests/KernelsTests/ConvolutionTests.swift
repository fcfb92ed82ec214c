import KernelContract
import Kernels
import Tensors
import Testing

/// A convolution with its batch.
struct ConvolutionCase: Sendable, CustomTestStringConvertible {
    let shape: Convolution
    let sampleCount: Int
    let grainSize: Int

    /// PyTorch's output extents. `padding` nil: as much as keeps the extents at stride 1.
    init(
        _ input: (Int, Int, Int), _ outputChannels: Int, _ kernel: (Int, Int), stride: Int = 1, padding: Int? = 0,
        samples: (Int, Int)
    ) {
        let (height, width, channels) = input
        let vertical = padding.map { 2 * $0 } ?? kernel.0 - 1
        let horizontal = padding.map { 2 * $0 } ?? kernel.1 - 1
        let window = SlidingWindow(
            inputHeight: height, inputWidth: width, kernelHeight: kernel.0, kernelWidth: kernel.1, stride: stride,
            paddingTop: vertical / 2, paddingLeft: horizontal / 2,
            outputHeight: (height + vertical - kernel.0) / stride + 1,
            outputWidth: (width + horizontal - kernel.1) / stride + 1)
        shape = Convolution(window: window, inputChannels: channels, outputChannels: outputChannels)
        sampleCount = samples.0
        grainSize = samples.1
    }

    var testDescription: String {
        let w = shape.window
        return "\(sampleCount)/\(grainSize) × [\(w.inputHeight), \(w.inputWidth), \(shape.inputChannels)], "
            + "\(w.kernelHeight)x\(w.kernelWidth) → \(shape.outputChannels), stride \(w.stride), padding \(w.paddingTop)"
    }

    static let table = [
        ConvolutionCase((5, 5, 1), 1, (1, 1), samples: (1, 8)),
        ConvolutionCase((4, 3, 17), 33, (1, 1), samples: (3, 2)),
        ConvolutionCase((6, 7, 3), 5, (1, 1), stride: 2, samples: (2, 1)),
        ConvolutionCase((7, 5, 2), 3, (1, 1), stride: 3, padding: 1, samples: (2, 1)),
        ConvolutionCase((9, 8, 1), 8, (3, 3), samples: (9, 2)),
        ConvolutionCase((28, 28, 1), 32, (3, 3), samples: (2, 1)),
        ConvolutionCase((13, 13, 32), 64, (3, 3), samples: (2, 8)),
        ConvolutionCase((7, 9, 16), 16, (3, 3), padding: nil, samples: (5, 2)),
        ConvolutionCase((7, 6, 5), 17, (3, 3), padding: 1, samples: (7, 3)),
        ConvolutionCase((8, 11, 3), 31, (5, 5), padding: 2, samples: (3, 1)),
        ConvolutionCase((11, 7, 4), 12, (5, 5), samples: (4, 4)),
        ConvolutionCase((6, 9, 6), 10, (2, 5), padding: nil, samples: (3, 2)),
        ConvolutionCase((9, 6, 7), 9, (4, 1), padding: nil, samples: (2, 1)),
        ConvolutionCase((10, 11, 4), 6, (3, 3), stride: 2, padding: 1, samples: (3, 1)),
        ConvolutionCase((9, 10, 18), 20, (3, 2), stride: 2, samples: (5, 2)),
        ConvolutionCase((12, 13, 3), 7, (5, 4), stride: 3, padding: 2, samples: (2, 1)),
        ConvolutionCase((3, 2, 2), 4, (5, 5), padding: 4, samples: (2, 2)),
        ConvolutionCase((2, 2, 3), 5, (2, 2), stride: 5, samples: (3, 1)),
        ConvolutionCase((3, 3, 2_000), 3, (3, 3), samples: (2, 1)),
        ConvolutionCase((2, 2, 4_100), 2, (3, 3), padding: 1, samples: (2, 1)),
        ConvolutionCase((6, 6, 3), 40, (3, 3), samples: (0, 8)),
        ConvolutionCase((6, 6, 3), 4, (3, 3), samples: (61, 4)),
        ConvolutionCase((3, 28, 2), 48, (3, 3), samples: (2, 1)),
        ConvolutionCase((4, 17, 5), 96, (2, 4), stride: 1, samples: (2, 1)),
        ConvolutionCase((9, 12, 1), 64, (3, 3), stride: 2, samples: (5, 2)),
        ConvolutionCase((6, 4, 32), 64, (3, 3), samples: (9, 2)),
        ConvolutionCase((3, 3, 64), 16, (3, 3), samples: (3, 1)),
        ConvolutionCase((4, 5, 96), 128, (3, 3), samples: (3, 2)),
        ConvolutionCase((17, 15, 32), 80, (3, 3), samples: (2, 1)),
        ConvolutionCase((6, 7, 32), 48, (3, 3), padding: 1, samples: (3, 2)),
        ConvolutionCase((14, 14, 16), 32, (3, 3), padding: 1, samples: (9, 4)),
        ConvolutionCase((5, 6, 32), 128, (3, 3), padding: 1, samples: (5, 2)),
        ConvolutionCase((4, 9, 48), 128, (2, 3), padding: nil, samples: (3, 2)),
        ConvolutionCase((28, 29, 3), 16, (5, 4), padding: nil, samples: (3, 2)),
        ConvolutionCase((9, 8, 16), 48, (3, 3), stride: 2, padding: 1, samples: (5, 2)),
        ConvolutionCase((8, 7, 2), 16, (2, 3), stride: 3, padding: 1, samples: (3, 2)),
        ConvolutionCase((3, 2, 16), 32, (5, 5), padding: 4, samples: (2, 2)),
        ConvolutionCase((2, 3, 16), 16, (2, 2), padding: 5, samples: (3, 2)),
        ConvolutionCase((33, 40, 64), 16, (3, 3), padding: 1, samples: (3, 2)),
    ]
}

/// Where two results part: thousands of values in a message help nobody.
private func firstDifference(_ actual: [UInt32], _ expected: [UInt32]) -> String? {
    if actual.count != expected.count { return "\(actual.count) values instead of \(expected.count)" }
    guard let index = actual.indices.first(where: { actual[$0] != expected[$0] }) else { return nil }
    return "element \(index): \(Float(bitPattern: actual[index])) instead of \(Float(bitPattern: expected[index]))"
}

/// The shares of operands other than 0 that are tried: kernels may leave zeros out where there are many.
private let densities: [Float] = [1, 0.6, 0.1]

/// The same values, about `density` of them; the others are 0 of both signs.
private func thinned(_ values: [Float], _ density: Float) -> [Float] {
    let chances = randomValues(values.count, seed: 72)
    return zip(values, chances).map { (abs($1) <= density * 2 || density == 1) ? $0 : $0 * 0 }
}

@Suite("Convolution equals its slow twin")
struct ConvolutionTests {
    @Test("forward", arguments: ConvolutionCase.table, densities)
    func forward(_ test: ConvolutionCase, density: Float) {
        let x = thinned(randomValues(max(1, test.sampleCount * test.shape.inputCount), seed: 60), density)
        let weight = randomValues(test.shape.weightCount, seed: 61)
        compare(test, count: test.sampleCount * test.shape.outputCount) { kernels, y, scratch, workspace in
            kernels.convolve(
                test.shape, sampleCount: test.sampleCount, x: x, weight: weight, y: y, scratch: scratch,
                workspace: workspace)
        }
    }

    @Test("input gradient", arguments: ConvolutionCase.table, densities)
    func inputGradient(_ test: ConvolutionCase, density: Float) {
        let dy = thinned(randomValues(max(1, test.sampleCount * test.shape.outputCount), seed: 62), density)
        let weight = randomValues(test.shape.weightCount, seed: 63)
        compare(test, count: test.sampleCount * test.shape.inputCount) { kernels, dx, scratch, workspace in
            kernels.convolutionInputGradient(
                test.shape, sampleCount: test.sampleCount, dy: dy, weight: weight, dx: dx, scratch: scratch,
                workspace: workspace)
        }
    }

    @Test("weight gradient", arguments: ConvolutionCase.table, densities)
    func weightGradient(_ test: ConvolutionCase, density: Float) {
        compareWeightGradient(test, inputDensity: 1, gradientDensity: density)
    }

    @Test("weight gradient of inputs that are 0 in part", arguments: ConvolutionCase.table, [0.6, 0.1] as [Float])
    func weightGradientOfSparseInputs(_ test: ConvolutionCase, density: Float) {
        compareWeightGradient(test, inputDensity: density, gradientDensity: 1)
    }

    private func compareWeightGradient(_ test: ConvolutionCase, inputDensity: Float, gradientDensity: Float) {
        let x = thinned(
            randomValues(max(1, test.sampleCount * test.shape.inputCount), seed: 64), inputDensity)
        let dy = thinned(
            randomValues(max(1, test.sampleCount * test.shape.outputCount), seed: 65), gradientDensity)
        compare(test, count: test.shape.weightCount) { kernels, gradient, scratch, workspace in
            kernels.convolutionWeightGradient(
                test.shape, sampleCount: test.sampleCount, grainSize: test.grainSize, x: x, dy: dy,
                gradient: gradient, scratch: scratch, workspace: workspace)
        }
    }

    private func compare(
        _ test: ConvolutionCase, count: Int,
        _ run: (
            any KernelSet, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>
        ) -> Void
    ) {
        let scratchCount = test.shape.scratchFloatCount(sampleCount: test.sampleCount)
        func result(_ kernels: any KernelSet) -> [UInt32] {
            let workspace = Workspace()
            let scratch = AlignedBuffer<Float>(count: scratchCount + 16)
            for i in 0..<scratchCount + 16 { scratch.base[i] = .nan }
            var values = [Float](repeating: .nan, count: count)
            values.withUnsafeMutableBufferPointer { buffer in
                if let base = buffer.baseAddress { run(kernels, base, scratch.base, workspace.base) }
            }
            #expect((scratchCount..<scratchCount + 16).allSatisfy { scratch.base[$0].isNaN }, "scratch overrun")
            return bits(values)
        }
        let expected = result(reference)
        for kernels in variants {
            let first = firstDifference(result(kernels), expected)
            #expect(first == nil, "\(kernels.instructionSet)")
        }
    }

    @Test("padded taps are not in the chain: zeros around the image change no bit")
    func padding() {
        let test = ConvolutionCase((5, 6, 3), 4, (3, 3), padding: 2, samples: (2, 1))
        let framed = ConvolutionCase((9, 10, 3), 4, (3, 3), samples: (2, 1))
        let x = randomValues(2 * test.shape.inputCount, seed: 66)
        let weight = randomValues(test.shape.weightCount, seed: 67)
        var frame = [Float](repeating: 0, count: 2 * framed.shape.inputCount)
        for sample in 0..<2 {
            for row in 0..<5 {
                for i in 0..<18 { frame[((sample * 9 + row + 2) * 10 + 2) * 3 + i] = x[(sample * 5 + row) * 18 + i] }
            }
        }
        var padded = [Float](repeating: .nan, count: 2 * test.shape.outputCount)
        var explicit = padded
        Reference.convolve(test.shape, sampleCount: 2, x: x, weight: weight, y: &padded)
        Reference.convolve(framed.shape, sampleCount: 2, x: frame, weight: weight, y: &explicit)
        #expect(firstDifference(bits(padded), bits(explicit)) == nil)
    }
}

@Suite("Pooling equals its slow twin")
struct PoolingTests {
    static let table = [
        ConvolutionCase((4, 4, 1), 1, (2, 2), stride: 2, samples: (3, 8)),
        ConvolutionCase((5, 7, 16), 1, (2, 2), stride: 2, samples: (2, 8)),
        ConvolutionCase((26, 26, 32), 1, (2, 2), stride: 2, samples: (2, 8)),
        ConvolutionCase((7, 6, 19), 1, (3, 3), stride: 2, samples: (3, 8)),
        ConvolutionCase((6, 5, 33), 1, (3, 2), stride: 1, samples: (2, 8)),
        ConvolutionCase((6, 6, 8), 1, (6, 6), stride: 6, samples: (2, 8)),
        ConvolutionCase((7, 8, 17), 1, (3, 3), stride: 4, samples: (0, 8)),
    ]
    static let padded = [
        ConvolutionCase((7, 8, 17), 1, (3, 3), stride: 2, padding: 1, samples: (2, 8)),
        ConvolutionCase((5, 4, 3), 1, (4, 5), stride: 3, padding: 2, samples: (3, 8)),
    ]

    @Test("greatest of a window, and where its gradient goes", arguments: table + padded)
    func greatest(_ test: ConvolutionCase) {
        let (window, channels) = (test.shape.window, test.shape.inputChannels)
        // Few values, so that windows hold their greatest more than once.
        let x = randomValues(max(1, test.sampleCount * test.shape.inputCount), seed: 68).map {
            Float(Int($0 * 3)) == 0 ? $0 * 0 : Float(Int($0 * 3))
        }
        let outputs = test.sampleCount * window.outputPositions * channels
        let dy = randomValues(max(1, outputs), seed: 69)
        compare(count: outputs) {
            $0.maxPool(window, channels: channels, sampleCount: test.sampleCount, x: x, y: $1)
        }
        compare(count: test.sampleCount * test.shape.inputCount) {
            $0.maxPoolGradient(window, channels: channels, sampleCount: test.sampleCount, x: x, dy: dy, dx: $1)
        }
    }

    @Test("average of a window and its gradient", arguments: table)
    func average(_ test: ConvolutionCase) {
        let (window, channels) = (test.shape.window, test.shape.inputChannels)
        let x = randomValues(max(1, test.sampleCount * test.shape.inputCount), seed: 70)
        let outputs = test.sampleCount * window.outputPositions * channels
        let dy = randomValues(max(1, outputs), seed: 71)
        compare(count: outputs) {
            $0.averagePool(window, channels: channels, sampleCount: test.sampleCount, x: x, y: $1)
        }
        compare(count: test.sampleCount * test.shape.inputCount) {
            $0.averagePoolGradient(window, channels: channels, sampleCount: test.sampleCount, dy: dy, dx: $1)
        }
    }

    @Test("the first of equals wins", arguments: KernelSelection.available.map(\.instructionSet))
    func firstOfEquals(instructionSet: InstructionSet) throws {
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        for channels in [1, 16, 17] {
            let window = SlidingWindow(
                inputHeight: 2, inputWidth: 2, kernelHeight: 2, kernelWidth: 2, outputHeight: 1, outputWidth: 1)
            let values: [Float] = [-2, 3, 3, 1]
            let x = values.flatMap { [Float](repeating: $0, count: channels) }
            var dx = [Float](repeating: .nan, count: 4 * channels)
            kernels.maxPoolGradient(
                window, channels: channels, sampleCount: 1, x: x, dy: [Float](repeating: 5, count: channels), dx: &dx)
            let expected: [Float] = [0, 5, 0, 0].flatMap { [Float](repeating: $0, count: channels) }
            #expect(firstDifference(bits(dx), bits(expected)) == nil, "\(channels) channels")
        }
    }

    private func compare(count: Int, _ run: (any KernelSet, UnsafeMutablePointer<Float>) -> Void) {
        func result(_ kernels: any KernelSet) -> [UInt32] {
            var values = [Float](repeating: .nan, count: count)
            values.withUnsafeMutableBufferPointer { buffer in
                if let base = buffer.baseAddress { run(kernels, base) }
            }
            return bits(values)
        }
        let expected = result(reference)
        for kernels in variants {
            let first = firstDifference(result(kernels), expected)
            #expect(first == nil, "\(kernels.instructionSet)")
        }
    }
}
