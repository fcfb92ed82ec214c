import Kernels
import Models
import Testing
import Training

/// Which weights workers read where another has posted them.
@Suite("Weights read in place")
struct ReadAheadTests {
    private static func names(
        _ model: String, density: Double, sampleCount: Int = 32, kernels: String? = nil
    ) throws -> [String] {
        let network = try Network(ModelText.parse(model), inputShape: [28, 28], classCount: 10)
        let kernels = KernelSelection.available.filter { kernels == nil || $0.instructionSet.rawValue == kernels }[0]
        let ranges = network.tensorsReadAhead(
            density: [Double](repeating: density, count: 196), sampleCount: sampleCount, kernels: kernels)
        return network.layout.entries.filter { ranges.contains($0.range) }.map(\.name)
    }

    @Test func ofPixelsAndBehindRectifiers() throws {
        let model = "dense 128, relu, dense 64, relu, dense 10"
        #expect(try Self.names(model, density: 0.5) == ["0.weight", "2.weight"])
        // The output layer is too narrow, and eight samples do not pay for looking for zeros.
        #expect(try Self.names(model, density: 0.5, sampleCount: 8) == ["0.weight"])
        #expect(
            try Self.names("dense 128, tanh, dense 64, relu, dropout 0.2, dense 64, relu, dense 10", density: 0.5)
                == ["0.weight", "5.weight"])
    }

    @Test func ofManyColumns() throws {
        // Marks say nothing of these pixels.
        #expect(try Self.names("dense 100, relu, dense 64, tanh, dense 10", density: 1) == ["2.weight"])
        #expect(try Self.names("dense 100, tanh, dense 128, tanh, dense 10", density: 1) == ["2.weight"])
    }

    @Test func largeOnes() throws {
        #expect(try Self.names("dense 1024, tanh, dense 1024, tanh, dense 10", density: 1) == ["0.weight", "2.weight"])
    }

    @Test func slowTwinCopies() throws {
        #expect(
            try Self.names("dense 1024, relu, dense 1024, relu, dense 10", density: 0.5, kernels: "reference").isEmpty)
    }
}
