import KernelContract

/// What batch norm knows of a batch, for each channel. N = samples · positions.
package struct BatchStatistics<Scalar: ReferenceScalar>: Sendable {
    /// Σ x / N
    package let mean: [Scalar]
    /// Σ (x − mean)², not divided: `/ N` normalises, `/ (N − 1)` enters the running variance.
    package let squareSum: [Scalar]
    /// 1 / √(squareSum / N + ε)
    package let inverseDeviation: [Scalar]
}

/// The slow twins of batch norm and layer norm, for Float and Double alike. The order of operations is the definition.
extension Reference {
    /// PyTorch's `eps`; in Float the nearest Float.
    package static var normalizationEpsilon: Double { 1e-5 }
    /// PyTorch's `momentum` of running statistics.
    package static var runningMomentum: Double { 0.1 }

    // MARK: Batch norm, x: [sampleCount, positions, channels], channels last

    /// Over grains of samples, each sum is a chain over a grain's (sample, position) in ascending order, from 0, ended by
    /// `+ 0.0`; then the canonical tree; then one division by N.
    ///
    /// - `mean = T(chain sum + x) / N`
    /// - `squareSum = T(chain fma(d, d, sum))`, `d = x − mean`
    /// - `inverseDeviation = 1 / √(squareSum / N + ε)`
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func batchStatistics<Scalar: ReferenceScalar>(
        positions: Int, channels: Int, partition: GrainPartition, x: UnsafePointer<Scalar>
    ) -> BatchStatistics<Scalar> {
        let count = Scalar(partition.sampleCount * positions)
        let sums: [Scalar] = channelSums(positions, channels, partition) { sum, row, c in sum + x[row * channels + c] }
        let mean = sums.map { $0 / count }
        let squareSum: [Scalar] = channelSums(positions, channels, partition) { sum, row, c in
            let d = x[row * channels + c] - mean[c]
            return sum.addingProduct(d, d)
        }
        return BatchStatistics(
            mean: mean, squareSum: squareSum,
            inverseDeviation: squareSum.map { inverseDeviation(variance: $0 / count) })
    }

    /// `1 / √(variance + ε)`
    package static func inverseDeviation<Scalar: ReferenceScalar>(variance: Scalar) -> Scalar {
        1 / (variance + Scalar(normalizationEpsilon)).squareRoot()
    }

    /// `y = fma((x − mean) · inverseDeviation, gamma, beta)`. In evaluation mean and variance are the running ones.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func batchNormalize<Scalar: ReferenceScalar>(
        rowCount: Int, channels: Int, x: UnsafePointer<Scalar>, mean: [Scalar], inverseDeviation: [Scalar],
        gamma: UnsafePointer<Scalar>, beta: UnsafePointer<Scalar>, y: UnsafeMutablePointer<Scalar>
    ) {
        for row in 0..<rowCount {
            for c in 0..<channels {
                let normal = (x[row * channels + c] - mean[c]) * inverseDeviation[c]
                y[row * channels + c] = beta[c].addingProduct(normal, gamma[c])
            }
        }
    }

    /// The running statistics behind a training batch: `r = fma(new − r, 0.1, r)`, with `new` the batch's mean or its
    /// unbiased variance `squareSum / (N − 1)`. With N = 1 they stay.
    package static func updateRunningStatistics<Scalar: ReferenceScalar>(
        _ batch: BatchStatistics<Scalar>, count: Int, mean: UnsafeMutablePointer<Scalar>,
        variance: UnsafeMutablePointer<Scalar>
    ) {
        guard count > 1 else { return }
        let momentum = Scalar(runningMomentum)
        for c in batch.mean.indices {
            mean[c] = mean[c].addingProduct(batch.mean[c] - mean[c], momentum)
            variance[c] = variance[c].addingProduct(batch.squareSum[c] / Scalar(count - 1) - variance[c], momentum)
        }
    }

    /// With `n = (x − mean) · inverseDeviation`; sums as in `batchStatistics`:
    ///
    /// - `dbeta = T(chain sum + dy)`
    /// - `dgamma = T(chain fma(dy, n, sum))`
    /// - `dx = (gamma · inverseDeviation) · fma(−n, dgamma / N, dy − dbeta / N)`
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func batchNormGradient<Scalar: ReferenceScalar>(
        positions: Int, channels: Int, partition: GrainPartition, x: UnsafePointer<Scalar>,
        statistics: BatchStatistics<Scalar>, gamma: UnsafePointer<Scalar>, dy: UnsafePointer<Scalar>,
        dx: UnsafeMutablePointer<Scalar>, dgamma: UnsafeMutablePointer<Scalar>, dbeta: UnsafeMutablePointer<Scalar>
    ) {
        let count = Scalar(partition.sampleCount * positions)
        let (mean, inverse) = (statistics.mean, statistics.inverseDeviation)
        let betaSums: [Scalar] = channelSums(positions, channels, partition) { sum, row, c in
            sum + dy[row * channels + c]
        }
        let gammaSums: [Scalar] = channelSums(positions, channels, partition) { sum, row, c in
            sum.addingProduct(dy[row * channels + c], (x[row * channels + c] - mean[c]) * inverse[c])
        }
        for c in 0..<channels {
            dbeta[c] = betaSums[c]
            dgamma[c] = gammaSums[c]
            let (betaMean, gammaMean) = (betaSums[c] / count, gammaSums[c] / count)
            let factor = gamma[c] * inverse[c]
            for i in stride(from: c, to: partition.sampleCount * positions * channels, by: channels) {
                let normal = (x[i] - mean[c]) * inverse[c]
                dx[i] = factor * (dy[i] - betaMean).addingProduct(-normal, gammaMean)
            }
        }
    }

    /// For each channel, the canonical tree over grains of the chain over a grain's rows (sample, position).
    private static func channelSums<Scalar: ReferenceScalar>(
        _ positions: Int, _ channels: Int, _ partition: GrainPartition, _ add: (Scalar, Int, Int) -> Scalar
    ) -> [Scalar] {
        (0..<channels).map { c in
            CanonicalTree.sum(
                count: partition.grainCount, zero: Scalar(0),
                { grain in
                    let samples = partition.samples(of: grain..<grain + 1)
                    let rows = samples.lowerBound * positions..<samples.upperBound * positions
                    return rows.reduce(Scalar(0)) { add($0, $1, c) } + 0
                }, +)
        }
    }

    // MARK: Layer norm, each sample over all of its features

    /// Sums over features have 16 lanes, then 8-4-2-1 (`laneSum`):
    ///
    /// - `mean = lanes(sum + x) / features`
    /// - `variance = lanes(fma(d, d, sum)) / features`, `d = x − mean`
    /// - `y = fma(d · inverseDeviation, gamma, beta)`, `inverseDeviation = 1 / √(variance + ε)`
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func layerNormalize<Scalar: ReferenceScalar>(
        sampleCount: Int, features: Int, x: UnsafePointer<Scalar>, gamma: UnsafePointer<Scalar>,
        beta: UnsafePointer<Scalar>, y: UnsafeMutablePointer<Scalar>
    ) {
        for s in 0..<sampleCount {
            let (normal, _) = normalizedRow(x + s * features, features)
            for j in 0..<features { y[s * features + j] = beta[j].addingProduct(normal[j], gamma[j]) }
        }
    }

    /// With `n = d · inverseDeviation` and `g = dy · gamma`; sums over features in lanes, those over samples as a bias
    /// gradient (chain in each grain, from 0, ended by `+ 0.0`, then the tree):
    ///
    /// - `a = lanes(sum + g) / features`, `b = lanes(fma(g, n, sum)) / features`
    /// - `dx = inverseDeviation · fma(−n, b, g − a)`
    /// - `dbeta = T(chain sum + dy)`, `dgamma = T(chain fma(dy, n, sum))`
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func layerNormGradient<Scalar: ReferenceScalar>(
        features: Int, partition: GrainPartition, x: UnsafePointer<Scalar>, gamma: UnsafePointer<Scalar>,
        dy: UnsafePointer<Scalar>, dx: UnsafeMutablePointer<Scalar>, dgamma: UnsafeMutablePointer<Scalar>,
        dbeta: UnsafeMutablePointer<Scalar>
    ) {
        var normals: [Scalar] = []
        for s in 0..<partition.sampleCount {
            let row = s * features
            let (normal, inverse) = normalizedRow(x + row, features)
            let g = (0..<features).map { dy[row + $0] * gamma[$0] }
            let a = laneSum(g) / Scalar(features)
            let b = laneSum(g, times: normal) / Scalar(features)
            for j in 0..<features { dx[row + j] = inverse * (g[j] - a).addingProduct(-normal[j], b) }
            normals += normal
        }
        let betaSums: [Scalar] = channelSums(1, features, partition) { sum, s, j in sum + dy[s * features + j] }
        let gammaSums: [Scalar] = channelSums(1, features, partition) { sum, s, j in
            sum.addingProduct(dy[s * features + j], normals[s * features + j])
        }
        for j in 0..<features {
            dbeta[j] = betaSums[j]
            dgamma[j] = gammaSums[j]
        }
    }

    private static func normalizedRow<Scalar: ReferenceScalar>(
        _ x: UnsafePointer<Scalar>, _ features: Int
    ) -> (normal: [Scalar], inverseDeviation: Scalar) {
        let row = (0..<features).map { x[$0] }
        let mean = laneSum(row) / Scalar(features)
        let centred = row.map { $0 - mean }
        let inverse = inverseDeviation(variance: laneSum(centred, times: centred) / Scalar(features))
        return (centred.map { $0 * inverse }, inverse)
    }
}
