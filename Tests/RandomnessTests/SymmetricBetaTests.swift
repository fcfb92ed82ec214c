import Numerics
import Randomness
import Testing

@Suite("Beta(α, α)")
struct SymmetricBetaTests {
    private static func draws(_ alpha: Double, _ count: Int, position: UInt64 = 0) -> [Double] {
        (0..<UInt64(count)).map {
            KeyedRandom(seed: 9, purpose: .mixup, epoch: 3, subject: $0).symmetricBeta(alpha, at: position)
        }
    }

    /// Kolmogorov's distance to the distribution function: 1.95 / √n is exceeded by one in a thousand.
    @Test(arguments: [0.05, 0.2, 0.5, 1, 2, 30])
    func distribution(alpha: Double) {
        let count = 3_000
        let sorted = Self.draws(alpha, count).sorted()
        let exact = BetaDistribution(a: alpha, b: alpha)
        var distance = 0.0
        for (rank, value) in sorted.enumerated() {
            #expect(value >= 0 && value <= 1)
            let expected = exact.cumulative(value)
            distance = max(
                distance, expected - Double(rank) / Double(count), Double(rank + 1) / Double(count) - expected)
        }
        #expect(distance < 1.95 / Double(count).squareRoot(), "\(distance)")
    }

    /// x / (x + y) of gammas that are both 0 in Double.
    @Test("the least α gives numbers, nearly all of them 0 or 1")
    func leastShape() {
        let draws = Self.draws(0.01, 500)
        #expect(draws.allSatisfy { $0 >= 0 && $0 <= 1 })
        #expect(draws.filter { $0 < 1e-9 || $0 > 1 - 1e-9 }.count > 350)
        #expect((200...300).contains(draws.filter { $0 < 0.5 }.count))
    }

    @Test("the words at `position` on decide, and no others")
    func isKeyed() {
        #expect(Self.draws(0.2, 5) == Self.draws(0.2, 5))
        #expect(Self.draws(0.2, 5) != Self.draws(0.2, 5, position: 4))
    }
}
