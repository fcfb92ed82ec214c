import Foundation
import Randomness
import Testing

/// Tests/Fixtures/normal.py
private struct Quantiles: Decodable {
    let probabilities: [Double]
    let quantiles: [Double]

    static let shared = Result {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/normal.json")
        return try JSONDecoder().decode(Quantiles.self, from: Data(contentsOf: file))
    }
}

@Suite("The standard normal distribution")
struct NormalDistributionTests {
    /// AS 241 states about 1 part in 10¹⁶ for its rational functions; evaluating them adds some 20 roundings.
    @Test func quantilesAreThoseOfMpmath() throws {
        let expected = try Quantiles.shared.get()
        #expect(expected.probabilities.count > 100)
        for (probability, exact) in zip(expected.probabilities, expected.quantiles) {
            let found = NormalDistribution.quantile(probability)
            // Near a half the quantile is q √2π with q exact: relative errors stay small there too.
            #expect(abs(found - exact) <= 20 * 0x1p-53 * abs(exact), "\(probability): \(found), mpmath \(exact)")
        }
    }

    @Test func isSymmetricWhereTheProbabilityIs() {
        for k in 1...52 {
            let p = Double(sign: .plus, exponent: -k, significand: 1)
            #expect(NormalDistribution.quantile(1 - p) == -NormalDistribution.quantile(p))
        }
        #expect(NormalDistribution.quantile(0.5) == 0)
    }

    /// Even moments are 1, 3, 15, odd ones 0; of n numbers a moment's deviation is √((μ₂ₖ − μₖ²) / n), five of it allowed.
    @Test func moments() {
        let random = KeyedRandom(seed: 11, purpose: .initialWeights, subject: 4)
        let count = 100_000
        let values = (0..<count).map { random.standardNormal(at: UInt64($0)) }
        let table: [(power: Int, moment: Double, variance: Double)] = [
            (1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10_170),
        ]
        for (power, moment, variance) in table {
            let sum = values.reduce(0.0) { sum, value in sum + (0..<power).reduce(1.0) { product, _ in product * value }
            }
            let found = sum / Double(count)
            #expect(abs(found - moment) <= 5 * (variance / Double(count)).squareRoot(), "moment \(power): \(found)")
        }
        // Shares below points of the distribution: 1 %, 16 %, 50 %, 97.7 %.
        for (point, share) in [(-2.326_347_874, 0.01), (-1, 0.158_655_254), (0, 0.5), (2, 0.977_249_868)] {
            let found = Double(values.count { $0 < point }) / Double(count)
            #expect(abs(found - share) <= 5 * (share * (1 - share) / Double(count)).squareRoot(), "\(point): \(found)")
        }
        #expect(random.standardNormal(at: 7) == values[7])
    }
}
