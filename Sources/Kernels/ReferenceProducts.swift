import KernelContract

/// The slow twins of the matrix kernels: the definition of their results, for Float and Double alike.
///
/// `@_specialize`: a call from another module finds machine code for its type, not a generic body with a witness call
/// for every multiplication.
package enum Reference {
    /// One element of a product: a chain over k in ascending order, ended by `+ 0.0`.
    static func chain<Scalar: BinaryFloatingPoint>(
        from start: Scalar, depth: Int, _ a: (Int) -> Scalar, _ b: (Int) -> Scalar
    ) -> Scalar {
        var sum = start
        for k in 0..<depth { sum = sum.addingProduct(a(k), b(k)) }
        return sum + 0
    }

    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func multiply<Scalar: BinaryFloatingPoint>(
        _ form: MatrixProductForm, m: Int, n: Int, k: Int, a: UnsafePointer<Scalar>, aStride: Int,
        b: UnsafePointer<Scalar>, bStride: Int, c: UnsafeMutablePointer<Scalar>, cStride: Int, accumulates: Bool
    ) {
        for i in 0..<m {
            for j in 0..<n {
                c[i * cStride + j] = chain(
                    from: accumulates ? c[i * cStride + j] : 0, depth: k,
                    { form == .tn ? a[$0 * aStride + i] : a[i * aStride + $0] },
                    { form == .nt ? b[j * bStride + $0] : b[$0 * bStride + j] })
            }
        }
    }

    /// `T` over grains of the chain over a grain's samples of `x[s, i] · dy[s, o]`.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func weightGradient<Scalar: BinaryFloatingPoint>(
        inputFeatures: Int, outputFeatures: Int, partition: GrainPartition, x: UnsafePointer<Scalar>, xStride: Int,
        dy: UnsafePointer<Scalar>, dyStride: Int, gradient: UnsafeMutablePointer<Scalar>, gradientStride: Int
    ) {
        for i in 0..<inputFeatures {
            for o in 0..<outputFeatures {
                let grains = (0..<partition.grainCount).map { grain in
                    let samples = partition.samples(of: grain..<grain + 1)
                    return chain(
                        from: Scalar(0), depth: samples.count,
                        { x[(samples.lowerBound + $0) * xStride + i] },
                        { dy[(samples.lowerBound + $0) * dyStride + o] })
                }
                gradient[i * gradientStride + o] = CanonicalTree.sum(grains, zero: 0, +)
            }
        }
    }

    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func addBias<Scalar: BinaryFloatingPoint>(
        rowCount: Int, columnCount: Int, rows: UnsafeMutablePointer<Scalar>, rowStride: Int,
        bias: UnsafePointer<Scalar>
    ) {
        for r in 0..<rowCount {
            for j in 0..<columnCount { rows[r * rowStride + j] += bias[j] }
        }
    }

    /// `T` over grains of the plain sum over a grain's rows, ended by `+ 0.0`.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    package static func biasGradient<Scalar: BinaryFloatingPoint>(
        columnCount: Int, partition: GrainPartition, rows: UnsafePointer<Scalar>, rowStride: Int,
        sums: UnsafeMutablePointer<Scalar>
    ) {
        for j in 0..<columnCount {
            let grains = (0..<partition.grainCount).map { grain in
                partition.samples(of: grain..<grain + 1).reduce(Scalar(0)) { $0 + rows[$1 * rowStride + j] } + 0
            }
            sums[j] = CanonicalTree.sum(grains, zero: 0, +)
        }
    }

    /// 16 strided lanes, then the tree 8-4-2-1.
    package static func laneSum<Scalar: BinaryFloatingPoint>(_ values: [Scalar]) -> Scalar {
        var lanes = [Scalar](repeating: 0, count: 16)
        for (i, value) in values.enumerated() { lanes[i % 16] += value }
        for width in [8, 4, 2, 1] {
            for lane in 0..<width { lanes[lane] += lanes[lane + width] }
        }
        return lanes[0]
    }
    /// As `laneSum`, of products: each lane is a chain of fused multiply-adds.
    package static func laneSum<Scalar: BinaryFloatingPoint>(_ values: [Scalar], times factors: [Scalar]) -> Scalar {
        var lanes = [Scalar](repeating: 0, count: 16)
        for i in values.indices { lanes[i % 16] = lanes[i % 16].addingProduct(values[i], factors[i]) }
        return laneSum(lanes)
    }
}
