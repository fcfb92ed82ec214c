/// Scalar functions in Double without libm: the same bits on every machine.
package enum ScalarMath {
    /// `base` to a whole power from 0, by repeated squaring.
    package static func power(_ base: Double, _ exponent: Int) -> Double {
        precondition(exponent >= 0, "ScalarMath: power \(exponent) is negative")
        var result = 1.0
        var square = base
        var rest = exponent
        while rest > 0 {
            if rest & 1 == 1 { result *= square }
            square *= square
            rest >>= 1
        }
        return result
    }

    /// ln x, within 2 ULP; −∞ at 0, NaN below.
    ///
    /// x = 2ᵉ (1 + f) with √½ ≤ 1 + f < √2, and ln(1 + f) = f − (f²/2 − s (f²/2 + R)) with s = f / (2 + f) and
    /// R = 2 (s²/3 + s⁴/5 + …): the form of FreeBSD's msun, `e_log.c`. Products and sums are rounded one by one.
    package static func naturalLogarithm(_ x: Double) -> Double {
        guard x > 0 else { return x == 0 ? -.infinity : .nan }
        guard x < .infinity else { return x }
        let isLow = x.significand < 2.0.squareRoot()
        let e = Double(x.exponent) + (isLow ? 0 : 1)
        let f = (isLow ? x.significand : x.significand / 2) - 1
        let s = f / (2 + f)
        let z = s * s
        var r = 0.0
        var k = 25
        while k >= 3 {
            r = (r + 2 / Double(k)) * z
            k -= 2
        }
        let half = 0.5 * f * f
        // ln 2 in two parts; the first has 33 bits, so that its product with e is exact.
        return e * 0x1.62e4_2fee_0000_0p-1 - ((half - (s * (half + r) + e * 0x1.a39e_f357_93c7_6p-33)) - f)
    }

    /// Cosine for |x| ≤ 1e5, within 1 ULP of the exact value.
    ///
    /// Reduction by π/2 in three parts (Cody and Waite) and the kernels of FreeBSD's msun (`k_cos.c`, `k_sin.c`,
    /// Sun Microsystems 1993), with products and sums rounded one by one.
    package static func cosine(_ x: Double) -> Double {
        precondition(abs(x) <= 1e5, "ScalarMath: the cosine of \(x) is beyond the reduction")
        let n = (x * 0.636_619_772_367_581_4).rounded(.toNearestOrEven)
        // The first two parts of π/2 have 33 bits: their products with n are exact.
        let first = x - n * 1.570_796_326_734_125_614_17
        let second = n * 6.077_100_506_303_965_976_60e-11
        let rest = first - second
        let third = n * 2.022_266_248_795_950_631_54e-21 - ((first - rest) - second)
        let r = rest - third
        let tail = (rest - r) - third
        switch Int(n) & 3 {
        case 0: return cosineKernel(r, tail)
        case 1: return -sineKernel(r, tail)
        case 2: return -cosineKernel(r, tail)
        default: return sineKernel(r, tail)
        }
    }

    /// cos(x + tail) for |x| ≤ π/4.
    private static func cosineKernel(_ x: Double, _ tail: Double) -> Double {
        let z = x * x
        var p = -1.135_964_755_778_819_482_65e-11
        p = 2.087_572_321_298_174_827_90e-09 + z * p
        p = -2.755_731_435_139_066_330_35e-07 + z * p
        p = 2.480_158_728_947_672_941_78e-05 + z * p
        p = -1.388_888_888_887_410_957_49e-03 + z * p
        p = 4.166_666_666_666_660_190_37e-02 + z * p
        let half = 0.5 * z
        let w = 1 - half
        return w + (((1 - w) - half) + (z * (z * p) - x * tail))
    }

    /// sin(x + tail) for |x| ≤ π/4.
    private static func sineKernel(_ x: Double, _ tail: Double) -> Double {
        let z = x * x
        var p = 1.589_690_995_211_550_102_21e-10
        p = -2.505_076_025_340_686_341_95e-08 + z * p
        p = 2.755_731_370_707_006_767_89e-06 + z * p
        p = -1.984_126_982_985_794_931_34e-04 + z * p
        p = 8.333_333_333_322_489_461_24e-03 + z * p
        let cube = z * x
        return x - ((z * (0.5 * tail - cube * p) - tail) - cube * -1.666_666_666_666_663_243_48e-01)
    }
}
