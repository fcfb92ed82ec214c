import Numerics

/// A Gaussian process with the kernel s · m(q), q = Σ w[k] d[k]², m Matérn's with ν = 5/2:
/// m(q) = (1 + √(5q) + 5q/3) e^−√(5q). d[k] is the difference of two coordinates, of unordered choices 0 or 1.
package struct GaussianProcess: Sendable {
    /// What is learned.
    package struct Hyperparameters: Hashable, Sendable {
        /// Inverse squares of the length scales, one for each coordinate.
        package var weights: [Double]
        /// The kernel at distance 0.
        package var scale: Double
        /// The variance of a value that the kernel does not explain.
        package var noise: Double

        package init(weights: [Double], scale: Double, noise: Double) {
            self.weights = weights
            self.scale = scale
            self.noise = noise
        }
    }

    let hyperparameters: Hyperparameters
    /// Whether a coordinate is an unordered choice.
    let isChoice: [Bool]
    /// Those with values, then those without.
    let points: [[Double]]
    /// K⁻¹ y of the points with values.
    private let alpha: [Double]
    private let factor: Cholesky

    /// - Parameters:
    ///   - values: Of the first points, with mean 0; the rest is expected where the others say, and known to that
    /// extent.
    package init?(_ hyperparameters: Hyperparameters, isChoice: [Bool], points: [[Double]], values: [Double]) {
        let count = points.count
        var matrix = [Double](repeating: 0, count: count * count)
        for i in 0..<count {
            for j in 0..<i {
                matrix[i * count + j] = Self.kernel(hyperparameters, isChoice, points[i], points[j])
            }
            matrix[i * count + i] = hyperparameters.scale + hyperparameters.noise
        }
        guard let factor = Cholesky(matrix, count: count) else { return nil }
        var alpha = values
        factor.solveLower(&alpha)
        factor.solveUpper(&alpha)
        self.hyperparameters = hyperparameters
        self.isChoice = isChoice
        self.points = points
        self.alpha = alpha
        self.factor = factor
    }

    /// Mean and variance, not counting noise, of the function at x.
    package func predict(_ x: [Double]) -> (mean: Double, variance: Double) {
        var kernels = points.map { Self.kernel(hyperparameters, isChoice, x, $0) }
        let mean = alpha.indices.reduce(0) { $0 + alpha[$1] * kernels[$1] }
        factor.solveLower(&kernels)
        return (mean, max(hyperparameters.scale - Self.squares(kernels), 1e-12))
    }

    /// Also the derivatives by the coordinates of `free`; 0 for the others.
    func predict(
        _ x: [Double], free: [Int], meanGradient: inout [Double], varianceGradient: inout [Double]
    ) -> (mean: Double, variance: Double) {
        let weights = hyperparameters.weights
        var kernels: [Double] = []
        var slopes: [Double] = []
        kernels.reserveCapacity(points.count)
        slopes.reserveCapacity(points.count)
        for point in points {
            let q = Self.distance(weights, isChoice, x, point)
            let (value, slope) = Self.matern(q)
            kernels.append(hyperparameters.scale * value)
            slopes.append(hyperparameters.scale * slope)
        }
        let mean = alpha.indices.reduce(0) { $0 + alpha[$1] * kernels[$1] }
        factor.solveLower(&kernels)
        let explained = Self.squares(kernels)
        factor.solveUpper(&kernels)
        for k in free {
            var ofMean = 0.0
            var ofVariance = 0.0
            for (index, point) in points.enumerated() {
                let derivative = slopes[index] * weights[k] * 2 * (x[k] - point[k])
                if index < alpha.count { ofMean += alpha[index] * derivative }
                ofVariance -= 2 * kernels[index] * derivative
            }
            meanGradient[k] = ofMean
            varianceGradient[k] = ofVariance
        }
        return (mean, max(hyperparameters.scale - explained, 1e-12))
    }

    private static func squares(_ values: [Double]) -> Double {
        values.withUnsafeBufferPointer { values in
            values.baseAddress.map { dot($0, $0, values.count) } ?? 0
        }
    }

    private static func kernel(
        _ hyperparameters: Hyperparameters, _ isChoice: [Bool], _ a: [Double], _ b: [Double]
    ) -> Double {
        hyperparameters.scale * matern(distance(hyperparameters.weights, isChoice, a, b)).value
    }

    private static func distance(
        _ weights: [Double], _ isChoice: [Bool], _ a: [Double], _ b: [Double]
    ) -> Double {
        var sum = 0.0
        for k in weights.indices {
            let difference = a[k] - b[k]
            sum += weights[k] * (isChoice[k] ? (difference == 0 ? 0 : 1) : difference * difference)
        }
        return sum
    }

    /// m(q) and its derivative by q, −5/6 (1 + √(5q)) e^−√(5q).
    static func matern(_ q: Double) -> (value: Double, slope: Double) {
        let root = (5 * q).squareRoot()
        let fall = ScalarMath.exponential(-root)
        return ((1 + root + 5.0 / 3 * q) * fall, -5.0 / 6 * (1 + root) * fall)
    }
}
