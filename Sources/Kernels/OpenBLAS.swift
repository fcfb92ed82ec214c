import Glibc
import KernelContract

/// OpenBLAS where the machine has it, to measure beside: loaded when asked for, never linked.
package struct OpenBLAS {
    /// The kernels it uses, by its name for a processor.
    package let coreName: String
    package let version: String

    private typealias Multiply =
        @convention(c) (
            _ order: Int32, _ transposeA: Int32, _ transposeB: Int32, _ m: Int32, _ n: Int32, _ k: Int32,
            _ alpha: Float,
            _ a: UnsafePointer<Float>, _ aStride: Int32, _ b: UnsafePointer<Float>, _ bStride: Int32, _ beta: Float,
            _ c: UnsafeMutablePointer<Float>, _ cStride: Int32
        ) -> Void
    private let sgemm: Multiply

    /// One thread, with the best kernels for `instructionSet`: left alone it takes AVX2's on AMD processors.
    /// `OPENBLAS_CORETYPE` says otherwise.
    static func load(for instructionSet: InstructionSet) -> OpenBLAS? {
        switch instructionSet {
        case .avx512: setenv("OPENBLAS_CORETYPE", "SkylakeX", 0)
        case .avx2: setenv("OPENBLAS_CORETYPE", "Haswell", 0)
        case .neon, .reference: break
        }
        setenv("OPENBLAS_NUM_THREADS", "1", 1)
        guard let library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL),
            let sgemm = dlsym(library, "cblas_sgemm"), let setThreads = dlsym(library, "openblas_set_num_threads"),
            let coreName = dlsym(library, "openblas_get_corename"), let config = dlsym(library, "openblas_get_config")
        else { return nil }
        unsafeBitCast(setThreads, to: (@convention(c) (Int32) -> Void).self)(1)
        typealias Text = @convention(c) () -> UnsafePointer<CChar>?
        let core = unsafeBitCast(coreName, to: Text.self)().map { String(cString: $0) } ?? "unknown"
        let words = unsafeBitCast(config, to: Text.self)().map { String(cString: $0).split(separator: " ") } ?? []
        return OpenBLAS(
            coreName: core, version: words.count > 1 ? String(words[1]) : "of unknown version",
            sgemm: unsafeBitCast(sgemm, to: Multiply.self))
    }

    /// Row-major: `CblasRowMajor`, `CblasNoTrans` or `CblasTrans`.
    func multiply(_ product: MatrixProduct) {
        sgemm(
            101, product.form == .tn ? 112 : 111, product.form == .nt ? 112 : 111, Int32(product.m), Int32(product.n),
            Int32(product.k), 1, product.a, Int32(product.aStride), product.b, Int32(product.bStride),
            product.accumulates ? 1 : 0, product.c, Int32(product.cStride))
    }
}
