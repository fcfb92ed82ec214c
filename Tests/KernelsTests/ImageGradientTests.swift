import KernelContract
import Kernels
import Testing

/// The slow twins in Double against central differences. All values are small multiples of 1/64, so that sums are exact
/// but for the divisions of averages, and the step is smaller than half the distance between two values.
@Suite("Gradients of convolution and pooling against central differences")
struct ImageGradientTests {
    static let step = 0x1p-8
    static let table = [
        ConvolutionCase((5, 6, 2), 3, (3, 3), samples: (2, 1)),
        ConvolutionCase((6, 5, 2), 2, (2, 3), padding: nil, samples: (3, 2)),
        ConvolutionCase((7, 8, 1), 2, (3, 2), stride: 2, padding: 1, samples: (2, 8)),
        ConvolutionCase((6, 7, 2), 3, (2, 2), stride: 3, samples: (3, 1)),
    ]

    @Test("convolution", arguments: table)
    func convolution(_ test: ConvolutionCase) {
        let shape = test.shape
        let x = distinct(test.sampleCount * shape.inputCount)
        let weight = distinct(shape.weightCount)
        let dy = distinct(test.sampleCount * shape.outputCount)
        func output(_ x: [Double], _ weight: [Double]) -> [Double] {
            var y = dy
            Reference.convolve(shape, sampleCount: test.sampleCount, x: x, weight: weight, y: &y)
            return y
        }
        var dx = x
        Reference.convolutionInputGradient(shape, sampleCount: test.sampleCount, dy: dy, weight: weight, dx: &dx)
        expectGradient(dx, at: x, dy) { output($0, weight) }
        var gradient = weight
        Reference.convolutionWeightGradient(
            shape, partition: GrainPartition(sampleCount: test.sampleCount, grainSize: test.grainSize), x: x, dy: dy,
            gradient: &gradient)
        expectGradient(gradient, at: weight, dy) { output(x, $0) }
    }

    @Test("greatest and average of windows", arguments: table.filter { $0.shape.window.paddingTop == 0 })
    func pooling(_ test: ConvolutionCase) {
        let (window, channels, count) = (test.shape.window, test.shape.inputChannels, test.sampleCount)
        let x = distinct(count * test.shape.inputCount)
        let dy = distinct(count * window.outputPositions * channels)
        var dx = x
        Reference.maxPoolGradient(window, channels: channels, sampleCount: count, x: x, dy: dy, dx: &dx)
        expectGradient(dx, at: x, dy) {
            var y = dy
            Reference.maxPool(window, channels: channels, sampleCount: count, x: $0, y: &y)
            return y
        }
        Reference.averagePoolGradient(window, channels: channels, sampleCount: count, dy: dy, dx: &dx)
        expectGradient(dx, at: x, dy) {
            var y = dy
            Reference.averagePool(window, channels: channels, sampleCount: count, x: $0, y: &y)
            return y
        }
    }

    /// A permutation of multiples of 1/64 around 0.
    private func distinct(_ count: Int) -> [Double] {
        let factor = [7, 11, 13, 17, 19].first { count % $0 != 0 } ?? 1
        return (0..<count).map { Double(($0 * factor + 5) % count - count / 2) / 64 }
    }

    /// The gradient of `Σ dy · output(x)`.
    private func expectGradient(
        _ gradient: [Double], at x: [Double], _ dy: [Double], _ output: ([Double]) -> [Double]
    ) {
        func value(_ x: [Double]) -> Double { zip(output(x), dy).reduce(0) { $0 + $1.0 * $1.1 } }
        for index in x.indices {
            var shifted = x
            shifted[index] = x[index] + Self.step
            let above = value(shifted)
            shifted[index] = x[index] - Self.step
            let slope = (above - value(shifted)) / (2 * Self.step)
            #expect(abs(slope - gradient[index]) < 1e-9, "element \(index): \(gradient[index]), slope \(slope)")
        }
    }
}
