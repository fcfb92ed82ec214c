/// Finds a minimum of a smooth function in a box: BFGS on the coordinates that are free, with steps that end at the box
/// (projected quasi-Newton; Bertsekas 1982).
package struct BoundedMinimizer {
    let lower: [Double]
    let upper: [Double]
    let stepLimit: Int
    /// Ends where no free coordinate's derivative is greater.
    let tolerance: Double
    /// The longest first step of a coordinate.
    let firstStep: Double

    package init(
        lower: [Double], upper: [Double], stepLimit: Int = 100, tolerance: Double = 1e-6, firstStep: Double = 0.5
    ) {
        self.lower = lower
        self.upper = upper
        self.stepLimit = stepLimit
        self.tolerance = tolerance
        self.firstStep = firstStep
    }

    /// - Parameter function: The value at a place and, in its second argument, the gradient.
    package func minimize(
        from start: [Double], _ function: (_ x: [Double], _ gradient: inout [Double]) -> Double
    ) -> (x: [Double], value: Double) {
        let count = start.count
        var x = start.indices.map { min(max(start[$0], lower[$0]), upper[$0]) }
        var gradient = [Double](repeating: 0, count: count)
        var value = function(x, &gradient)
        guard value.isFinite else { return (x, value) }
        var inverse = Self.identity(count)
        var isFresh = true
        for _ in 0..<stepLimit {
            let isFree = (0..<count).map { self.isFree($0, x[$0], gradient[$0]) }
            let slope = (0..<count).reduce(0) { isFree[$1] ? max($0, abs(gradient[$1])) : $0 }
            guard slope > tolerance else { break }
            var direction = Self.direction(inverse, gradient, isFree)
            if !(Self.product(direction, gradient) < 0) {
                inverse = Self.identity(count)
                isFresh = true
                direction = (0..<count).map { isFree[$0] ? -gradient[$0] : 0 }
            }
            if isFresh {
                let longest = direction.reduce(0) { max($0, abs($1)) }
                if longest > firstStep { direction = direction.map { $0 * (firstStep / longest) } }
            }
            guard let next = step(x, value, gradient, direction, function) else {
                // A bad picture of the curvature: once more along the gradient.
                if isFresh { break }
                inverse = Self.identity(count)
                isFresh = true
                continue
            }
            let move = (0..<count).map { next.x[$0] - x[$0] }
            let bend = (0..<count).map { next.gradient[$0] - gradient[$0] }
            Self.update(&inverse, move, bend, isFresh: isFresh)
            isFresh = false
            let gain = value - next.value
            (x, value, gradient) = next
            if gain <= 1e-12 * (1 + abs(value)) { break }
        }
        return (x, value)
    }

    private func isFree(_ index: Int, _ x: Double, _ derivative: Double) -> Bool {
        !(x <= lower[index] && derivative > 0) && !(x >= upper[index] && derivative < 0)
    }

    /// Halves the step until the value has fallen enough (Armijo).
    private func step(
        _ x: [Double], _ value: Double, _ gradient: [Double], _ direction: [Double],
        _ function: (_ x: [Double], _ gradient: inout [Double]) -> Double
    ) -> (x: [Double], value: Double, gradient: [Double])? {
        var length = 1.0
        for _ in 0..<25 {
            let next = x.indices.map { min(max(x[$0] + length * direction[$0], lower[$0]), upper[$0]) }
            let fall = x.indices.reduce(0) { $0 + gradient[$1] * (next[$1] - x[$1]) }
            var nextGradient = gradient
            let nextValue = function(next, &nextGradient)
            if nextValue.isFinite && fall < 0 && nextValue <= value + 1e-4 * fall {
                return (next, nextValue, nextGradient)
            }
            length /= 2
        }
        return nil
    }

    private static func identity(_ count: Int) -> [Double] {
        (0..<count * count).map { $0 / count == $0 % count ? 1 : 0 }
    }

    private static func direction(_ inverse: [Double], _ gradient: [Double], _ isFree: [Bool]) -> [Double] {
        let count = gradient.count
        return (0..<count).map { i in
            guard isFree[i] else { return 0 }
            return -(0..<count).reduce(0) { isFree[$1] ? $0 + inverse[i * count + $1] * gradient[$1] : $0 }
        }
    }

    private static func product(_ a: [Double], _ b: [Double]) -> Double {
        a.indices.reduce(0) { $0 + a[$1] * b[$1] }
    }

    /// H ← (I − s yᵀ/ρ) H (I − y sᵀ/ρ) + s sᵀ/ρ with ρ = sᵀ y, where that is positive.
    private static func update(_ inverse: inout [Double], _ s: [Double], _ y: [Double], isFresh: Bool) {
        let count = s.count
        let rho = product(s, y)
        let square = product(y, y)
        guard rho > 1e-12 * square.squareRoot() * product(s, s).squareRoot(), rho > 0 else { return }
        if isFresh { inverse = inverse.map { $0 * (rho / square) } }
        let hy = (0..<count).map { i in (0..<count).reduce(0) { $0 + inverse[i * count + $1] * y[$1] } }
        let factor = (1 + product(y, hy) / rho) / rho
        for i in 0..<count {
            for j in 0..<count {
                inverse[i * count + j] += factor * s[i] * s[j] - (hy[i] * s[j] + s[i] * hy[j]) / rho
            }
        }
    }
}
