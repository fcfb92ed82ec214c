import KernelContract
import Kernels
import Models
import Tensors
import Testing
import Understanding

/// Layers of the slow twins by themselves: their backward passes against central differences in Double.
@Suite("Layers of the slow twins against differences")
struct ReferenceLayerTests {
    struct Example: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let network: ReferenceNetwork<Double>

        init(
            _ name: String, _ input: Shape, _ output: Shape, tensors: [(String, Shape)],
            _ layer: ([Range<Int>]) -> any ReferenceLayer<Double>
        ) {
            var layout = ParameterLayout()
            let ranges = tensors.map { layout.append("0.\($0)", $1) }
            testDescription = "\(name) on \(input)"
            network = ReferenceNetwork(layers: [layer(ranges)], layout: layout, inputShape: input, outputShape: output)
        }
    }

    static func batchNorm(_ shape: Shape) -> Example {
        let channels: Shape = [shape.extents[shape.extents.count - 1]]
        return Example("batch norm", shape, shape, tensors: [("weight", channels), ("bias", channels)]) {
            ReferenceBatchNorm(inputShape: shape, gamma: $0[0], beta: $0[1])
        }
    }

    static func layerNorm(_ shape: Shape) -> Example {
        Example("layer norm", shape, shape, tensors: [("weight", shape), ("bias", shape)]) {
            ReferenceLayerNorm(inputShape: shape, gamma: $0[0], beta: $0[1])
        }
    }

    static func transposed(_ input: Shape, _ output: Shape, _ kernel: KernelSize, stride: Int, padding: Int) -> Example
    {
        let weight: Shape = [kernel.height, kernel.width, output.extents[2], input.extents[2]]
        return Example(
            "transposed convolution to \(output)", input, output,
            tensors: [("weight", weight), ("bias", [output.extents[2]])]
        ) {
            ReferenceTransposedConvolution(
                kernel: kernel, stride: stride, padding: padding, inputShape: input, outputShape: output,
                weight: $0[0], bias: $0[1])
        }
    }

    static func residual() -> Example {
        Example("residual", [4], [4], tensors: [("weight", [4]), ("bias", [4]), ("weight", [4]), ("bias", [4])]) {
            ReferenceResidual(
                inputShape: [4], outputShape: [4],
                body: [
                    ReferenceBatchNorm(inputShape: [4], gamma: $0[0], beta: $0[1]), ReferenceSoftmax(inputShape: [4]),
                ], shortcut: [ReferenceLayerNorm(inputShape: [4], gamma: $0[2], beta: $0[3])])
        }
    }

    static let examples = [
        batchNorm([6]), batchNorm([2, 3, 4]), batchNorm([1]), layerNorm([7]), layerNorm([2, 3, 3]), layerNorm([20]),
        Example("softmax", [6], [6], tensors: []) { _ in ReferenceSoftmax(inputShape: [6]) },
        Example("softmax", [2, 20], [2, 20], tensors: []) { _ in ReferenceSoftmax(inputShape: [2, 20]) },
        transposed([3, 4, 2], [5, 6, 3], KernelSize(3, 3), stride: 1, padding: 0),
        transposed([3, 2, 3], [6, 4, 2], KernelSize(2, 2), stride: 2, padding: 0),
        transposed([3, 3, 2], [6, 6, 2], KernelSize(3, 3), stride: 2, padding: 1),
        Example("residual of the input", [5], [5], tensors: []) { _ in
            ReferenceResidual(
                inputShape: [5], outputShape: [5], body: [ReferenceSoftmax(inputShape: [5])], shortcut: [])
        },
        residual(),
    ]

    @Test("backward", arguments: examples, [1, 2] as [UInt64])
    func backward(_ example: Example, seed: UInt64) throws {
        let values = CheckValues(seed: seed)
        let rows = try DifferenceProblem(example.network, loss: nil, values: values).rows(limit: .max, values: values)
        for row in rows { #expect(row.passed && row.skipped == 0, "\(row)") }
    }

    @Test("batch norm of one row is beta, without a gradient")
    func batchNormOfOne() throws {
        let layer = ReferenceBatchNorm<Float>(inputShape: [3], gamma: 0..<3, beta: 3..<6)
        let batch = ReferenceBatch(GrainPartition(sampleCount: 1, grainSize: 8), mode: .evaluation)
        let parameters: [Float] = [2, 3, 4, 0.5, -1, 7]
        let y = layer.forward([5, -6, 1e9], parameters: parameters, batch: batch)
        #expect(y == [0.5, -1, 7])
        let network = ReferenceNetwork<Float>(
            layers: [layer], layout: ParameterLayout(), inputShape: [3], outputShape: [3])
        var gradients = [Float](repeating: 9, count: 6)
        let dx = network.chain.backward(
            [[5, -6, 1e9], y], outputGradient: [1, 2, 3], parameters: parameters, batch: batch, gradients: &gradients)[
                0]
        #expect(dx == [0, 0, 0] && gradients == [0, 0, 0, 1, 2, 3])
    }

    @Test("running statistics take the unbiased variance, and nothing from a batch of one")
    func runningStatistics() {
        let x: [Double] = [1, 10, 3, 30, 8, 80]
        let statistics = Reference.batchStatistics(
            positions: 1, channels: 2, partition: GrainPartition(sampleCount: 3, grainSize: 2), x: x)
        #expect(statistics.mean == [4, 40] && statistics.squareSum == [26, 2_600])
        var (mean, variance) = ([0.0, 10], [1.0, 1])
        Reference.updateRunningStatistics(statistics, count: 3, mean: &mean, variance: &variance)
        #expect((mean[0] - 0.4).magnitude < 1e-15 && (mean[1] - 13).magnitude < 1e-14)
        #expect((variance[0] - 2.2).magnitude < 1e-15 && (variance[1] - 130.9).magnitude < 1e-13)
        let before = (mean, variance)
        Reference.updateRunningStatistics(statistics, count: 1, mean: &mean, variance: &variance)
        #expect(mean == before.0 && variance == before.1)
    }

    @Test("normalised rows have mean 0 and variance 1")
    func normalised() {
        let layer = ReferenceLayerNorm<Double>(inputShape: [40], gamma: 0..<40, beta: 40..<80)
        let x = (0..<40).map { Double($0 * $0 % 17) }
        let y = layer.forward(
            x, parameters: [Double](repeating: 1, count: 40) + [Double](repeating: 0, count: 40),
            batch: ReferenceBatch(GrainPartition(sampleCount: 1, grainSize: 1), mode: .evaluation))
        #expect((y.reduce(0, +) / 40).magnitude < 1e-14)
        #expect((y.reduce(0) { $0 + $1 * $1 } / 40 - 1).magnitude < 1e-5)
    }
}
