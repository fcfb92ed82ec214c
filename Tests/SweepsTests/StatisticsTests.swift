import Foundation
import Sweeps
import Testing

@Suite("Statistics of seeds")
struct StatisticsTests {
    @Test("mean, deviation and interval of a textbook's sample") func textbook() throws {
        let statistics = try #require(Statistics([4, 5, 6, 7, 8]))
        let deviation = try #require(statistics.deviation)
        #expect(statistics.mean == 6 && abs(deviation - 2.5.squareRoot()) < 1e-12)
        let half = try #require(statistics.confidenceHalfWidth)
        #expect(abs(half - 2.776_445_1 * (2.5 / 5).squareRoot()) < 1e-12)
        #expect(Statistics([]) == nil && Statistics([3])?.confidenceHalfWidth == nil)
    }

    /// P(|T| < t) by Simpson's rule over t = √n tan θ, whose density is cos θ to the power n − 1.
    @Test("quantiles are those of Student's t", arguments: [1, 2, 5, 17, 30, 31, 50, 400])
    func quantiles(freedom: Int) {
        let n = Double(freedom)
        let end = atan(Statistics.quantile(freedom: freedom) / n.squareRoot())
        func integral(to end: Double) -> Double {
            let h = end / 4_000
            var sum = 1 + pow(cos(end), n - 1)
            for i in 1..<4_000 { sum += pow(cos(Double(i) * h), n - 1) * (i % 2 == 1 ? 4 : 2) }
            return sum * h / 3
        }
        #expect(abs(integral(to: end) / integral(to: .pi / 2) - 0.95) < 2e-6)
    }

    @Test("every alias is in the documentation") func documentation() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/SWEEPS.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        for (option, names) in SweepNames.options {
            #expect(text.contains("| `\(option)` | \(names.joined(separator: ", ")) |"), "\(option)")
        }
        for (option, rows) in SweepNames.values {
            for (value, names) in rows {
                #expect(text.contains("| \(value) | \(names.joined(separator: ", ")) |"), "\(option) \(value)")
            }
        }
    }
}
