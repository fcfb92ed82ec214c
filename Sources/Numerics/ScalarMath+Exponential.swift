extension ScalarMath {
    /// eˣ, within 1 ULP where the result is normal; 0 below −745.2, ∞ above 709.8.
    ///
    /// x = k ln 2 + r with |r| ≤ ½ ln 2, and eʳ = 1 + r + r c / (2 − c) with c = r − r² P(r²): FreeBSD's msun,
    /// `e_exp.c`
    /// (Sun Microsystems 1993). Products and sums are rounded one by one.
    package static func exponential(_ x: Double) -> Double {
        guard x > -745.133_219_101_941_1 else { return x.isNaN ? x : 0 }
        guard x < 709.782_712_893_384 else { return .infinity }
        let k = (x * 1.442_695_040_888_963_4).rounded(.toNearestOrEven)
        // The first part of ln 2 has 33 bits, so that its product with k is exact.
        let high = x - k * 0x1.62e4_2fee_0000_0p-1
        let low = k * 0x1.a39e_f357_93c7_6p-33
        let r = high - low
        let z = r * r
        var p = 4.138_136_797_057_238_46e-8
        p = -1.653_390_220_546_525_15e-6 + z * p
        p = 6.613_756_321_437_934_36e-5 + z * p
        p = -2.777_777_777_701_559_33e-3 + z * p
        p = 1.666_666_666_666_660_19e-1 + z * p
        let c = r - z * p
        let y = 1 - ((low - (r * c) / (2 - c)) - high)
        let exponent = Int64(k)
        guard exponent >= -1_021 && exponent < 1_023 else {
            // In two exact steps, the second of which may overflow or round to a subnormal.
            let half = exponent / 2
            return y * powerOfTwo(half) * powerOfTwo(exponent - half)
        }
        return y * powerOfTwo(exponent)
    }

    private static func powerOfTwo(_ exponent: Int64) -> Double {
        Double(bitPattern: UInt64(exponent + 1_023) << 52)
    }

    /// `base` to any power, for positive bases; relative error about |exponent · ln base| ULP.
    package static func power(_ base: Double, _ exponent: Double) -> Double {
        precondition(base > 0, "ScalarMath: power of \(base)")
        return exponential(exponent * naturalLogarithm(base))
    }

    /// ln Γ(x) for x > 0, to about 14 digits: Lanczos's approximation with g = 7 and nine terms.
    package static func logGamma(_ x: Double) -> Double {
        precondition(x > 0, "ScalarMath: ln Γ(\(x))")
        guard x >= 0.5 else { return logGamma(x + 1) - naturalLogarithm(x) }
        let z = x - 1
        var sum = 0.999_999_999_999_809_93
        for (index, coefficient) in lanczos.enumerated() { sum += coefficient / (z + Double(index + 1)) }
        let t = z + 7.5
        return 0.918_938_533_204_672_74 + (z + 0.5) * naturalLogarithm(t) - t + naturalLogarithm(sum)
    }

    private static let lanczos = [
        676.520_368_121_885_1, -1_259.139_216_722_402_8, 771.323_428_777_653_13, -176.615_029_162_140_59,
        12.507_343_278_686_905, -0.138_571_095_265_720_12, 9.984_369_578_019_571_6e-6, 1.505_632_735_149_311_6e-7,
    ]
}
