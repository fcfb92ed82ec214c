import Randomness
import Reports
import Testing

struct PageStatisticsTests {
    /// SciPy: `binomtest(k, n).proportion_ci(method="wilson")`.
    @Test(arguments: [
        (8, 10, 0.4901624715, 0.9433178485), (0, 10, 0, 0.2775327999), (10, 10, 0.7224672001, 1),
        (1_234, 10_000, 0.1170979903, 0.1299912372),
    ]) func wilson(count: Int, total: Int, low: Double, high: Double) throws {
        let interval = try #require(RateInterval(count, of: total))
        #expect(interval.value == Double(count) / Double(total))
        #expect(abs(interval.low - low) < 1e-9 && abs(interval.high - high) < 1e-9)
    }

    @Test func ratesOfNothingAreNone() {
        let scores = ClassScore.all([[0, 0, 0], [0, 3, 1], [0, 2, 4]], names: ["a", "b", "c"])
        #expect(scores[0].precision == nil && scores[0].recall == nil && scores[0].f1 == nil)
        #expect(scores[1].precision?.value == 3.0 / 5 && scores[1].recall?.value == 3.0 / 4)
        // 2 · 3 / (2 · 3 + 2 + 1)
        #expect(abs((scores[1].f1?.value ?? 0) - 6.0 / 9) < 1e-15)
        for score in scores.dropFirst() {
            for interval in [score.precision, score.recall, score.f1].compactMap({ $0 }) {
                #expect(interval.low < interval.value && interval.value < interval.high)
            }
        }
    }

    /// SciPy: `binomtest(b, b + c).pvalue` below 25, `chi2.sf((abs(b - c) - 1) ** 2 / (b + c), 1)` from there.
    @Test(arguments: [
        (0, 0, 1), (1, 0, 1), (5, 5, 1), (2, 10, 0.03857421875), (0, 24, 1.1920928955078125e-07),
        (30, 30, 1), (10, 15, 0.4237107971667935), (50, 20, 0.0005279431738299794), (300, 200, 9.53693139989851e-06),
    ]) func mcNemar(onlyFirst: Int, onlySecond: Int, p: Double) {
        let test = McNemarTest(onlyFirst: onlyFirst, onlySecond: onlySecond)
        #expect(abs(test.p - p) < 1e-9 * max(p, 1e-3), "\(test)")
        #expect((test.method == .exact) == (onlyFirst + onlySecond < 25))
        #expect(McNemarTest(onlyFirst: onlySecond, onlySecond: onlyFirst).p == test.p)
    }

    @Test func mcNemarCountsSamples() {
        let test = McNemarTest(
            firstIsRight: [true, true, false, false, true], secondIsRight: [true, false, true, false, false])
        #expect(test.onlyFirst == 2 && test.onlySecond == 1)
    }

    /// Right-closed bins: 1/15 is the end of the first.
    @Test func calibration() {
        let confidences = [0.0, 1.0 / 15, 0.07, 0.5, 0.5, 1]
        let calibration = Calibration(confidences: confidences, isRight: [false, true, false, true, false, true])
        #expect(calibration.bins.map(\.count) == [2, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1])
        #expect(calibration.bins[7].accuracy == 0.5 && calibration.bins[7].meanConfidence == 0.5)
        let first = (0.5 - 1.0 / 30) * 2
        #expect(abs(calibration.expectedError - (first + 0.07) / 6) < 1e-15)
        #expect(abs(calibration.greatestError - first / 2) < 1e-15)
    }

    /// SciPy's documentation of `spearmanr`, and ties by hand.
    @Test func rankCorrelation() {
        #expect(abs((RankCorrelation.spearman([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]) ?? 0) - 0.8207826816681233) < 1e-12)
        #expect(RankCorrelation.ranks([3, 1, 3, 2]) == [3.5, 1, 3.5, 2])
        #expect(RankCorrelation.spearman([1, 1, 1], [1, 2, 3]) == nil)
        #expect(RankCorrelation.spearman([1, 2], [1, 2]) == nil)
    }

    /// A plane through its centre, turned.
    @Test func latentPlane() throws {
        let values: [Float] = (0..<200).flatMap { index -> [Float] in
            let (a, b) = (Float(index % 20) - 9.5, Float(index / 20) * 0.1)
            return [a + b + 3, a - b, 7]
        }
        let plane = try #require(LatentPlane(values, features: 3))
        #expect(plane.explained.reduce(0, +) > 1 - 1e-9 && plane.explained[0] > 0.99)
        let (first, last) = (plane.points[0].x, plane.points[19].x)
        #expect(abs(abs(first - last) - 19 * 2.0.squareRoot()) < 1e-4)
        #expect(LatentPlane([1, 2, 3], features: 1) == nil)
        #expect(LatentPlane([1, .nan], features: 2) == nil)
        #expect(LatentPlane([1, 2, 1, 2], features: 2) == nil)
    }
}

struct RegressionForestTests {
    /// y = 10 x₀ + 5 [c = 1] over noise: x₁ and d are worth nothing.
    private static let rows = 200
    private static func uniform(_ subject: UInt64) -> [Double] {
        let random = KeyedRandom(seed: 5, purpose: .importance, epoch: 9, subject: subject)
        return (0..<UInt64(rows)).map { random.uniformDouble(at: $0) }
    }

    private static func forest(seed: UInt64 = 1) -> RegressionForest {
        let (x, other, noise) = (uniform(0), uniform(1), uniform(2))
        let choice = uniform(3).map { Int($0 * 3) }
        let idle = uniform(4).map { Int($0 * 4) - 1 }
        let target = (0..<rows).map { 10 * x[$0] + (choice[$0] == 1 ? 5 : 0) + 0.5 * noise[$0] }
        return RegressionForest(
            [.number(x), .number(other), .choice(choice), .choice(idle)], target: target, seed: seed)
    }

    @Test func findsWhatMatters() throws {
        let forest = Self.forest()
        let values = forest.importances.map(\.value)
        #expect(values[0] > values[2] && values[2] > 5 * max(abs(values[1]), abs(values[3])), "\(values)")
        #expect(abs(values[1]) < 0.1 && abs(values[3]) < 0.1)
        #expect(try #require(forest.explained) > 0.7)
        #expect(forest.importances.allSatisfy { $0.standardError > 0 && $0.standardError < 0.1 })
    }

    @Test func isTheSameEveryTime() {
        #expect(Self.forest().importances == Self.forest().importances)
        #expect(Self.forest(seed: 2).importances != Self.forest().importances)
    }

    /// Rows without a number are apart from all others.
    @Test func missingNumbersAreAValue() throws {
        let numbers = (0..<60).map { $0 % 2 == 0 ? Double.nan : Double($0) }
        let forest = RegressionForest([.number(numbers)], target: (0..<60).map { $0 % 2 == 0 ? 1 : 0 })
        #expect(try #require(forest.explained) > 0.95)
    }

    @Test func nothingToExplain() {
        let forest = RegressionForest([.number([1, 2, 3])], target: [4, 4, 4])
        #expect(forest.explained == nil && forest.importances.map(\.value) == [0])
    }
}

@Suite("Student's paired t test")
struct PairedErrorTests {
    /// By scipy.stats.ttest_1samp.
    @Test(arguments: [
        ([0.5, -0.25, 1.5, 0.75, -0.125, 2.0, 0.25, 0.0], 2.032826763045836, 0.08157181385564229),
        ([-1.0, -2.0], -3.0, 0.20483276469913345),
        ((0..<1_000).map { 0.01 * Double($0 * 37 % 101) - 0.48 }, 2.1772097587643127, 0.02969839575981093),
    ])
    func asScipy(differences: [Double], t: Double, p: Double) throws {
        let test = PairedErrorTest(differences)
        #expect(abs(try #require(test.t) - t) < 1e-9 * abs(t) && abs(test.p - p) < 1e-9 * p)
    }

    @Test func differencesWithoutSpread() {
        #expect(PairedErrorTest([0, 0, 0]).p == 1 && PairedErrorTest([0, 0]).t == nil)
        #expect(PairedErrorTest([1, 1]).p == 0)
    }
}
