import DataLoading
import Testing
import Training

@Suite("Scores of numbers, and columns brought to mean 0 and deviation 1")
struct RegressionScoresTests {
    @Test("errors by hand")
    func byHand() throws {
        let scores = RegressionScores(targets: [1, 2, 3, 6], predictions: [1, 4, 2, 6])
        // Errors 0, 2, −1, 0; the targets' mean is 3, their squared distances 4, 1, 0, 9.
        #expect(scores.mse == 1.25 && scores.rmse == 1.25.squareRoot() && scores.mae == 0.75)
        #expect(scores.r2 == 1 - 5.0 / 14)
    }

    @Test("targets that never change, and a single one, as scikit-learn has them")
    func degenerate() {
        #expect(RegressionScores(targets: [2, 2, 2], predictions: [2, 2, 2]).r2 == 1)
        #expect(RegressionScores(targets: [2, 2, 2], predictions: [2, 2, 3]).r2 == 0)
        #expect(RegressionScores(targets: [2], predictions: [3]).r2 == nil)
        #expect(RegressionScores(targets: [2], predictions: [3]).mae == 1)
    }

    private static func table(_ columns: [[Float]]) throws -> LabelledImages {
        let count = columns[0].count
        let values = (0..<count).flatMap { row in columns.map { $0[row] } }
        let bytes = values.flatMap { value in withUnsafeBytes(of: value) { Array($0) } }
        return LabelledImages(
            features: try ByteBuffer(bytes), featureCount: columns.count,
            targets: [Float](repeating: 0, count: count), targetCount: 1)
    }

    @Test("each column by itself; one that never changes has the scale 1")
    func columns() throws {
        let rows = 1_000
        let table = try Self.table([
            (0..<rows).map { Float($0) }, [Float](repeating: 0.1, count: rows),
            [Float](repeating: 16_777_216, count: rows), (0..<rows).map { 1_000_000 + Float($0 % 2) },
            [Float](repeating: 1e-30, count: rows - 1) + [2e-30],
        ])
        let all = (0..<Int32(rows)).map { $0 }
        let found = InputStandardization(.feature, table, samples: all)
        #expect(found.means.prefix(4) == [499.5, 0.1, 16_777_216, 1_000_000.5])
        // (n² − 1) / 12 is the variance of 0 … n − 1.
        #expect(found.scales[0] == Float(1 / (999_999.0 / 12).squareRoot()))
        #expect(found.scales[1] == 1 && found.scales[2] == 1 && found.scales[3] == 2)
        #expect(found.scales[4].isFinite && found.scales[4] > 1)
        // Only the rows that are trained on.
        #expect(InputStandardization(.feature, table, samples: [0, 2]).means[0] == 1)
    }
}
