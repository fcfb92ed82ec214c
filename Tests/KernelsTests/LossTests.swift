import KernelContract
import Kernels
import Testing

@Suite("Losses")
struct LossTests {
    /// Targets of one label, and such as two labels share.
    enum Targets: CaseIterable { case labels, mixed }

    private static func cases(_ kind: LossKind, _ targets: Targets, _ classCount: Int) -> [LossCase] {
        let mixing: LossCase.Mixing? = targets == .mixed ? .byRow : nil
        guard kind == .crossEntropy else { return [LossCase(classCount: classCount, mixing: mixing)] }
        return [(0, false), (0.1, false), (0, true), (0.3, true)].map {
            LossCase(classCount: classCount, labelSmoothing: $0, isWeighted: $1, mixing: mixing)
        }
    }

    @Test(
        "the slow twins' bits",
        arguments: variants.map(\.instructionSet),
        LossKind.allCases.flatMap { kind in Targets.allCases.map { (kind, $0) } })
    func bitsEqual(instructionSet: InstructionSet, example: (kind: LossKind, targets: Targets)) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        for classCount in [1, 2, 10, 16, 17, 40, 256] {
            for rows in Self.cases(example.kind, example.targets, classCount) {
                let (actual, expected) = (rows.run(kernels, example.kind), rows.run(reference, example.kind))
                #expect(bits(actual.losses) == bits(expected.losses), "\(classCount) classes")
                #expect(bits(actual.gradient) == bits(expected.gradient), "\(classCount) classes")
                #expect(actual.predictions == expected.predictions, "\(classCount) classes")
                if classCount > 2 { #expect(actual.predictions[0] == 1) }
            }
        }
    }

    @Test(
        "without smoothing and weights, weighted cross-entropy has the plain one's bits",
        arguments: KernelSelection.available.map(\.instructionSet))
    func plain(instructionSet: InstructionSet) throws {
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        for classCount in [2, 10, 17] {
            let example = LossCase(classCount: classCount)
            let weighted = example.run(kernels, .crossEntropy)
            let plain = example.run(kernels, .crossEntropy, by: .plain)
            #expect(weighted.losses == plain.losses && weighted.gradient == plain.gradient, "\(classCount) classes")
            #expect(weighted.predictions == plain.predictions)
        }
    }

    @Test("a share of 1 is one label", arguments: KernelSelection.available.map(\.instructionSet))
    func wholeShares(instructionSet: InstructionSet) throws {
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        for classCount in [2, 10, 17] {
            let example = LossCase(classCount: classCount, labelSmoothing: 0.2, isWeighted: true, mixing: .all(1))
            let mixed = example.run(kernels, .crossEntropy)
            let one = example.run(kernels, .crossEntropy, by: .oneLabel)
            #expect(mixed.losses == one.losses && mixed.gradient == one.gradient, "\(classCount) classes")
            #expect(mixed.predictions == one.predictions)
        }
    }

    @Test(
        "losses are the definition's, gradients its central differences", arguments: LossKind.allCases, Targets.allCases
    )
    func differences(kind: LossKind, targets: Targets) {
        for classCount in [2, 10, 17] {
            for example in Self.cases(kind, targets, classCount) {
                let result = example.run(reference, kind)
                for r in 0..<example.rowCount {
                    let row = (0..<classCount).map { Double(example.outputs[r * example.stride + $0]) }
                    let loss = example.exact(kind, row, row: r)
                    #expect(abs(Double(result.losses[r]) - loss) <= 2e-6 * max(1, loss), "row \(r)")
                    for j in 0..<classCount {
                        let h = 1e-5
                        var (upper, lower) = (row, row)
                        upper[j] += h
                        lower[j] -= h
                        let (above, below) = (example.exact(kind, upper, row: r), example.exact(kind, lower, row: r))
                        // A kink of |x − z| has no difference quotient; its gradient is 0.
                        let isKink = kind == .meanAbsoluteError && above - loss > 0 && below - loss > 0
                        let slope = isKink ? 0 : (above - below) / (2 * h) / Double(example.denominator)
                        let gradient = Double(result.gradient[r * example.stride + j])
                        #expect(abs(gradient - slope) < 1e-6 * max(1, abs(slope)), "row \(r), output \(j)")
                    }
                }
            }
        }
    }
}
