import Foundation
import KernelContract
import Kernels
import Testing

/// Rows of outputs against targets that two labels share.
private struct MixedCase {
    let classCount: Int
    var labelSmoothing = 0.0
    let weights: [Float]
    var outputs: [Float]
    /// Of all rows; nil for a share of its own for each.
    var share: Float?
    let rowCount = 21
    let denominator: Float = 9

    var stride: Int { classCount + 3 }
    var labels: [UInt8] { (0..<rowCount).map { UInt8($0 * 7 % classCount) } }
    /// Some are the label itself.
    var partners: [UInt8] { (0..<rowCount).map { UInt8($0 * 5 % classCount) } }
    var shares: [Float] {
        (0..<rowCount).map { share ?? [0, 1, 0.5, 0x1p-16, 1 - 0x1p-16, 0.25, 0.75][$0 % 7] }
    }

    init(classCount: Int, labelSmoothing: Double = 0, isWeighted: Bool = false, share: Float? = nil) {
        self.classCount = classCount
        self.labelSmoothing = labelSmoothing
        self.share = share
        weights = (0..<classCount).map { isWeighted ? Float($0 % 5) * 0.5 + 0.25 : 1 }
        outputs = randomValues(21 * (classCount + 3), seed: 61)
        if classCount > 2 {
            outputs[1] = 100
            outputs[2] = 100
            outputs[stride] = -200
            outputs[2 * stride + Int(labels[2])] = 0.5
        }
    }

    /// With `isMixed` false by the kernels for one label a row.
    func run(_ kernels: any KernelSet, _ kind: LossKind, isMixed: Bool = true) -> (
        losses: [Float], gradient: [Float], predictions: [UInt8]
    ) {
        var losses = [Float](repeating: .nan, count: rowCount)
        var predictions = [UInt8](repeating: 255, count: rowCount)
        var gradient = outputs
        let (labels, partners, shares) = (labels, partners, shares)
        let workspace = Workspace()
        gradient.withUnsafeMutableBufferPointer { outputs in
            losses.withUnsafeMutableBufferPointer { losses in
                predictions.withUnsafeMutableBufferPointer { predictions in
                    withExtendedLifetime((labels, partners, shares, weights)) {
                        labels.withUnsafeBufferPointer { labels in
                            partners.withUnsafeBufferPointer { partners in
                                shares.withUnsafeBufferPointer { shares in
                                    weights.withUnsafeBufferPointer { weights in
                                        let pass = LossPass(
                                            kind, rowCount: rowCount, classCount: classCount,
                                            outputs: UnsafePointer(outputs.baseAddress!), rowStride: stride,
                                            labels: labels.baseAddress!, denominator: denominator,
                                            losses: losses.baseAddress!, predictions: predictions.baseAddress!,
                                            gradient: outputs.baseAddress!)
                                        let classes = ClassShares(
                                            labelShare: Float(1 - labelSmoothing),
                                            uniformShare: Float(labelSmoothing / Double(classCount)),
                                            weights: weights.baseAddress!,
                                            totalWeight: Float(weights.reduce(0.0) { $0 + Double($1) }))
                                        guard isMixed else {
                                            return kernels.weightedCrossEntropy(
                                                pass, shares: classes, workspace: workspace.base)
                                        }
                                        kernels.mixedLoss(
                                            pass,
                                            mix: TargetMix(
                                                partners: partners.baseAddress!, shares: shares.baseAddress!),
                                            shares: classes, workspace: workspace.base)
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        return (losses, gradient, predictions)
    }

    /// The definition in Double, not divided by the denominator.
    func exact(_ kind: LossKind, _ x: [Double], row: Int) -> Double {
        let share = Double(shares[row])
        let z = x.indices.map { ($0 == labels[row] ? share : 0) + ($0 == partners[row] ? 1 - share : 0) }
        switch kind {
        case .crossEntropy:
            let greatest = x.max()!
            let logSum = greatest + log(x.reduce(0) { $0 + exp($1 - greatest) })
            return x.indices.reduce(0) { sum, j in
                let w = Double(weights[j])
                let part = (1 - labelSmoothing) * w * z[j] + labelSmoothing / Double(classCount) * w
                return sum + part * (logSum - x[j])
            }
        case .meanSquaredError: return zip(x, z).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        case .meanAbsoluteError: return zip(x, z).reduce(0) { $0 + abs($1.0 - $1.1) }
        case .binaryCrossEntropy:
            return zip(x, z).reduce(0) { $0 + max($1.0, 0) - $1.0 * $1.1 + log1p(exp(-abs($1.0))) }
        }
    }
}

@Suite("Losses of mixed labels")
struct MixedLossTests {
    private static func cases(_ kind: LossKind, _ classCount: Int) -> [MixedCase] {
        guard kind == .crossEntropy else { return [MixedCase(classCount: classCount)] }
        return [
            MixedCase(classCount: classCount), MixedCase(classCount: classCount, labelSmoothing: 0.1),
            MixedCase(classCount: classCount, labelSmoothing: 0.3, isWeighted: true),
        ]
    }

    @Test("the slow twins' bits", arguments: variants.map(\.instructionSet), LossKind.allCases)
    func bitsEqual(instructionSet: InstructionSet, kind: LossKind) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        for classCount in [1, 2, 10, 16, 17, 40, 256] {
            for example in Self.cases(kind, classCount) {
                let (actual, expected) = (example.run(kernels, kind), example.run(reference, kind))
                #expect(bits(actual.losses) == bits(expected.losses), "\(classCount) classes")
                #expect(bits(actual.gradient) == bits(expected.gradient), "\(classCount) classes")
                #expect(actual.predictions == expected.predictions, "\(classCount) classes")
                if classCount > 2 { #expect(actual.predictions[0] == 1) }
            }
        }
    }

    @Test("a share of 1 is one label", arguments: KernelSelection.available.map(\.instructionSet))
    func wholeShares(instructionSet: InstructionSet) throws {
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        for classCount in [2, 10, 17] {
            let example = MixedCase(classCount: classCount, labelSmoothing: 0.2, isWeighted: true, share: 1)
            let mixed = example.run(kernels, .crossEntropy)
            let plain = example.run(kernels, .crossEntropy, isMixed: false)
            #expect(mixed.losses == plain.losses && mixed.gradient == plain.gradient, "\(classCount) classes")
            #expect(mixed.predictions == plain.predictions)
        }
    }

    @Test("losses are the definition's, gradients its central differences", arguments: LossKind.allCases)
    func differences(kind: LossKind) {
        for classCount in [2, 10, 17] {
            for example in Self.cases(kind, classCount) {
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
