import KernelContract

/// Speed of the matrix products on one core, as a share of the FMA peak measured just before.
package struct MatrixBenchmark {
    package struct Result: Codable, Sendable {
        package let m: Int
        package let n: Int
        package let k: Int
        /// `nn`, `nt`, `tn`, or `tn, grain 8` for a weight gradient with the canonical tree.
        package let transpose: String
        package let gflops: Double
        package let fractionOfPeak: Double
    }

    /// Operations per second.
    package let peak: Double
    private let kernels: any KernelSet

    package init(_ kernels: any KernelSet) {
        self.kernels = kernels
        peak = kernels.measuredPeakFlops()
    }

    /// The products of a 784-128-64-10 step with 64 samples, and square ones.
    package func run() -> [Result] {
        let products: [(MatrixProductForm, m: Int, n: Int, k: Int)] = [
            (.nn, 64, 128, 784), (.nn, 64, 64, 128), (.nn, 64, 10, 64), (.nt, 64, 64, 10), (.nt, 64, 128, 64),
            (.nn, 96, 128, 784), (.nn, 512, 512, 512), (.nt, 512, 512, 512), (.tn, 512, 512, 512),
            (.nn, 1_024, 1_024, 1_024),
        ]
        let gradients: [(inputs: Int, outputs: Int, samples: Int, grain: Int)] = [
            (784, 128, 64, 8), (128, 64, 64, 8), (64, 10, 64, 8), (1_024, 1_024, 256, 16),
        ]
        let scratch = Scratch()
        var results = products.map { form, m, n, k in
            let product = MatrixProduct(
                form, m: m, n: n, k: k, a: scratch.a, aStride: form == .tn ? m : k, b: scratch.b,
                bStride: form == .nt ? k : n, c: scratch.c, cStride: n)
            return measure(form.rawValue, m: m, n: n, k: k) { kernels.multiply(product, workspace: scratch.workspace) }
        }
        results += gradients.map { inputs, outputs, samples, grain in
            measure("tn, grain \(grain)", m: inputs, n: outputs, k: samples) {
                kernels.weightGradient(
                    inputFeatures: inputs, outputFeatures: outputs, sampleCount: samples, grainSize: grain,
                    x: scratch.a, xStride: inputs, dy: scratch.b, dyStride: outputs, gradient: scratch.c,
                    gradientStride: outputs, workspace: scratch.workspace)
            }
        }
        for density in [0, 20, 40, 60, 80, 100] {
            var state: UInt64 = 1
            let marks = UnsafeMutablePointer<UInt32>.allocate(capacity: 196 * 8)
            for i in 0..<196 * 8 {
                var mark: UInt32 = 0
                for bit in 0..<8 {
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    if (state >> 33) % 100 < density { mark |= 1 << UInt32(bit) }
                }
                marks[i] = mark
            }
            let segment = UnsafeMutablePointer<GradientSegment>.allocate(capacity: 1)
            segment.initialize(to: GradientSegment(sampleCount: 64, x: scratch.a, dy: scratch.b, marks: marks))
            results.append(measure("marked \(density)", m: 784, n: 128, k: 64) {
                kernels.weightGradient(
                    WeightGradient(
                        inputs: 0..<784, outputs: 0..<128, grainSize: 8,
                        segments: UnsafeBufferPointer(start: segment, count: 1), xStride: 784, dyStride: 128,
                        gradient: scratch.c, gradientStride: 128), workspace: scratch.workspace)
            })
        }
        return results
    }

    /// The best of seven runs of at least 5 ms each.
    private func measure(_ name: String, m: Int, n: Int, k: Int, _ body: () -> Void) -> Result {
        let flops = 2 * Double(m) * Double(n) * Double(k)
        let repetitions = max(1, Int(5e-3 * peak / flops))
        body()
        var best = Double.infinity
        for _ in 0..<7 {
            let begin = ContinuousClock.now
            for _ in 0..<repetitions { body() }
            best = min(best, (ContinuousClock.now - begin).seconds / Double(repetitions))
        }
        return Result(
            m: m, n: n, k: k, transpose: name, gflops: flops / best * 1e-9, fractionOfPeak: flops / best / peak)
    }

    /// Operands of up to 1,024 × 1,024 floats.
    private final class Scratch {
        static func make(_ n: Int) -> UnsafeMutablePointer<Float> { UnsafeMutableRawPointer.allocate(byteCount: n * 4, alignment: 64).bindMemory(to: Float.self, capacity: n) }
        let a = make(1 << 20)
        let b = make(1 << 20)
        let c = make(1 << 20)
        let workspace = make(kernelWorkspaceFloatCount)

        init() {
            a.initialize(repeating: 0.5, count: 1 << 20)
            b.initialize(repeating: 0.25, count: 1 << 20)
            c.initialize(repeating: 0, count: 1 << 20)
            workspace.initialize(repeating: 0, count: kernelWorkspaceFloatCount)
        }

        deinit {
            a.deallocate()
            b.deallocate()
            c.deallocate()
            workspace.deallocate()
        }
    }
}
