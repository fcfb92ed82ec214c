import Models
import Testing

@Suite("Model summary")
struct ModelSummaryTests {
    /// Parameter counts as Keras's `summary` prints them for the same networks.
    @Test(
        "shapes, parameters and operations",
        arguments: [
            ("dense 128, relu, dense 10", [[128], [128], [10]], [100_480, 0, 1_290], 203_264.0),
            (
                "conv 32 3x3, maxpool 2, conv 64 3x3, maxpool 2, dense 128, dense 10",
                [[26, 26, 32], [13, 13, 32], [11, 11, 64], [5, 5, 64], [128], [10]],
                [320, 0, 18_496, 0, 204_928, 1_290], 5_262_080.0
            ),
        ])
    func summary(model: String, shapes: [[Int]], parameters: [Int], flops: Double) throws {
        let network = try Network(ModelText.parse(model), inputShape: [28, 28], classCount: nil)
        let summary = ModelSummary(network)
        #expect(summary.rows.map(\.outputShape) == shapes)
        #expect(summary.rows.map(\.parameters) == parameters)
        #expect(summary.parameters == parameters.reduce(0, +) && summary.flops == flops)
        #expect(summary.parameterByteCount == 4 * summary.parameters)
        #expect(network.outputCount == 10)
    }
}
