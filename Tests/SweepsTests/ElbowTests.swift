import Foundation
import Sweeps
import Testing

@Suite("Elbow")
struct ElbowTests {
    @Test("binary logarithms agree with the system's", arguments: [0.001, 0.5, 1, 2, 3, 10, 784, 1e9, 1 / 3.0])
    func logarithm(x: Double) {
        #expect(abs(Elbow.binaryLogarithm(x) - log2(x)) < 1e-11)
    }

    @Test("a broken line has its elbow where it breaks, in any order of the points")
    func brokenLine() {
        // With the size itself as the axis it would be 32.
        let errors: [Double] = [7, 6, 5, 4, 3, 2, 1, 0.9]
        let points = errors.enumerated().map { (size: Double(1 << $0.offset), error: $0.element) }
        #expect(Elbow.index(of: points) == 6)
        let backwards: [(size: Double, error: Double)] = points.reversed()
        #expect(Elbow.index(of: backwards) == 1)
    }

    @Test("what has no elbow has none")
    func none() {
        #expect(Elbow.index(of: [(1, 2), (2, 1)]) == nil)
        #expect(Elbow.index(of: [(1, 1), (2, 2), (4, 3)]) == nil)
        #expect(Elbow.index(of: [(1, 3), (2, 2.5), (4, 1)]) == nil, "bulges upwards")
    }
}
