/// What moving bytes costs: `latency + bytes · perByte`, in microseconds.
package struct CostLine: Codable, Sendable, Equatable {
    package var latency: Double
    package var perByte: Double

    package init(latency: Double, perByte: Double) {
        self.latency = latency
        self.perByte = perByte
    }

    /// The line through measurements that makes the sum of squared relative errors least, neither number below 0.
    package init(fitting points: [(bytes: Double, microseconds: Double)]) {
        // Weighted least squares, weights 1 / y².
        var (w, wx, wxx, wy, wxy) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for point in points where point.microseconds > 0 {
            let weight = 1 / (point.microseconds * point.microseconds)
            w += weight
            wx += weight * point.bytes
            wxx += weight * point.bytes * point.bytes
            wy += weight * point.microseconds
            wxy += weight * point.bytes * point.microseconds
        }
        let determinant = w * wxx - wx * wx
        if determinant > 1e-12 * w * wxx {
            (latency, perByte) = ((wxx * wy - wx * wxy) / determinant, (w * wxy - wx * wy) / determinant)
        } else {
            (latency, perByte) = (w > 0 ? wy / w : 0, 0)
        }
        if latency < 0 { (latency, perByte) = (0, wxx > 0 ? wxy / wxx : 0) }
        if perByte < 0 { (latency, perByte) = (w > 0 ? wy / w : 0, 0) }
    }

    /// The line from `latency` that makes the sum of squared relative errors least.
    package init(latency: Double, fitting points: [(bytes: Double, microseconds: Double)]) {
        var (product, square) = (0.0, 0.0)
        for point in points where point.microseconds > 0 {
            let share = point.bytes / point.microseconds
            product += share * (point.microseconds - latency) / point.microseconds
            square += share * share
        }
        self.init(latency: latency, perByte: square > 0 ? max(product / square, 0) : 0)
    }

    package func microseconds(_ bytes: Double) -> Double { latency + bytes * perByte }
}
