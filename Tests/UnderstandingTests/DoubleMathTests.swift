import Foundation
import Kernels
import Testing

/// Our own functions in Double against the C library, which is right to within a unit of the last place.
@Suite("Functions of the slow twins in Double")
struct DoubleMathTests {
    struct Function: Sendable, CustomTestStringConvertible {
        let name: String
        let range: ClosedRange<Double>
        /// In units of the last place of the exact value.
        let bound: Double
        let own: @Sendable (Double) -> Double
        let exact: @Sendable (Double) -> Double

        var testDescription: String { name }
    }

    static let functions = [
        Function(name: "exp", range: -708...709, bound: 2, own: { Double.exponential($0) }, exact: { exp($0) }),
        Function(name: "exp near 0", range: -1...1, bound: 2, own: { Double.exponential($0) }, exact: { exp($0) }),
        Function(
            name: "ln", range: 1e-300...1e300, bound: 2, own: { Double.naturalLogarithm($0) }, exact: { log($0) }),
        Function(
            name: "ln near 1", range: 0.5...2, bound: 2, own: { Double.naturalLogarithm($0) }, exact: { log($0) }),
        Function(
            name: "expm1", range: -50...0, bound: 3, own: { Double.exponentialMinusOne($0) }, exact: { expm1($0) }),
        Function(
            name: "log1p", range: 0...1, bound: 3, own: { Double.logarithmOfOnePlus($0) }, exact: { log1p($0) }),
        Function(
            name: "Φ", range: -37...8, bound: 8, own: { Double.normalDistribution($0).distribution },
            exact: exactNormalDistribution),
        Function(
            name: "Φ near 0", range: -2...2, bound: 8, own: { Double.normalDistribution($0).distribution },
            exact: exactNormalDistribution),
        Function(
            name: "tanh", range: -20...20, bound: 4, own: { ReferenceMath.tanh($0) }, exact: { tanh($0) }),
        Function(
            name: "sigmoid", range: -700...40, bound: 4, own: { ReferenceMath.sigmoid($0).value },
            exact: { $0 < 0 ? exp($0) / (1 + exp($0)) : 1 / (1 + exp(-$0)) }),
    ]

    /// ½ erfc(z) with z = −x / √2. erfc(z) falls as e^(−z²), so that z's rounding counts: e^(z² − x²/2) mends it.
    private static func exactNormalDistribution(_ x: Double) -> Double {
        let z = -x * 0.5.squareRoot()
        let (square, half) = (z * z, x * x / 2)
        let rest = (-square).addingProduct(z, z) - (-half).addingProduct(x, x / 2)
        return erfc(z) / 2 * (x < 0 ? exp((square - half) + rest) : 1)
    }

    @Test("within a few units of the last place", arguments: functions)
    func accuracy(_ function: Function) {
        let (low, high) = (function.range.lowerBound, function.range.upperBound)
        var worst = (ulps: 0.0, at: 0.0)
        for i in 0...20_000 {
            let share = Double(i) / 20_000
            // Wide positive ranges by their exponents.
            let x = low > 0 && high > 1e6 ? exp(log(low) + (log(high) - log(low)) * share) : low + (high - low) * share
            let exact = function.exact(x)
            let ulps = abs(function.own(x) - exact) / exact.ulp
            if !(ulps <= worst.ulps) { worst = (ulps, x) }
        }
        #expect(worst.ulps <= function.bound, "\(worst.ulps) at \(worst.at)")
    }

    @Test func specialValues() {
        #expect(Double.exponential(0) == 1 && Double.exponential(-.infinity) == 0)
        #expect(Double.exponential(1_000) == .infinity && Double.exponential(.nan).isNaN)
        #expect(Double.naturalLogarithm(1) == 0 && Double.naturalLogarithm(0) == -.infinity)
        #expect(Double.naturalLogarithm(.infinity) == .infinity && Double.naturalLogarithm(-1).isNaN)
        #expect(Double.exponentialMinusOne(-.infinity) == -1 && Double.exponentialMinusOne(0) == 0)
        #expect(Double.normalDistribution(0).distribution == 0.5 && Double.normalDistribution(0).bell == 1)
        #expect(Double.normalDistribution(50).distribution == 1 && Double.normalDistribution(.nan).bell.isNaN)
    }
}
