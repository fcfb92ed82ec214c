/// The instruction sets that a copy of the kernels may be compiled for.
package enum InstructionSet: String, Sendable, CaseIterable {
    case avx2, avx512, neon
    /// The slow twins: portable scalar code, the definition of every result.
    case reference
}

/// How the operands of a matrix product lie in memory, in BLAS's words: N as written, T transposed.
package enum MatrixProductForm: String, Sendable, CaseIterable {
    /// `C[m, n] = A[m, k] · B[k, n]`
    case nn
    /// `C[m, n] = A[m, k] · B[n, k]ᵀ`
    case nt
    /// `C[m, n] = A[k, m]ᵀ · B[k, n]`
    case tn
}

/// One matrix product over row-major operands. A stride is the distance in floats between a stored matrix's rows.
///
/// The operands must not overlap `c`. Nothing needs alignment. When `accumulates` is false, `c` is not read.
package struct MatrixProduct {
    package var form: MatrixProductForm
    package var m: Int
    package var n: Int
    package var k: Int
    package var a: UnsafePointer<Float>
    package var aStride: Int
    package var b: UnsafePointer<Float>
    package var bStride: Int
    package var c: UnsafeMutablePointer<Float>
    package var cStride: Int
    package var accumulates: Bool
    /// Rows of the stored B that are near. The others have been written past this processor's caches, so `multiply` asks for them
    /// some time before it uses them.
    package var nearRows = 0..<Int.max

    package init(
        _ form: MatrixProductForm, m: Int, n: Int, k: Int, a: UnsafePointer<Float>, aStride: Int,
        b: UnsafePointer<Float>, bStride: Int, c: UnsafeMutablePointer<Float>, cStride: Int, accumulates: Bool = false
    ) {
        self.form = form
        self.m = m
        self.n = n
        self.k = k
        self.a = a
        self.aStride = aStride
        self.b = b
        self.bStride = bStride
        self.c = c
        self.cStride = cStride
        self.accumulates = accumulates
    }

    package var flops: Double { 2 * Double(m) * Double(n) * Double(k) }
}

/// The samples of a batch that one worker has: whole grains, of which only the batch's last may be short.
package struct GradientSegment {
    package var sampleCount: Int
    /// `[sampleCount, inputFeatures]`
    package var x: UnsafePointer<Float>
    /// `[sampleCount, outputFeatures]`
    package var dy: UnsafePointer<Float>
    /// Nil, or `[grain, InputMarks.groupCount]`: bit s of a mark says that the grain's sample s has an input other than 0
    /// in the group. A product with 0 changes no chain, so it may be left out.
    package var marks: UnsafePointer<UInt32>?

    package init(
        sampleCount: Int, x: UnsafePointer<Float>, dy: UnsafePointer<Float>, marks: UnsafePointer<UInt32>? = nil
    ) {
        self.sampleCount = sampleCount
        self.x = x
        self.dy = dy
        self.marks = marks
    }
}

/// Which inputs are 0, in groups of neighbours.
package enum InputMarks {
    package static let groupSize = 4
    /// Samples of a grain that a mark has bits for.
    package static let grainLimit = 32
    /// Marks of a grain.
    package static func groupCount(_ inputFeatures: Int) -> Int { (inputFeatures + groupSize - 1) / groupSize }
}

/// A part of a dense layer's weight gradient over the grains of one subtree of the canonical tree.
///
/// `gradient[i, o] = T over grains of (chain over the grain's samples s of x[s, i] · dy[s, o])`, for i in `inputs` and o
/// in `outputs`. The grains are those of all segments in order, of which none is empty where there are several. The
/// operands must not overlap `gradient`.
package struct WeightGradient {
    package var inputs: Range<Int>
    package var outputs: Range<Int>
    package var grainSize: Int
    package var segments: UnsafeBufferPointer<GradientSegment>
    /// Input features; 0 where one row serves all samples.
    package var xStride: Int
    package var dyStride: Int
    /// `[inputs.count, outputs.count]`
    package var gradient: UnsafeMutablePointer<Float>
    package var gradientStride: Int

    package init(
        inputs: Range<Int>, outputs: Range<Int>, grainSize: Int, segments: UnsafeBufferPointer<GradientSegment>,
        xStride: Int, dyStride: Int, gradient: UnsafeMutablePointer<Float>, gradientStride: Int
    ) {
        self.inputs = inputs
        self.outputs = outputs
        self.grainSize = grainSize
        self.segments = segments
        self.xStride = xStride
        self.dyStride = dyStride
        self.gradient = gradient
        self.gradientStride = gradientStride
    }
}

extension KernelSet {
    /// The whole weight gradient over samples that lie behind each other: `x: [sampleCount, inputFeatures]`,
    /// `dy: [sampleCount, outputFeatures]`, `gradient: [inputFeatures, outputFeatures]`.
    package func weightGradient(
        inputFeatures: Int, outputFeatures: Int, sampleCount: Int, grainSize: Int, x: UnsafePointer<Float>,
        xStride: Int, dy: UnsafePointer<Float>, dyStride: Int, gradient: UnsafeMutablePointer<Float>,
        gradientStride: Int, workspace: UnsafeMutablePointer<Float>
    ) {
        withUnsafePointer(to: GradientSegment(sampleCount: sampleCount, x: x, dy: dy)) { segment in
            weightGradient(
                WeightGradient(
                    inputs: 0..<inputFeatures, outputs: 0..<outputFeatures, grainSize: grainSize,
                    segments: UnsafeBufferPointer(start: segment, count: 1), xStride: xStride, dyStride: dyStride,
                    gradient: gradient, gradientStride: gradientStride),
                workspace: workspace)
        }
    }
}

/// All loops over floats. One conforming type for each instruction set, and `ReferenceKernels`, the slow twin.
///
/// Every method gives the same bits on every conforming type (docs/NUMERICS.md), so tests compare with `==`. Pointers
/// need no alignment and must not overlap unless a method says so. Sizes of zero are allowed.
package protocol KernelSet:
    ActivationKernels, ConvolutionKernels, LossKernels, NormalizationKernels, OptimizerKernels, Sendable
{
    var instructionSet: InstructionSet { get }

    // MARK: Matrix products

    /// Each element is one chain of fused multiply-adds over k in ascending order, from 0 or from `C`, ended by
    /// `+ 0.0`. `workspace` holds `KernelWorkspace.floatCount` floats.
    func multiply(_ product: MatrixProduct, workspace: UnsafeMutablePointer<Float>)

    /// Whether `multiply` asks for the memory of a `B[k, n]` before it uses it, so that it may lie outside the caches, where
    /// another worker has posted it, and need not be asked for first.
    ///
    /// - Parameter hasManyZeros: Whether a third of A's elements, or more, are likely to be 0.
    func readsAhead(m: Int, n: Int, k: Int, hasManyZeros: Bool) -> Bool

    /// See `WeightGradient`; each grain's chain begins at 0 and is ended by `+ 0.0`.
    /// `workspace` holds `KernelWorkspace.floatCount` floats.
    func weightGradient(_ gradient: WeightGradient, workspace: UnsafeMutablePointer<Float>)

    /// `sums[j]` = canonical tree over grains of the sequential sum of `rows[s, j]`: a bias gradient.
    func biasGradient(
        rowCount: Int, columnCount: Int, grainSize: Int, rows: UnsafePointer<Float>, rowStride: Int,
        sums: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>)

    // MARK: Element by element

    /// `destination[i] = source[i] / 255`, correctly rounded.
    func convertPixels(_ source: UnsafePointer<UInt8>, count: Int, to destination: UnsafeMutablePointer<Float>)

    /// `x[i] = (x[i] − means[i]) · scales[i]`, each rounded.
    func standardize(
        _ x: UnsafeMutablePointer<Float>, count: Int, means: UnsafePointer<Float>, scales: UnsafePointer<Float>)

    /// Adds `bit` to the mark of each group (`InputMarks`) of the `count` bytes that holds one other than 0.
    func markInputs(_ source: UnsafePointer<UInt8>, count: Int, bit: UInt32, in marks: UnsafeMutablePointer<UInt32>)

    /// `y[r, j] = y[r, j] + bias[j]`
    func addBias(
        rowCount: Int, columnCount: Int, rows: UnsafeMutablePointer<Float>, rowStride: Int, bias: UnsafePointer<Float>)

    /// `y[i] = x[i] > 0 ? x[i] : 0`. `y` may be `x`.
    func rectify(_ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>)

    /// `dx[i] = y[i] > 0 ? dy[i] : 0`, with `y` the rectifier's output. `dx` may be `dy`.
    func rectifyGradient(
        y: UnsafePointer<Float>, dy: UnsafePointer<Float>, count: Int, to dx: UnsafeMutablePointer<Float>)

    /// `y[i] = eˣ` by our own polynomial (docs/NUMERICS.md). `y` may be `x`.
    func exponential(_ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>)

    /// `y[i] = ln x` by our own polynomial (docs/NUMERICS.md). `y` may be `x`.
    func naturalLogarithm(_ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>)

    // MARK: Losses

    /// For each row r: `losses[r] = −ln softmax(logits[r])[labels[r]]`, `predictions[r]` the first greatest logit, and
    /// `gradient[r, j] = (softmax(logits[r])[j] − [j == labels[r]]) / denominator`.
    ///
    /// `gradient` has the logits' stride, may be the logits, and may be nil (evaluation). Labels lie in
    /// `0..<classCount`, which is at most 256. `workspace` holds `KernelWorkspace.floatCount` floats.
    func softmaxCrossEntropy(
        rowCount: Int, classCount: Int, logits: UnsafePointer<Float>, rowStride: Int, labels: UnsafePointer<UInt8>,
        denominator: Float, losses: UnsafeMutablePointer<Float>, predictions: UnsafeMutablePointer<UInt8>,
        gradient: UnsafeMutablePointer<Float>?, workspace: UnsafeMutablePointer<Float>)

    // MARK: Reduction

    /// Finishes a canonical tree for `count` floats: pushes `sources` in order, adds as `additions` says
    /// (`CanonicalTree.additions`). `destination` may be a source. `workspace` holds
    /// `KernelWorkspace.treeSumFloatCount` floats.
    func treeSum(
        _ sources: UnsafeBufferPointer<UnsafePointer<Float>>, additions: UnsafeBufferPointer<Int>, offset: Int,
        count: Int, to destination: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>)

    /// `destination[i] = source[i]`, for others to read: past the caches where `destination` is a multiple of 64 bytes;
    /// a fence (`lockstep_stream_fence`) belongs between the last call and telling others.
    func post(_ source: UnsafePointer<Float>, count: Int, to destination: UnsafeMutablePointer<Float>)

    /// `iterations` rounds of fused multiply-adds on registers alone, as many side by side as hide their latency;
    /// returns the operations done. What the processor can do at most.
    func spinFusedMultiplyAdds(iterations: Int) -> Double

    /// Whether every value is finite.
    func allFinite(_ values: UnsafePointer<Float>, count: Int) -> Bool
}
