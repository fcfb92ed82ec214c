import KernelContract

// Functions under the activations, built on the exponential. Polynomials are least-maximum fits in relative error
// (docs/NUMERICS.md). Inlined, some of them are taken apart by LLVM's SLP vectoriser together with what is around them;
// those are calls, with their vectors in registers. The slow twins in ReferenceMath+Activations do the same operations on one lane.

@inline(__always)
func constant(_ value: Float) -> Vector { Vector(repeating: value) }

@inline(__always)
func magnitude(_ x: Vector) -> Vector {
    unsafeBitCast(
        unsafeBitCast(x, to: SIMD16<UInt32>.self) & SIMD16<UInt32>(repeating: 0x7FFF_FFFF), to: Vector.self)
}

/// −x as one flips the sign; SIMD16's own is 0 − x, which makes +0 of +0.
@inline(__always)
func negated(_ x: Vector) -> Vector {
    unsafeBitCast(
        unsafeBitCast(x, to: SIMD16<UInt32>.self) ^ SIMD16<UInt32>(repeating: 0x8000_0000), to: Vector.self)
}

/// eˣ − 1 for x ≤ 0: x = n ln 2 + r; 2ⁿ (r + r² P(r)) + (2ⁿ − 1), which is exact in its second term and keeps the
/// relative accuracy near 0. −1 below −40.
@inline(__always)
func vectorExponentialMinusOne(_ x: Vector) -> Vector {
    let bounded = x.replacing(with: constant(-40), where: x .< constant(-40))
    let shift = constant(12_582_912)
    let shifted = shift.addingProduct(bounded, constant(1.442_695_04))
    let n = shifted - shift
    var r = bounded.addingProduct(n, constant(-0.693_359_375))
    r = r.addingProduct(n, constant(2.121_944_4e-4))
    var p = constant(1.987_569_150_0e-4)
    p = constant(1.398_199_950_7e-3).addingProduct(p, r)
    p = constant(8.333_451_907_3e-3).addingProduct(p, r)
    p = constant(4.166_579_589_4e-2).addingProduct(p, r)
    p = constant(1.666_666_545_9e-1).addingProduct(p, r)
    p = constant(5.000_000_120_1e-1).addingProduct(p, r)
    let q = r.addingProduct(r * r, p)
    let exponent =
        unsafeBitCast(shifted, to: SIMD16<Int32>.self) &- SIMD16<Int32>(repeating: Int32(bitPattern: 0x4B40_0000))
    let power = powerOfTwo(exponent)
    return (power - constant(1)).addingProduct(power, q)
}

/// ln(1 + z) for 0 ≤ z ≤ 1: w = z / (2 + z) and 2 artanh w = 2 w (1 + w² L(w²)).
@inline(never)
func vectorLogarithmOfOnePlus(_ z: Vector) -> Vector {
    let w = z / (constant(2) + z)
    let square = w * w
    var l = constant(0.116_145_633_161_067_96)
    l = constant(0.108_528_196_811_676_03).addingProduct(l, square)
    l = constant(0.142_962_038_516_998_3).addingProduct(l, square)
    l = constant(0.199_998_527_765_274_05).addingProduct(l, square)
    l = constant(0.333_333_343_267_440_8).addingProduct(l, square)
    let twice = w + w
    return twice.addingProduct(twice * square, l)
}

/// σ(x) and 1 − σ(x), both with relative accuracy: z = e^−|x|; 1 / (1 + z) and z / (1 + z).
@inline(__always)
func vectorSigmoid(_ x: Vector) -> (value: Vector, complement: Vector) {
    let one = constant(1)
    let z = vectorExponential(negated(magnitude(x)))
    let denominator = one + z
    let isPositive = x .>= constant(0)
    return (
        z.replacing(with: one, where: isPositive) / denominator, one.replacing(with: z, where: isPositive) / denominator
    )
}

/// The same as a call.
@inline(never)
func separateSigmoid(_ x: Vector) -> (value: Vector, complement: Vector) { vectorSigmoid(x) }

/// tanh |x| = −t / (2 + t) with t = e^−2|x| − 1; the sign is that of x.
@inline(__always)
func vectorTanh(_ x: Vector) -> Vector {
    let signBit = SIMD16<UInt32>(repeating: 0x8000_0000)
    let size = magnitude(x)
    let t = vectorExponentialMinusOne(constant(-2) * size)
    let value = unsafeBitCast(magnitude(t) / (constant(2) + t), to: SIMD16<UInt32>.self)
    let sign = unsafeBitCast(x, to: SIMD16<UInt32>.self) & signBit
    return unsafeBitCast(value | sign, to: Vector.self)
}

/// Φ(x) = (1 + erf(x / √2)) / 2 and e^(−x²/2). With a = |x|: Φ(−a) = e^(−a²/2) R(a), where R(a) = t Q(t − ½) and
/// t = 1 / (1 + 0.375 a). The rounding error of a²/2 is known exactly and given back.
@inline(never)
func vectorNormalDistribution(_ x: Vector) -> (distribution: Vector, bell: Vector) {
    let size = magnitude(x)
    let a = size.replacing(with: constant(15), where: size .> constant(15))
    let half = a * constant(0.5)
    let exponent = a * half
    let rest = negated(exponent).addingProduct(a, half)
    let power = vectorExponential(negated(exponent))
    let bell = power.addingProduct(negated(power), rest)
    let t = constant(1) / constant(1).addingProduct(a, constant(0.375))
    let u = t - constant(0.5)
    var q = constant(0.020_935_194_566_845_894)
    q = constant(-0.039_980_109_781_026_84).addingProduct(q, u)
    q = constant(-0.003_079_406_218_603_253_4).addingProduct(q, u)
    q = constant(0.064_357_973_635_196_69).addingProduct(q, u)
    q = constant(-0.019_500_683_993_101_12).addingProduct(q, u)
    q = constant(-0.102_590_866_386_890_41).addingProduct(q, u)
    q = constant(0.021_935_863_420_367_24).addingProduct(q, u)
    q = constant(0.248_706_892_132_759_1).addingProduct(q, u)
    q = constant(0.346_108_168_363_571_17).addingProduct(q, u)
    q = constant(0.268_182_277_679_443_36).addingProduct(q, u)
    let tail = bell * (t * q)
    return (tail.replacing(with: constant(1) - tail, where: x .> constant(0)), bell)
}
