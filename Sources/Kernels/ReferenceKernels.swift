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

    package func readsAhead(m: Int, n: Int, k: Int, hasManyZeros: Bool) -> Bool { false }

    package func weightGradient(_ g: WeightGradient, workspace: UnsafeMutablePointer<Float>) {
        // All segments behind each other; marks only say what is 0 in x anyway.
        var x: [Float] = []
        var dy: [Float] = []
        for segment in g.segments {
            for sample in 0..<segment.sampleCount {
                x += UnsafeBufferPointer(start: segment.x + sample * g.xStride, count: g.inputs.upperBound)[g.inputs]
                dy +=
                    UnsafeBufferPointer(start: segment.dy + sample * g.dyStride, count: g.outputs.upperBound)[g.outputs]
            }
        }
        let sampleCount = g.segments.reduce(0) { $0 + $1.sampleCount }
        Reference.weightGradient(
            inputFeatures: g.inputs.count, outputFeatures: g.outputs.count,
            partition: GrainPartition(sampleCount: sampleCount, grainSize: g.grainSize), x: x, xStride: g.inputs.count,
            dy: dy, dyStride: g.outputs.count, gradient: g.gradient, gradientStride: g.gradientStride)
    }

    package func biasGradient(
        rowCount: Int, columnCount: Int, grainSize: Int, rows: UnsafePointer<Float>, rowStride: Int,
        sums: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>
    ) {
        Reference.biasGradient(
            columnCount: columnCount, partition: GrainPartition(sampleCount: rowCount, grainSize: grainSize),
            rows: rows, rowStride: rowStride, sums: sums)
    }

    package func convertPixels(
        _ source: UnsafePointer<UInt8>, count: Int, to destination: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count { destination[i] = Float(source[i]) / 255 }
    }

    package func standardize(
        _ x: UnsafeMutablePointer<Float>, count: Int, means: UnsafePointer<Float>, scales: UnsafePointer<Float>
    ) {
        for i in 0..<count { x[i] = (x[i] - means[i]) * scales[i] }
    }

    package func markInputs(
        _ source: UnsafePointer<UInt8>, count: Int, bit: UInt32, in marks: UnsafeMutablePointer<UInt32>
    ) {
        for i in 0..<count where source[i] != 0 { marks[i / InputMarks.groupSize] |= bit }
    }

    package func post(_ source: UnsafePointer<Float>, count: Int, to destination: UnsafeMutablePointer<Float>) {
        destination.update(from: source, count: count)
    }

    package func addBias(
        rowCount: Int, columnCount: Int, rows: UnsafeMutablePointer<Float>, rowStride: Int, bias: UnsafePointer<Float>
    ) {
        Reference.addBias(
            rowCount: rowCount, columnCount: columnCount, rows: rows, rowStride: rowStride, bias: bias)
    }

    package func rectify(_ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>) {
        for i in 0..<count { y[i] = Reference.rectify(x[i]) }
    }

    package func rectifyGradient(
        y: UnsafePointer<Float>, dy: UnsafePointer<Float>, count: Int, to dx: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count { dx[i] = Reference.rectifyGradient(y: y[i], dy: dy[i]) }
    }

    package func exponential(_ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>) {
        for i in 0..<count { y[i] = ReferenceMath.exponential(x[i]) }
    }

    package func naturalLogarithm(_ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>) {
        for i in 0..<count { y[i] = ReferenceMath.naturalLogarithm(x[i]) }
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
