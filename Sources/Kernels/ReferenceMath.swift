import KernelContract

/// One lane of the vector functions: the same operations in the same order.
package enum ReferenceMath {
    package static func exponential(_ x: Float) -> Float {
        guard !x.isNaN else { return x }
        var bounded = x > -104 ? x : -104
        bounded = bounded < 89 ? bounded : 89
        let (exponent, q) = reduced(bounded)
        let mantissa = 1 + q
        let half = exponent >> 1
        return mantissa * powerOfTwo(half) * powerOfTwo(exponent - half)
    }

    /// x = n ln 2 + r with |r| ≤ ln 2 / 2: n, and e^r − 1 = r + r² P(r).
    static func reduced(_ x: Float) -> (exponent: Int32, exponentialMinusOne: Float) {
        let shift: Float = 12_582_912
        let shifted = shift.addingProduct(x, 1.442_695_04)
        let n = shifted - shift
        var r = x.addingProduct(n, -0.693_359_375)
        r = r.addingProduct(n, 2.121_944_4e-4)
        let coefficients: [Float] = [
            1.398_199_950_7e-3, 8.333_451_907_3e-3, 4.166_579_589_4e-2, 1.666_666_545_9e-1, 5.000_000_120_1e-1,
        ]
        let p = horner(1.987_569_150_0e-4, coefficients, r)
        let exponent = Int32(bitPattern: shifted.bitPattern) &- Int32(bitPattern: 0x4B40_0000)
        return (exponent, r.addingProduct(r * r, p))
    }

    package static func naturalLogarithm(_ x: Float) -> Float {
        guard x > 0 else { return x == 0 ? -.infinity : .nan }
        guard x < .infinity else { return x }
        let isSubnormal = x < 0x1p-126
        let bits = Int32(bitPattern: (isSubnormal ? x * 0x1p23 : x).bitPattern)
        let exponent = (bits &- 0x3F35_04F3) >> 23
        let f = Float(bitPattern: UInt32(bitPattern: bits &- (exponent << 23))) - 1
        let e = isSubnormal ? Float(exponent) - 23 : Float(exponent)
        let coefficients: [Float] = [
            -1.151_461_031_0e-1, 1.167_699_874_0e-1, -1.242_014_084_6e-1, 1.424_932_278_7e-1, -1.666_805_766_5e-1,
            2.000_071_476_5e-1, -2.499_999_399_3e-1, 3.333_333_117_4e-1,
        ]
        let p = horner(7.037_683_629_2e-2, coefficients, f)
        let square = f * f
        var y = f * square * p
        y = y.addingProduct(e, -2.121_944_4e-4)
        y = y.addingProduct(square, -0.5)
        return (f + y).addingProduct(e, 0.693_359_375)
    }

    static func horner(_ first: Float, _ rest: [Float], _ x: Float) -> Float {
        rest.reduce(first) { $1.addingProduct($0, x) }
    }

    static func powerOfTwo(_ n: Int32) -> Float { Float(bitPattern: UInt32(bitPattern: (n + 127) << 23)) }
}
