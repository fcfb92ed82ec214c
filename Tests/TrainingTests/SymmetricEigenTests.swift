import Testing
import Training

@Suite("Eigenvalues of symmetric matrices")
struct SymmetricEigenTests {
    struct Example: Sendable, CustomTestStringConvertible {
        let name: String
        let matrix: [Double]
        let size: Int
        /// Descending, where they are known.
        var values: [Double]?
        var testDescription: String { name }
    }

    /// Deterministic noise, symmetric.
    private static func noise(_ size: Int, rank: Int) -> [Double] {
        var state: UInt64 = 9
        let factors = (0..<rank).map { _ in
            (0..<size).map { _ -> Double in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Double(state >> 40) / Double(1 << 23) - 1
            }
        }
        return (0..<size * size).map { index in
            factors.reduce(0) { $0 + $1[index / size] * $1[index % size] }
        }
    }

    /// Covariances of sparse samples, fewer than features: eigenvalues that are noise, beside great ones.
    private static func sparseCovariance(_ size: Int, samples count: Int) -> [Double] {
        var state: UInt64 = 3
        func draw() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 40) / Double(1 << 24)
        }
        var samples = (0..<count).map { _ in (0..<size).map { _ in draw() < 0.1 ? draw() : 0 } }
        for feature in 0..<size {
            let mean = samples.reduce(0) { $0 + $1[feature] } / Double(count)
            for index in samples.indices { samples[index][feature] -= mean }
        }
        return (0..<size * size).map { index in
            samples.reduce(0) { $0 + $1[index / size] * $1[index % size] } / Double(count)
        }
    }

    private static let tiny = Double(sign: .plus, exponent: -1050, significand: 1)

    private static func multiplicationTable(_ size: Int) -> [Double] {
        (0..<size * size).map { index in
            let (row, column) = (index / size + 1, index % size + 1)
            return Double(row * column) / 7e9
        }
    }

    static let examples = [
        Example(name: "empty", matrix: [], size: 0, values: []),
        Example(name: "one", matrix: [-3], size: 1, values: [-3]),
        Example(name: "2×2", matrix: [2, 1, 1, 2], size: 2, values: [3, 1]),
        Example(name: "diagonal", matrix: [1, 0, 0, 0, 3, 0, 0, 0, 2], size: 3, values: [3, 2, 1]),
        Example(name: "zero", matrix: [Double](repeating: 0, count: 16), size: 4, values: [0, 0, 0, 0]),
        Example(name: "ones", matrix: [Double](repeating: 1, count: 25), size: 5, values: [5, 0, 0, 0, 0]),
        // −1, 2, −1: 2 − 2 cos(k π / 5), which is 2 ± golden ratio and its conjugate.
        Example(
            name: "second differences", matrix: [2, -1, 0, 0, -1, 2, -1, 0, 0, -1, 2, -1, 0, 0, -1, 2], size: 4,
            values: [3.618033988749895, 2.618033988749895, 1.381966011250105, 0.381966011250105]),
        Example(name: "full rank", matrix: noise(30, rank: 40), size: 30),
        Example(name: "rank 3 of 40", matrix: noise(40, rank: 3), size: 40),
        Example(name: "rank 59 of 100", matrix: sparseCovariance(100, samples: 60), size: 100),
        Example(name: "rank 1 of 60", matrix: multiplicationTable(60), size: 60),
        Example(
            name: "subnormal", matrix: [3, 1, 1, 3].map { $0 * tiny }, size: 2, values: [4 * tiny, 2 * tiny]),
        Example(name: "large and small", matrix: [1e150, 1e140, 1e140, 1e130], size: 2),
    ]

    @Test(arguments: examples) func decomposes(example: Example) {
        let n = example.size
        let eigen = SymmetricEigen(example.matrix, size: n)
        let scale = example.matrix.map(abs).max() ?? 1
        let bound = 1e-13 * max(scale, .leastNormalMagnitude) * Double(max(n, 1))
        if let values = example.values {
            #expect(zip(eigen.values, values).allSatisfy { abs($0 - $1) <= bound }, "\(eigen.values)")
        }
        #expect(eigen.values.count == n && zip(eigen.values, eigen.values.dropFirst()).allSatisfy { $0 >= $1 })
        for i in 0..<n {
            let v = eigen.vectors[i * n..<(i + 1) * n].map { $0 }
            for j in 0..<n {
                let product = (0..<n).reduce(0.0) { $0 + example.matrix[j * n + $1] * v[$1] }
                #expect(abs(product - eigen.values[i] * v[j]) <= bound, "A v = λ v: \(i), \(j)")
                let dot = (0..<n).reduce(0.0) { $0 + eigen.vectors[j * n + $1] * v[$1] }
                #expect(abs(dot - (i == j ? 1 : 0)) <= 1e-13 * Double(n), "vᵢ · vⱼ: \(i), \(j)")
            }
        }
    }
}
