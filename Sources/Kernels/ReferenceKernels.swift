import KernelContract

/// The slow twins as a kernel set: scalar, portable, the oracle of every variant. `LOCKSTEP_ISA=reference` trains with it.
package struct ReferenceKernels: KernelSet {
    package init() {}

    package var instructionSet: InstructionSet { .reference }

    package func multiply(_ p: MatrixProduct, workspace: UnsafeMutablePointer<Float>) {
        Reference.multiply(
            p.form, m: p.m, n: p.n, k: p.k, a: p.a, aStride: p.aStride, b: p.b, bStride: p.bStride, c: p.c,
            cStride: p.cStride, accumulates: p.accumulates)
    }

    package func weightGradient(_ g: WeightGradient, workspace: UnsafeMutablePointer<Float>) {
        Reference.weightGradient(
            inputFeatures: g.inputFeatures, outputFeatures: g.outputFeatures,
            partition: GrainPartition(sampleCount: g.sampleCount, grainSize: g.grainSize), x: g.x, xStride: g.xStride,
            dy: g.dy, dyStride: g.dyStride, gradient: g.gradient, gradientStride: g.gradientStride)
    }

    package func biasGradient(
        rowCount: Int, columnCount: Int, grainSize: Int, rows: UnsafePointer<Float>, rowStride: Int,
        sums: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>
    ) {
        let partition = GrainPartition(sampleCount: rowCount, grainSize: grainSize)
        for j in 0..<columnCount {
            let grains = (0..<partition.grainCount).map { grain in
                partition.samples(of: grain..<grain + 1).reduce(Float(0)) { $0 + rows[$1 * rowStride + j] } + 0
            }
            sums[j] = CanonicalTree.sum(grains, zero: 0, +)
        }
    }

    package func convertPixels(
        _ source: UnsafePointer<UInt8>, count: Int, to destination: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count { destination[i] = Float(source[i]) / 255 }
    }

    package func addBias(
        rowCount: Int, columnCount: Int, rows: UnsafeMutablePointer<Float>, rowStride: Int, bias: UnsafePointer<Float>
    ) {
        for r in 0..<rowCount {
            for j in 0..<columnCount { rows[r * rowStride + j] += bias[j] }
        }
    }

    package func rectify(_ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>) {
        for i in 0..<count { y[i] = x[i] > 0 ? x[i] : 0 }
    }

    package func rectifyGradient(
        y: UnsafePointer<Float>, dy: UnsafePointer<Float>, count: Int, to dx: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count { dx[i] = y[i] > 0 ? dy[i] : 0 }
    }

    package func exponential(_ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>) {
        for i in 0..<count { y[i] = ReferenceMath.exponential(x[i]) }
    }

    package func naturalLogarithm(_ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>) {
        for i in 0..<count { y[i] = ReferenceMath.naturalLogarithm(x[i]) }
    }

    package func softmaxCrossEntropy(
        rowCount: Int, classCount: Int, logits: UnsafePointer<Float>, rowStride: Int, labels: UnsafePointer<UInt8>,
        denominator: Float, losses: UnsafeMutablePointer<Float>, predictions: UnsafeMutablePointer<UInt8>,
        gradient: UnsafeMutablePointer<Float>?, workspace: UnsafeMutablePointer<Float>
    ) {
        guard classCount > 0 else { return }
        for r in 0..<rowCount {
            let row = (0..<classCount).map { logits[r * rowStride + $0] }
            let label = Int(labels[r])
            var prediction = 0
            for j in 0..<classCount where row[j] > row[prediction] { prediction = j }
            let powers = row.map { ReferenceMath.exponential($0 - row[prediction]) }
            let sum = Reference.laneSum(powers)
            losses[r] = ReferenceMath.naturalLogarithm(sum) - (row[label] - row[prediction])
            predictions[r] = UInt8(truncatingIfNeeded: prediction)
            guard let gradient else { continue }
            for j in 0..<classCount {
                gradient[r * rowStride + j] = (powers[j] / sum - (j == label ? 1 : 0)) / denominator
            }
        }
    }

    package func treeSum(
        _ sources: UnsafeBufferPointer<UnsafePointer<Float>>, additions: UnsafeBufferPointer<Int>, offset: Int,
        count: Int, to destination: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count {
            var stack: [Float] = []
            for (source, merges) in zip(sources, additions) {
                stack.append(source[offset + i])
                for _ in 0..<merges {
                    let upper = stack.removeLast()
                    stack[stack.count - 1] += upper
                }
            }
            if let sum = stack.first { destination[i] = sum }
        }
    }

    package func spinFusedMultiplyAdds(iterations: Int) -> Double {
        // The start is not known to the compiler, so that the chain is really computed.
        var sum = Float(iterations)
        for _ in 0..<iterations { sum = Float(1).addingProduct(sum, 0.75) }
        return sum > 0 ? 2 * Double(iterations) : 0
    }

    package func allFinite(_ values: UnsafePointer<Float>, count: Int) -> Bool {
        (0..<count).allSatisfy { values[$0].isFinite }
    }
}
