import Numerics

extension GaussianProcess.Hyperparameters {
    static let leastNoise = 1e-6

    /// The most likely hyperparameters after seeing values with mean 0 and variance 1, under weak priors (Optuna's:
    /// −0.1 (w + 1/w) for each weight, gamma(2, 1) for the scale, gamma(1.1, 30) for the noise).
    package static func fitted(points: [[Double]], values: [Double], isChoice: [Bool]) -> Self {
        let posterior = Posterior(points: points, values: values, isChoice: isChoice)
        let size = isChoice.count + 2
        // Logarithms: lengths from 1/400 to 400 of a range, noise from almost none to about the values' variance.
        let minimizer = BoundedMinimizer(
            lower: [Double](repeating: -12, count: size - 1) + [-20],
            upper: [Double](repeating: 12, count: size - 1) + [1],
            stepLimit: 60, tolerance: 1e-2, firstStep: 1)
        var best: (x: [Double], value: Double)?
        // Much noise and almost none: the two explanations that a likelihood may hold at once.
        for noise in [0.0, -9] {
            let start = [Double](repeating: 0, count: size - 1) + [noise]
            let found = minimizer.minimize(from: start) { posterior.negativeLogarithm($0, &$1) }
            if found.value.isFinite && found.value < best?.value ?? .infinity { best = found }
        }
        return Self(logarithms: best?.x ?? [Double](repeating: 0, count: size))
    }

    fileprivate init(logarithms: [Double]) {
        let values = logarithms.map { ScalarMath.exponential($0) }
        self.init(
            weights: Array(values.dropLast(2)), scale: values[values.count - 2],
            noise: values[values.count - 1] + Self.leastNoise)
    }
}

/// Likelihood and priors of hyperparameters, given by their logarithms.
private struct Posterior {
    let count: Int
    let values: [Double]
    /// For each pair i > j, row by row, the squared differences of all coordinates.
    private let differences: [Double]
    private let size: Int

    init(points: [[Double]], values: [Double], isChoice: [Bool]) {
        count = points.count
        self.values = values
        size = isChoice.count
        var differences: [Double] = []
        differences.reserveCapacity(count * (count - 1) / 2 * size)
        for i in 0..<count {
            for j in 0..<i {
                for k in 0..<size {
                    let difference = points[i][k] - points[j][k]
                    differences.append(isChoice[k] ? (difference == 0 ? 0 : 1) : difference * difference)
                }
            }
        }
        self.differences = differences
    }

    /// −ln of the posterior: ½ yᵀ K⁻¹ y + ½ ln det K − ln priors, with the derivatives ½ tr((K⁻¹ − α αᵀ) ∂K) − ….
    func negativeLogarithm(_ logarithms: [Double], _ gradient: inout [Double]) -> Double {
        let h = GaussianProcess.Hyperparameters(logarithms: logarithms)
        var matrix = [Double](repeating: 0, count: count * count)
        var slopes = [Double](repeating: 0, count: count * (count - 1) / 2)
        var pair = 0
        for i in 0..<count {
            for j in 0..<i {
                var q = 0.0
                for k in 0..<size { q += h.weights[k] * differences[pair * size + k] }
                let (value, slope) = GaussianProcess.matern(q)
                matrix[i * count + j] = h.scale * value
                slopes[pair] = h.scale * slope
                pair += 1
            }
            matrix[i * count + i] = h.scale + h.noise
        }
        guard let factor = Cholesky(matrix, count: count) else { return .infinity }
        var alpha = values
        factor.solveLower(&alpha)
        let quadratic = alpha.reduce(0) { $0 + $1 * $1 }
        factor.solveUpper(&alpha)
        let inverse = factor.inverse()
        for index in gradient.indices { gradient[index] = 0 }
        var ofScale = 0.0
        var ofNoise = 0.0
        pair = 0
        for i in 0..<count {
            for j in 0..<i {
                // Both triangles: twice ½.
                let weight = inverse[i * count + j] - alpha[i] * alpha[j]
                ofScale += weight * matrix[i * count + j]
                let product = weight * slopes[pair]
                for k in 0..<size { gradient[k] += product * differences[pair * size + k] }
                pair += 1
            }
            let weight = 0.5 * (inverse[i * count + i] - alpha[i] * alpha[i])
            ofScale += weight * h.scale
            ofNoise += weight
        }
        var value = 0.5 * quadratic + factor.halfLogDeterminant(ScalarMath.naturalLogarithm)
        for k in 0..<size {
            let w = h.weights[k]
            gradient[k] = gradient[k] * w + 0.1 * (w - 1 / w)
            value += 0.1 * (w + 1 / w)
        }
        value += h.scale - logarithms[size]
        gradient[size] = ofScale + h.scale - 1
        let free = h.noise - GaussianProcess.Hyperparameters.leastNoise
        value += 30 * h.noise - 0.1 * ScalarMath.naturalLogarithm(h.noise)
        gradient[size + 1] = (ofNoise + 30 - 0.1 / h.noise) * free
        return value
    }
}
