import Errors
import Models
import Tensors
import Testing

@Suite("Layers of images")
struct ImageLayerTests {
    @Test(
        "what is written is read",
        arguments: [
            (
                "conv 32 3x3",
                LayerDescription.convolution(ConvolutionDescription(outputChannels: 32, kernel: KernelSize(3, 3)))
            ),
            ("conv 8 5", .convolution(ConvolutionDescription(outputChannels: 8, kernel: KernelSize(5, 5)))),
            (
                "CONV 8 3X5 stride 2 padding 1",
                .convolution(
                    ConvolutionDescription(
                        outputChannels: 8, kernel: KernelSize(3, 5), stride: 2, padding: .zeros(1)))
            ),
            (
                "conv 8 3 padding same",
                .convolution(ConvolutionDescription(outputChannels: 8, kernel: KernelSize(3, 3), padding: .same))
            ),
            ("maxpool 2", .maxPool(PoolDescription(kernel: KernelSize(2, 2), stride: 2))),
            (
                "maxpool 3 stride 2 padding 1",
                .maxPool(PoolDescription(kernel: KernelSize(3, 3), stride: 2, padding: 1))
            ),
            ("maxpool 2x3 stride 2", .maxPool(PoolDescription(kernel: KernelSize(2, 3), stride: 2))),
            ("avgpool 4 stride 1", .averagePool(PoolDescription(kernel: KernelSize(4, 4), stride: 1))),
            ("global-avgpool", .globalAveragePool),
            ("flatten", .flatten),
        ])
    func parses(text: String, expected: LayerDescription) throws {
        #expect(try ModelText.parse(text) == [expected])
        #expect(try ModelText.parse(expected.text) == [expected])
    }

    @Test(
        "what is wrong is named",
        arguments: [
            ("conv", "\"conv\" at column 1 needs CHANNELS"),
            ("conv 8", "needs SIZE, as in \"conv CHANNELS SIZE [stride N] [padding N|same]\""),
            ("conv 8 3x", "\"3x\" at column 8 is not a kernel size such as 3 or 3x5"),
            ("conv 8 3x3x3", "is not a kernel size"),
            ("conv 8 0", "is not a kernel size"),
            ("conv 8 3 stride", "needs a number behind \"stride\""),
            ("conv 8 3 stride 0", "\"0\" at column 17 is not a size from 1 to 1000"),
            ("conv 8 3 padding full", "\"full\" at column 18 is not a size from 0 to 1000"),
            ("conv 8 3 padding 1 stride 2", "unexpected \"stride\" at column 20"),
            ("maxpool", "needs SIZE"),
            ("maxpool 2x3", "needs \"stride N\", its kernel is not square,"),
            ("maxpool 2x3 2", "\"2\" at column 13 is not \"stride\""),
            ("avgpool 2 padding 1", "unexpected \"padding\""),
        ])
    func refuses(text: String, fragment: String) {
        let failure = #expect(throws: Failure.self) { try ModelText.parse(text) }
        #expect(failure?.kind == .usage)
        #expect(failure?.message.contains(fragment) == true, "\(failure?.message ?? "")")
    }

    @Test(
        "output shapes",
        arguments: [
            ("conv 32 3x3", [28, 28], [26, 26, 32]),
            ("conv 32 3x3 padding 1", [28, 28, 3], [28, 28, 32]),
            ("conv 5 4x2 padding same", [9, 8, 3], [9, 8, 5]),
            ("conv 5 3 stride 2 padding 1", [9, 8], [5, 4, 5]),
            ("maxpool 2", [13, 12, 7], [6, 6, 7]),
            ("maxpool 3 stride 2 padding 1", [13, 12, 7], [7, 6, 7]),
            ("avgpool 2x3 stride 1", [5, 5], [4, 3, 1]),
            ("global-avgpool", [5, 4, 9], [9]),
            ("flatten", [5, 4, 3], [60]),
        ])
    func shapes(text: String, input: [Int], output: [Int]) throws {
        let network = try Network(
            ModelText.parse("\(text), flatten, dense 2"), inputShape: Shape(input), classCount: 2)
        #expect(network.layers[0].outputShape == Shape(output))
    }

    @Test(
        "shapes that do not fit name the layer and both shapes",
        arguments: [
            (
                "conv 8 3, conv 4 7x7",
                "layer 2 (\"conv 4 7x7\") has a kernel of [7, 7], larger than its input [6, 7, 8]"
            ),
            (
                "conv 8 11x2 padding 1",
                "has a kernel of [11, 2], larger than its input [8, 9, 1], with padding [10, 11]"
            ),
            ("maxpool 4, maxpool 3", "layer 2 (\"maxpool 3\") has a kernel of [3, 3], larger than its input [2, 2, 1]"),
            ("maxpool 2 padding 2", "has padding 2, more than half of its kernel [2, 2]"),
            ("avgpool 9", "has a kernel of [9, 9], larger than its input [8, 9, 1]"),
            ("conv 8 3 stride 2 padding same", "has \"padding same\", which needs stride 1 and not 2"),
            ("dense 8, conv 4 3x3", "layer 2 (\"conv 4 3x3\") needs an image"),
            ("flatten, maxpool 2", "but what comes in is [72]"),
            ("conv 1000000 1, conv 1000000 1", "would have 1000000000000 weights"),
        ])
    func misfits(text: String, fragment: String) {
        let failure = #expect(throws: Failure.self) {
            try Network(try ModelText.parse("\(text), dense 2"), inputShape: [8, 9], classCount: 2)
        }
        #expect(failure?.kind == .data)
        #expect(failure?.message.contains(fragment) == true, "\(failure?.message ?? "")")
    }

    @Test("a dense layer is stored and initialised alike with and without flatten before it")
    func flattened() throws {
        func make(_ text: String) throws -> (Network, [Float]) {
            let network = try Network(ModelText.parse(text), inputShape: [6, 5], classCount: 2)
            let buffer = AlignedBuffer<Float>(count: network.layout.floatCount)
            network.initialize(buffer.base, seed: 9)
            return (network, (0..<network.layout.floatCount).map { buffer.base[$0] })
        }
        let (direct, directValues) = try make("conv 3 2x2, relu, dense 2")
        for text in ["conv 3 2x2, relu, flatten, dense 2", "conv 3 2x2, flatten, relu, dense 2"] {
            let (network, values) = try make(text)
            #expect(network.layout.entries.map(\.storage) == direct.layout.entries.map(\.storage))
            #expect(values == directValues)
        }
        // Stored [out, channel, row, column]; in memory [row, column, channel, out].
        let dense = direct.layout.entries[2]
        let stored = directValues.withUnsafeBufferPointer { dense.stored($0.baseAddress! + dense.range.lowerBound) }
        let (out, channel, row, column) = (1, 2, 3, 1)
        #expect(
            stored[((out * 3 + channel) * 5 + row) * 4 + column]
                == directValues[dense.range.lowerBound + ((row * 4 + column) * 3 + channel) * 2 + out])
    }

    @Test("a kernel is drawn by its index in PyTorch's layout, within ±√(6 / fanIn)")
    func initialWeights() throws {
        let network = try Network(
            ModelText.parse("conv 4 3x3, conv 5 2x3, dense 2"), inputShape: [8, 8], classCount: 2)
        let buffer = AlignedBuffer<Float>(count: network.layout.floatCount)
        network.initialize(buffer.base, seed: 3)
        // Another number of output channels leaves the first ones as they are.
        let wider = try Network(
            ModelText.parse("conv 4 3x3, conv 6 2x3, dense 2"), inputShape: [8, 8], classCount: 2)
        let widerBuffer = AlignedBuffer<Float>(count: wider.layout.floatCount)
        wider.initialize(widerBuffer.base, seed: 3)
        let (kernel, widerKernel) = (network.layout.entries[2], wider.layout.entries[2])
        #expect(kernel.storage.shape == [5, 4, 2, 3])
        let stored = kernel.stored(buffer.base + kernel.range.lowerBound)
        #expect(stored == Array(widerKernel.stored(widerBuffer.base + widerKernel.range.lowerBound).prefix(120)))
        let bound = Float((6.0 / 24).squareRoot())
        #expect(stored.allSatisfy { -bound <= $0 && $0 < bound })
        #expect(stored.max()! > 0.9 * bound && stored.min()! < -0.9 * bound)
    }
}
