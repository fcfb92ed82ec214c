import KernelContract
import Kernels
import Randomness
import Tensors

/// The compiled copies that this machine can run: each is compared with its slow twin.
let variants: [any KernelSet] = KernelSelection.available.filter { $0.instructionSet != .reference }
let reference = ReferenceKernels()

/// Values that make rounding visible: of both signs and many magnitudes, some of them zero.
func randomValues(_ count: Int, seed: UInt64, zeros: Bool = true) -> [Float] {
    let random = KeyedRandom(seed: seed, purpose: .synthetic)
    return (0..<count).map { index in
        let position = UInt64(index) * 2
        let value = random.uniformFloat(at: position) * 2 - 1
        let word = random.word(at: position + 1)
        if zeros && word % 8 == 0 { return word % 16 == 0 ? -0.0 : 0 }
        return value * Float(sign: .plus, exponent: Int(word >> 8) % 12 - 6, significand: 1)
    }
}

/// Compares bits, so that −0 differs from +0 and NaN equals itself.
func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

final class Workspace {
    private var buffer = KernelWorkspace()
    var base: UnsafeMutablePointer<Float> { buffer.base }
}

extension MatrixProduct {
    /// Runs `kernels` over copies in arrays; returns C with its padding.
    static func run(
        _ kernels: any KernelSet, _ form: MatrixProductForm, m: Int, n: Int, k: Int, padding: Int, accumulates: Bool,
        a: [Float], b: [Float], c: [Float]
    ) -> [Float] {
        var c = c
        let workspace = Workspace()
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                c.withUnsafeMutableBufferPointer { c in
                    let product = MatrixProduct(
                        form, m: m, n: n, k: k, a: a.baseAddress!, aStride: (form == .tn ? m : k) + padding,
                        b: b.baseAddress!, bStride: (form == .nt ? k : n) + padding, c: c.baseAddress!,
                        cStride: n + padding, accumulates: accumulates)
                    kernels.multiply(product, workspace: workspace.base)
                }
            }
        }
        return c
    }
}
