import Foundation
import KernelContract
import Kernels
import Testing

/// Rows of outputs, and what a loss makes of them.
private struct LossCase {
    var classCount: Int
    var rowCount = 21
    var padding = 3
    var labelSmoothing = 0.0
    var weights: [Float]
    var outputs: [Float]
    let denominator: Float = 9

    var stride: Int { classCount + padding }
    var labels: [UInt8] { (0..<rowCount).map { UInt8($0 * 7 % classCount) } }

    init(classCount: Int, labelSmoothing: Double = 0, isWeighted: Bool = false) {
        self.classCount = classCount
        self.labelSmoothing = labelSmoothing
        weights = (0..<classCount).map { isWeighted ? Float($0 % 5) * 0.5 + 0.25 : 1 }
        outputs = randomValues(21 * (classCount + 3), seed: 60)
        // A tie, far-apart outputs, and exactly the one-hot value.
        if classCount > 2 {
            outputs[1] = 100
            outputs[2] = 100
            outputs[stride] = -200
            // A gradient of −0 in binary cross-entropy.
            outputs[3 * stride + Int(labels[3])] = 200
            outputs[2 * stride + Int(labels[2])] = 1
        }
    }

    func run(_ kernels: any KernelSet, _ kind: LossKind, plain: Bool = false) -> (
        losses: [Float], gradient: [Float], predictions: [UInt8]
    ) {
        var losses = [Float](repeating: .nan, count: rowCount)
        var predictions = [UInt8](repeating: 255, count: rowCount)
        var gradient = outputs
        let labels = labels
        let workspace = Workspace()
        gradient.withUnsafeMutableBufferPointer { outputs in
            losses.withUnsafeMutableBufferPointer { losses in
                predictions.withUnsafeMutableBufferPointer { predictions in
                    labels.withUnsafeBufferPointer { labels in
                        weights.withUnsafeBufferPointer { weights in
                            let pass = LossPass(
                                kind, rowCount: rowCount, classCount: classCount,
                                outputs: UnsafePointer(outputs.baseAddress!), rowStride: stride,
                                labels: labels.baseAddress!, denominator: denominator, losses: losses.baseAddress!,
                                predictions: predictions.baseAddress!, gradient: outputs.baseAddress!)
                            if kind != .crossEntropy {
                                kernels.elementwiseLoss(pass, workspace: workspace.base)
                            } else if plain {
                                kernels.softmaxCrossEntropy(
                                    rowCount: rowCount, classCount: classCount, logits: pass.outputs,
                                    rowStride: stride, labels: pass.labels, denominator: denominator,
                                    losses: pass.losses, predictions: pass.predictions, gradient: pass.gradient,
                                    workspace: workspace.base)
                            } else {
                                kernels.weightedCrossEntropy(
                                    pass,
                                    shares: ClassShares(
                                        labelShare: Float(1 - labelSmoothing),
                                        uniformShare: Float(labelSmoothing / Double(classCount)),
                                        weights: weights.baseAddress!,
                                        totalWeight: Float(weights.reduce(0.0) { $0 + Double($1) })),
                                    workspace: workspace.base)
                            }
                        }
                    }
                }
            }
        }
        return (losses, gradient, predictions)
    }

    /// The definition in Double, not divided by the denominator.
    func exact(_ kind: LossKind, _ x: [Double], label: Int) -> Double {
        let z = x.indices.map { $0 == label ? 1.0 : 0.0 }
        switch kind {
        case .crossEntropy:
            let greatest = x.max()!
            let logSum = greatest + log(x.reduce(0) { $0 + exp($1 - greatest) })
            return x.indices.reduce(0) { sum, j in
                let w = Double(weights[j])
                let share = (1 - labelSmoothing) * w * z[j] + labelSmoothing / Double(classCount) * w
                return sum + share * (logSum - x[j])
            }
        case .meanSquaredError: return zip(x, z).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        case .meanAbsoluteError: return zip(x, z).reduce(0) { $0 + abs($1.0 - $1.1) }
        case .binaryCrossEntropy:
            return zip(x, z).reduce(0) { $0 + max($1.0, 0) - $1.0 * $1.1 + log1p(exp(-abs($1.0))) }
        }
    }
}

@Suite("Losses")
struct LossTests {
    private static func cases(_ kind: LossKind, _ classCount: Int) -> [LossCase] {
        guard kind == .crossEntropy else { return [LossCase(classCount: classCount)] }
        return [
            LossCase(classCount: classCount), LossCase(classCount: classCount, labelSmoothing: 0.1),
            LossCase(classCount: classCount, isWeighted: true),
            LossCase(classCount: classCount, labelSmoothing: 0.3, isWeighted: true),
        ]
    }

    @Test("the slow twins' bits", arguments: variants.map(\.instructionSet), LossKind.allCases)
    func bitsEqual(instructionSet: InstructionSet, kind: LossKind) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        for classCount in [1, 2, 10, 16, 17, 40, 256] {
            for example in Self.cases(kind, classCount) {
                let actual = example.run(kernels, kind)
                let expected = example.run(reference, kind)
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
            let plain = example.run(kernels, .crossEntropy, plain: true)
            #expect(weighted.losses == plain.losses && weighted.gradient == plain.gradient, "\(classCount) classes")
            #expect(weighted.predictions == plain.predictions)
        }
    }

    @Test("losses are the definition's, gradients its central differences", arguments: LossKind.allCases)
    func differences(kind: LossKind) {
        for classCount in [2, 10, 17] {
            for example in Self.cases(kind, classCount) {
                let result = example.run(reference, kind)
                for r in 0..<example.rowCount {
                    let label = Int(example.labels[r])
                    let row = (0..<classCount).map { Double(example.outputs[r * example.stride + $0]) }
                    let loss = example.exact(kind, row, label: label)
                    #expect(abs(Double(result.losses[r]) - loss) <= 2e-6 * max(1, loss), "row \(r)")
                    for j in 0..<classCount {
                        // A kink of |x − z| has no difference quotient; its gradient is 0.
                        let h = 1e-5
                        let isKink = kind == .meanAbsoluteError && row[j] == (j == label ? 1 : 0)
                        var (upper, lower) = (row, row)
                        upper[j] += h
                        lower[j] -= h
                        let rise = example.exact(kind, upper, label: label) - example.exact(kind, lower, label: label)
                        let slope = isKink ? 0 : rise / (2 * h) / Double(example.denominator)
                        let gradient = Double(result.gradient[r * example.stride + j])
                        #expect(abs(gradient - slope) < 1e-6 * max(1, abs(slope)), "row \(r), output \(j)")
                    }
                }
            }
        }
    }
}
