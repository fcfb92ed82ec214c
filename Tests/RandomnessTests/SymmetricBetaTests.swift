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

    /// How many lie below each of some places; four deviations of a count are missed by one in 16,000.
    @Test(arguments: [0.05, 0.2, 0.5, 1, 2, 30])
    func distribution(alpha: Double) {
        let count = 3_000
        let draws = Self.draws(alpha, count)
        #expect(draws.allSatisfy { $0 >= 0 && $0 <= 1 })
        let exact = BetaDistribution(a: alpha, b: alpha)
        for place in [1e-6, 1e-3, 0.05, 0.2, 0.35, 0.45, 0.5, 0.55, 0.65, 0.8, 0.95, 1 - 1e-3] {
            let expected = exact.cumulative(place)
            let found = Double(draws.filter { $0 < place }.count) / Double(count)
            let deviation = (expected * (1 - expected) / Double(count)).squareRoot()
            #expect(abs(found - expected) <= 4 * deviation + 1 / Double(count), "below \(place)")
        }
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
