import Models
import Tensors
import Testing

@Suite("Initial weights")
struct InitializationTests {
    private func weights(_ seed: UInt64) throws -> (Network, [Float]) {
        let network = try Network(ModelText.parse("dense 64, relu, dense 10"), inputShape: [28, 28], classCount: 10)
        let buffer = AlignedBuffer<Float>(count: network.layout.floatCount)
        network.initialize(buffer.base, seed: seed)
        return (network, (0..<network.layout.floatCount).map { buffer.base[$0] })
    }

    @Test("uniform within ±1/√inputFeatures, as PyTorch's nn.Linear")
    func bounds() throws {
        let (network, values) = try weights(3)
        for (entry, fan) in zip(network.layout.entries, [784, 784, 64, 64]) {
            let bound = Float(1 / Double(fan).squareRoot())
            let own = values[entry.range]
            #expect(own.allSatisfy { -bound <= $0 && $0 < bound }, "\(entry.name)")
            #expect(own.max()! > 0.5 * bound && own.min()! < -0.5 * bound, "\(entry.name)")
            guard own.count > 1_000 else { continue }
            let mean = own.reduce(0, +) / Float(own.count)
            let variance = own.reduce(0) { $0 + $1 * $1 } / Float(own.count)
            #expect(abs(mean) < 0.01 * bound * 3)
            #expect(abs(variance / (bound * bound / 3) - 1) < 0.05)
        }
    }

    @Test("keyed by seed, parameter and index in PyTorch's layout")
    func keys() throws {
        let (network, values) = try weights(3)
        #expect(try weights(3).1 == values)
        #expect(try weights(4).1 != values)
        let first = network.layout.entries[0]
        let second = network.layout.entries[1]
        #expect(values[first.range.lowerBound] != values[second.range.lowerBound])
        // Element (out 0, in i) of PyTorch's [out, in] is drawn at i, so it lies in memory 64 apart.
        let wider = try Network(ModelText.parse("dense 65, relu, dense 10"), inputShape: [28, 28], classCount: 10)
        let buffer = AlignedBuffer<Float>(count: wider.layout.floatCount)
        wider.initialize(buffer.base, seed: 3)
        for i in [0, 1, 783] { #expect(buffer.base[i * 65] == values[i * 64]) }
    }
}
