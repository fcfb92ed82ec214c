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

    @Test("uniform within ±√(6 / inputFeatures), biases 0")
    func bounds() throws {
        let (network, values) = try weights(3)
        for (entry, fan) in zip(network.layout.entries, [784, 784, 64, 64]) {
            let own = values[entry.range]
            guard entry.shape.extents.count == 2 else {
                #expect(own.allSatisfy { $0 == 0 }, "\(entry.name)")
                continue
            }
            let bound = Float((6 / Double(fan)).squareRoot())
            #expect(own.allSatisfy { -bound <= $0 && $0 < bound }, "\(entry.name)")
            #expect(own.max()! > 0.9 * bound && own.min()! < -0.9 * bound, "\(entry.name)")
            // Of n uniform values the mean's standard deviation is bound / √(3 n); five of them are allowed.
            let mean = own.reduce(0, +) / Float(own.count)
            #expect(abs(mean) < 5 * bound / (3 * Float(own.count)).squareRoot(), "\(entry.name)")
            let variance = own.reduce(0) { $0 + $1 * $1 } / Float(own.count)
            #expect(abs(variance / (bound * bound / 3) - 1) < 5 / Float(own.count).squareRoot(), "\(entry.name)")
        }
    }

    @Test("keyed by seed, parameter and index in PyTorch's layout")
    func keys() throws {
        let (network, values) = try weights(3)
        #expect(try weights(3).1 == values)
        #expect(try weights(4).1 != values)
        let first = network.layout.entries[0]
        let second = network.layout.entries[2]
        let bounds = [784, 64].map { Float((6 / $0 as Double).squareRoot()) }
        #expect(values[first.range.lowerBound] / bounds[0] != values[second.range.lowerBound] / bounds[1])
        // Element (out 0, in i) of PyTorch's [out, in] is drawn at i, so it lies in memory 64 apart.
        let wider = try Network(ModelText.parse("dense 65, relu, dense 10"), inputShape: [28, 28], classCount: 10)
        let buffer = AlignedBuffer<Float>(count: wider.layout.floatCount)
        wider.initialize(buffer.base, seed: 3)
        for i in [0, 1, 783] { #expect(buffer.base[i * 65] == values[i * 64]) }
    }
}
