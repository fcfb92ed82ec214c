import Kernels
import Models
import Testing
import Training

/// Which weights workers read where another has posted them.
@Suite("Weights read in place")
struct ReadAheadTests {
    private static func parts(
        _ model: String, density: Double, sampleCount: Int = 32, kernels: String? = nil
    ) throws -> [(name: String, range: Range<Int>)] {
        let network = try Network(ModelText.parse(model), inputShape: [28, 28], classCount: 10)
        let kernels = KernelSelection.available.filter { kernels == nil || $0.instructionSet.rawValue == kernels }[0]
        let ranges = network.weightsReadAhead(
            density: [Double](repeating: density, count: 196), sampleCount: sampleCount, kernels: kernels)
        return network.layout.entries.flatMap { entry in
            ranges.filter { $0.upperBound == entry.range.upperBound }.map {
                (entry.name, $0.lowerBound - entry.range.lowerBound..<entry.range.count)
            }
        }
    }

    private static func names(
        _ model: String, density: Double, sampleCount: Int = 32, kernels: String? = nil
    ) throws -> [String] {
        try parts(model, density: density, sampleCount: sampleCount, kernels: kernels).map(\.name)
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

    /// Nothing comes before the first layer's product in which what it begins with could be asked for.
    @Test func withoutTheFirstBlock() throws {
        #expect(
            try Self.parts("dense 128, relu, dense 64, relu, dense 10", density: 0.5).map(\.range)
                == [8_192..<100_352, 0..<8_192])
        #expect(try Self.parts("dense 64, tanh, dense 10", density: 0.5).map(\.range) == [4_096..<50_176])
        #expect(try Self.parts("flatten, dense 1024, relu, dense 10", density: 1).map(\.range) == [8_192..<802_816])
    }

    @Test func largeOnes() throws {
        #expect(try Self.names("dense 1024, tanh, dense 1024, tanh, dense 10", density: 1) == ["0.weight", "2.weight"])
    }

    @Test func slowTwinCopies() throws {
        #expect(
            try Self.names("dense 1024, relu, dense 1024, relu, dense 10", density: 0.5, kernels: "reference").isEmpty)
    }
}
