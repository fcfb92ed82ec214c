import Foundation
import KernelContract
import Kernels
import Testing

@Suite("Our own exp and ln")
struct TranscendentalTests {
    /// Every 16,411th of all 2^32 inputs (a prime: all exponents and low bits occur), and the special ones.
    static let inputs: [Float] =
        stride(from: UInt64(0), to: 1 << 32, by: 16_411).map { Float(bitPattern: UInt32($0)) }
        + [
            0, -0.0, .infinity, -.infinity, .nan, 1, -1, 0x1p-149, 0x1p-126, 88.72283, 88.722_84, -103.972_08,
            -87.336_54,
        ]

    @Test("the same bits on every instruction set", arguments: variants.map(\.instructionSet))
    func bitsEqual(instructionSet: InstructionSet) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        func run(_ kernels: any KernelSet) -> [[Float]] {
            var exponentials = Self.inputs
            kernels.exponential(Self.inputs, count: Self.inputs.count, to: &exponentials)
            var logarithms = Self.inputs
            kernels.naturalLogarithm(Self.inputs, count: Self.inputs.count, to: &logarithms)
            return [exponentials, logarithms]
        }
        for (actual, expected) in zip(run(kernels), run(reference)) {
            let differing = zip(actual, expected).enumerated().filter { _, pair in
                pair.0.bitPattern != pair.1.bitPattern && !(pair.0.isNaN && pair.1.isNaN)
            }
            #expect(differing.isEmpty, "first at \(Self.inputs[differing.first?.offset ?? 0])")
        }
    }

    @Test("within 1.5 ULP of the rounded Double value")
    func accuracy() {
        var worst: (exponential: Double, logarithm: Double) = (0, 0)
        for x in Self.inputs where x.isFinite {
            let e = exp(Double(x))
            if Float(e).isNormal { worst.exponential = max(worst.exponential, error(ReferenceMath.exponential(x), e)) }
            if x > 0 {
                worst.logarithm = max(worst.logarithm, error(ReferenceMath.naturalLogarithm(x), log(Double(x))))
            }
        }
        #expect(worst.exponential < 1.5 && worst.exponential > 0.4, "exp: \(worst.exponential) ULP")
        #expect(worst.logarithm < 1.5 && worst.logarithm > 0.4, "ln: \(worst.logarithm) ULP")
    }

    @Test("special values", arguments: KernelSelection.available.map(\.instructionSet))
    func special(instructionSet: InstructionSet) throws {
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        let x: [Float] = [0, -.infinity, .infinity, .nan, -200, 200, 1, -1]
        var e = x
        kernels.exponential(x, count: x.count, to: &e)
        #expect(e[0] == 1 && e[1] == 0 && e[2] == .infinity && e[3].isNaN && e[4] == 0 && e[5] == .infinity)
        var l = x
        kernels.naturalLogarithm(x, count: x.count, to: &l)
        #expect(l[0] == -.infinity && l[1].isNaN && l[2] == .infinity && l[3].isNaN && l[6] == 0 && l[7].isNaN)
    }

    /// The distance of `value` from `exact` in units of the last place of `exact` rounded to Float.
    private func error(_ value: Float, _ exact: Double) -> Double {
        let ulp = Double(Float(exact).ulp)
        return abs(Double(value) - exact) / ulp
    }
}
