/// Mean and spread of values.
package struct Statistics: Sendable {
    package let mean: Double
    /// Of a sample, with n − 1; nil for one value.
    package let deviation: Double?
    private let count: Int

    /// Nil for no values.
    package init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        let mean = values.reduce(0, +) / Double(values.count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        self.mean = mean
        count = values.count
        deviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : nil
    }

    /// Half of the 95 % confidence interval of the mean, by Student's t; nil for one value.
    package var confidenceHalfWidth: Double? {
        deviation.map { Self.quantile(freedom: count - 1) * $0 / Double(count).squareRoot() }
    }

    /// The 97.5 % quantile of Student's t, from 31 degrees of freedom on by its expansion at the normal's.
    package static func quantile(freedom: Int) -> Double {
        precondition(freedom >= 1, "Statistics: \(freedom) degrees of freedom")
        guard freedom > quantiles.count else { return quantiles[freedom - 1] }
        let z = 1.959_963_984_540_054
        let n = Double(freedom)
        let cube = z * z * z
        let second = (5 * cube * z * z + 16 * cube + 3 * z) / 96
        let third = (3 * cube * cube * z + 19 * cube * z * z + 17 * cube - 15 * z) / 384
        return z + ((third / n + second) / n + (cube + z) / 4) / n
    }

    private static let quantiles = [
        12.706_204_7, 4.302_652_7, 3.182_446_3, 2.776_445_1, 2.570_581_8, 2.446_911_8, 2.364_624_3, 2.306_004_1,
        2.262_157_2,
        2.228_138_9, 2.200_985_2, 2.178_812_8, 2.160_368_7, 2.144_786_7, 2.131_449_5, 2.119_905_3, 2.109_815_6,
        2.100_922_0,
        2.093_024_1, 2.085_963_4, 2.079_613_8, 2.073_873_1, 2.068_657_6, 2.063_898_6, 2.059_538_6, 2.055_529_4,
        2.051_830_5,
        2.048_407_1, 2.045_229_6, 2.042_272_5,
    ]
}
