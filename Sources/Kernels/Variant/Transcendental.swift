import KernelContract

// Polynomials and reduction constants: Cephes' expf.c and logf.c (S. L. Moshier), evaluated here with explicit fused
// operations. The slow twins in ReferenceKernels do the same operations on one lane.

/// eˣ: x = n ln 2 + r, |r| ≤ ln 2 / 2; eˣ = 2ⁿ (1 + r + r² P(r)). 0 below −104, +∞ above 88.73, NaN for NaN.
@inline(__always)
func vectorExponential(_ x: Vector) -> Vector {
    let low = Vector(repeating: -104)
    let high = Vector(repeating: 89)
    var bounded = low.replacing(with: x, where: x .> low)
    bounded = high.replacing(with: bounded, where: bounded .< high)
    // Adding 1.5 · 2²³ rounds to an integer, which then is in the low bits.
    let shift = Vector(repeating: 12_582_912)
    let shifted = shift.addingProduct(bounded, Vector(repeating: 1.442_695_04))
    let n = shifted - shift
    var r = bounded.addingProduct(n, Vector(repeating: -0.693_359_375))
    r = r.addingProduct(n, Vector(repeating: 2.121_944_4e-4))
    var p = Vector(repeating: 1.987_569_150_0e-4)
    p = Vector(repeating: 1.398_199_950_7e-3).addingProduct(p, r)
    p = Vector(repeating: 8.333_451_907_3e-3).addingProduct(p, r)
    p = Vector(repeating: 4.166_579_589_4e-2).addingProduct(p, r)
    p = Vector(repeating: 1.666_666_545_9e-1).addingProduct(p, r)
    p = Vector(repeating: 5.000_000_120_1e-1).addingProduct(p, r)
    let mantissa = Vector(repeating: 1) + r.addingProduct(r * r, p)
    // 2ⁿ in two factors, so that subnormal results are rounded once and n = 128 does not overflow early.
    let exponent =
        unsafeBitCast(shifted, to: SIMD16<Int32>.self) &- SIMD16<Int32>(repeating: Int32(bitPattern: 0x4B40_0000))
    let half = exponent &>> SIMD16<Int32>(repeating: 1)
    let result = mantissa * powerOfTwo(half) * powerOfTwo(exponent &- half)
    return x.replacing(with: result, where: x .== x)
}

/// 2ⁿ for −126 ≤ n ≤ 127.
@inline(__always)
func powerOfTwo(_ n: SIMD16<Int32>) -> Vector {
    unsafeBitCast((n &+ SIMD16<Int32>(repeating: 127)) &<< SIMD16<Int32>(repeating: 23), to: Vector.self)
}

/// ln x: x = 2ᵉ m, √½ ≤ m < √2, f = m − 1; ln x = e ln 2 + f − f²/2 + f³ P(f). −∞ at 0, NaN below 0, +∞ at +∞.
@inline(__always)
func vectorLogarithm(_ x: Vector) -> Vector {
    let isSubnormal = x .< Vector(repeating: 0x1p-126)
    let scaled = x.replacing(with: x * Vector(repeating: 0x1p23), where: isSubnormal)
    let bits = unsafeBitCast(scaled, to: SIMD16<Int32>.self)
    // The bits of √½: subtracting them makes the exponent field change exactly at m = √½.
    let rootHalf = SIMD16<Int32>(repeating: 0x3F35_04F3)
    let offset = bits &- rootHalf
    let exponent = offset &>> SIMD16<Int32>(repeating: 23)
    let mantissaBits = bits &- (exponent &<< SIMD16<Int32>(repeating: 23))
    // Integer to float by the low bits of 1.5 · 2²³: SIMD16's own conversion is a call of code that two variants share.
    let shift = Vector(repeating: 12_582_912)
    let shifted = exponent &+ SIMD16<Int32>(repeating: Int32(bitPattern: 0x4B40_0000))
    var e = unsafeBitCast(shifted, to: Vector.self) - shift
    e = e.replacing(with: e - Vector(repeating: 23), where: isSubnormal)
    let f = unsafeBitCast(mantissaBits, to: Vector.self) - Vector(repeating: 1)
    var p = Vector(repeating: 7.037_683_629_2e-2)
    p = Vector(repeating: -1.151_461_031_0e-1).addingProduct(p, f)
    p = Vector(repeating: 1.167_699_874_0e-1).addingProduct(p, f)
    p = Vector(repeating: -1.242_014_084_6e-1).addingProduct(p, f)
    p = Vector(repeating: 1.424_932_278_7e-1).addingProduct(p, f)
    p = Vector(repeating: -1.666_805_766_5e-1).addingProduct(p, f)
    p = Vector(repeating: 2.000_071_476_5e-1).addingProduct(p, f)
    p = Vector(repeating: -2.499_999_399_3e-1).addingProduct(p, f)
    p = Vector(repeating: 3.333_333_117_4e-1).addingProduct(p, f)
    let square = f * f
    var y = f * square * p
    y = y.addingProduct(e, Vector(repeating: -2.121_944_4e-4))
    y = y.addingProduct(square, Vector(repeating: -0.5))
    var result = (f + y).addingProduct(e, Vector(repeating: 0.693_359_375))
    let zero = Vector(repeating: 0)
    let infinity = Vector(repeating: .infinity)
    result = result.replacing(with: infinity, where: x .== infinity)
    result = result.replacing(with: -infinity, where: x .== zero)
    return result.replacing(with: Vector(repeating: .nan), where: .!(x .>= zero))
}

/// The fixed tree 8-4-2-1 over 16 lanes.
@inline(__always)
func laneSum(_ x: Vector) -> Float {
    let eight = x.lowHalf + x.highHalf
    let four = eight.lowHalf + eight.highHalf
    let two = four.lowHalf + four.highHalf
    return two.x + two.y
}
