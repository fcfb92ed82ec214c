import Glibc
import KernelContract
import Randomness
import Tensors

/// Speed of the matrix products on one core, as a share of the FMA peak measured just before, with OpenBLAS's beside it
/// where that is installed.
package struct MatrixBenchmark {
    package struct Result: Codable, Sendable {
        /// Where the product comes from: a network and how many workers share its batch, or `square`.
        package let name: String
        package let m: Int
        package let n: Int
        package let k: Int
        /// `nn`, `nt`, `tn`, or `tn, grain 8` for a weight gradient with the canonical tree; `marks` where the inputs are
        /// marked, `half 0` where they are a rectifier's.
        package let transpose: String
        package let gflops: Double
        package let fractionOfPeak: Double
        /// OpenBLAS's `cblas_sgemm` on the same operands, in turn with ours; nil where it is not installed.
        package let openBLASGflops: Double?
        package let openBLASFractionOfPeak: Double?
    }

    /// Operations per second.
    package let peak: Double
    /// The library beside which is measured, if it is there.
    package let openBLAS: OpenBLAS?
    private let kernels: any KernelSet

    package init(_ kernels: any KernelSet) {
        self.kernels = kernels
        peak = kernels.measuredPeakFlops()
        openBLAS = OpenBLAS.load(for: kernels.instructionSet)
    }

    /// The products of the benchmark networks' steps, for the whole batch and half of it, and large ones.
    package func run() -> [Result] {
        let cases = MatrixBenchmarkCase.all
        let operands = Operands(cases)
        return cases.map { measure($0, operands) }
    }

    private func measure(_ test: MatrixBenchmarkCase, _ operands: Operands) -> Result {
        let (m, n, k) = (test.m, test.n, test.k)
        let product = operands.product(test)
        let workspace = operands.workspace.base
        let seconds: (own: Double, other: Double?)
        if let grain = test.grain {
            let gradient = operands.segment(test, grain: grain)
            defer { gradient.deallocate() }
            let work = WeightGradient(
                inputs: 0..<m, outputs: 0..<n, grainSize: grain, segments: UnsafeBufferPointer(gradient), xStride: m,
                dyStride: n, gradient: product.c, gradientStride: n)
            seconds = best(flops: product.flops, openBLAS.map { ($0, product) }) {
                kernels.weightGradient(work, workspace: workspace)
            }
        } else {
            seconds = best(flops: product.flops, openBLAS.map { ($0, product) }) {
                kernels.multiply(product, workspace: workspace)
            }
        }
        let speed = product.flops / seconds.own
        let other = seconds.other.map { product.flops / $0 }
        return Result(
            name: test.name, m: m, n: n, k: k, transpose: test.form, gflops: speed * 1e-9,
            fractionOfPeak: speed / peak, openBLASGflops: other.map { $0 * 1e-9 },
            openBLASFractionOfPeak: other.map { $0 / peak })
    }

    /// Seconds of one call: the best of nine runs of about 3 ms, ours and theirs in turn; of three where a call takes
    /// longer than 50 ms.
    private func best(
        flops: Double, _ other: (OpenBLAS, MatrixProduct)?, _ own: () -> Void
    ) -> (own: Double, other: Double?) {
        let repetitions = max(1, Int(3e-3 * peak / flops))
        var result = (own: Double.infinity, other: other.map { _ in Double.infinity })
        own()
        other.map { $0.multiply($1) }
        for _ in 0..<(flops > 0.05 * peak ? 3 : 9) {
            result.own = min(result.own, seconds(repetitions, own))
            if let (library, product) = other {
                result.other = min(
                    result.other ?? .infinity, seconds(repetitions) { library.multiply(product) })
            }
        }
        return result
    }

    /// Processor time of this thread for one call: what others do on the core does not count, what they do to the caches
    /// does.
    private func seconds(_ repetitions: Int, _ body: () -> Void) -> Double {
        let begin = processorSeconds()
        for _ in 0..<repetitions { body() }
        return (processorSeconds() - begin) / Double(repetitions)
    }

    private func processorSeconds() -> Double {
        var time = timespec()
        guard clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0 else { fatalError("clock_gettime: errno \(errno)") }
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// Operands at cache lines, of values between −1 and 1, large enough for every case.
    private final class Operands {
        let a: AlignedBuffer<Float>
        /// `a` behind a rectifier.
        let rectified: AlignedBuffer<Float>
        let b: AlignedBuffer<Float>
        let c: AlignedBuffer<Float>
        let workspace = KernelWorkspace()
        let marks: AlignedBuffer<UInt32>
        private let random = KeyedRandom(seed: 1, purpose: .synthetic)

        init(_ cases: [MatrixBenchmarkCase]) {
            a = AlignedBuffer(count: cases.map { $0.m * $0.k }.max() ?? 0)
            rectified = AlignedBuffer(count: cases.filter(\.isRectified).map { $0.m * $0.k }.max() ?? 0)
            b = AlignedBuffer(count: cases.map { $0.k * $0.n }.max() ?? 0)
            c = AlignedBuffer(count: cases.map { $0.m * $0.n }.max() ?? 0)
            marks = AlignedBuffer(count: cases.map { InputMarks.groupCount($0.m) * $0.k }.max() ?? 0)
            for i in 0..<a.count { a.base[i] = random.uniformFloat(at: UInt64(i)) * 2 - 1 }
            for i in 0..<rectified.count { rectified.base[i] = max(a.base[i], 0) }
            for i in 0..<b.count { b.base[i] = random.uniformFloat(at: UInt64(a.count + i)) * 2 - 1 }
        }

        func product(_ test: MatrixBenchmarkCase) -> MatrixProduct {
            let form = test.product
            let a = test.isRectified ? rectified.base : self.a.base
            return MatrixProduct(
                form, m: test.m, n: test.n, k: test.k, a: a, aStride: form == .tn ? test.m : test.k, b: b.base,
                bStride: form == .nt ? test.k : test.n, c: c.base, cStride: test.n)
        }

        /// The one segment of a weight gradient; the caller frees it.
        func segment(_ test: MatrixBenchmarkCase, grain: Int) -> UnsafeMutableBufferPointer<GradientSegment> {
            let product = product(test)
            var segment = GradientSegment(sampleCount: test.k, x: product.a, dy: product.b)
            if let share = test.markedShare {
                let count = InputMarks.groupCount(test.m) * ((test.k + grain - 1) / grain)
                for mark in 0..<count {
                    marks.base[mark] = (0..<grain).reduce(0) { bits, sample in
                        let isSet = Double(random.uniformFloat(at: UInt64(mark * grain + sample))) < share
                        return bits | (isSet ? 1 << UInt32(sample) : 0)
                    }
                }
                segment.marks = UnsafePointer(marks.base)
            }
            let buffer = UnsafeMutableBufferPointer<GradientSegment>.allocate(capacity: 1)
            buffer.initialize(repeating: segment)
            return buffer
        }
    }
}
