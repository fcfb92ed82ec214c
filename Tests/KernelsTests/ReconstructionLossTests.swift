import Foundation
import KernelContract
import Kernels
import Testing

/// Rows of outputs and targets of any value from 0 to 1.
private struct ReconstructionCase {
    let outputCount: Int
    let rowCount = 5
    let outputs: [Float]
    let targets: [Float]
    let denominator: Float = 7

    var stride: Int { outputCount + 3 }
    var targetStride: Int { outputCount + 2 }

    init(outputCount: Int) {
        self.outputCount = outputCount
        var outputs = randomValues(5 * (outputCount + 3), seed: 71)
        var targets = randomValues(5 * (outputCount + 2), seed: 72).map { min(abs($0), 1) }
        // An exact hit, far-apart values, and targets that are labels.
        outputs[0] = 1
        targets[0] = 1
        if outputCount > 1 { outputs[1] = -300 }
        if outputCount > 2 { (outputs[2], targets[2]) = (300, 1) }
        self.outputs = outputs
        self.targets = targets
    }

    func run(
        _ kernels: any KernelSet, _ kind: LossKind, withGradient: Bool = true, inPlace: Bool = false
    ) -> (losses: [Float], gradient: [Float]) {
        var losses = [Float](repeating: .nan, count: rowCount)
        var gradient = outputs
        gradient.withUnsafeMutableBufferPointer { gradient in
            outputs.withUnsafeBufferPointer { outputs in
                targets.withUnsafeBufferPointer { targets in
                    losses.withUnsafeMutableBufferPointer { losses in
                        kernels.reconstructionLoss(
                            ReconstructionPass(
                                kind, rowCount: rowCount, outputCount: outputCount,
                                outputs: inPlace ? UnsafePointer(gradient.baseAddress!) : outputs.baseAddress!,
                                rowStride: stride, targets: targets.baseAddress!, targetStride: targetStride,
                                denominator: denominator, losses: losses.baseAddress!,
                                gradient: withGradient ? gradient.baseAddress! : nil))
                    }
                }
            }
        }
        return (losses, gradient)
    }

    /// PyTorch's definition in Double, not divided by the denominator.
    func exact(_ kind: LossKind, _ x: [Double], row: Int) -> Double {
        x.indices.reduce(0) { sum, j in
            let z = Double(targets[row * targetStride + j])
            switch kind {
            case .meanSquaredError: return sum + (x[j] - z) * (x[j] - z)
            case .meanAbsoluteError: return sum + abs(x[j] - z)
            default: return sum + max(x[j], 0) - x[j] * z + log1p(exp(-abs(x[j])))
            }
        }
    }
}

@Suite("Losses against inputs")
struct ReconstructionLossTests {
    static let kinds = LossKind.allCases.filter { $0 != .crossEntropy }

    @Test("the slow twin's bits", arguments: variants.map(\.instructionSet), kinds)
    func bitsEqual(instructionSet: InstructionSet, kind: LossKind) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        for count in [1, 2, 7, 15, 16, 17, 31, 32, 40, 100, 784] {
            let example = ReconstructionCase(outputCount: count)
            let expected = example.run(reference, kind)
            let actual = example.run(kernels, kind)
            #expect(bits(actual.losses) == bits(expected.losses), "\(count) outputs")
            // With the padding between rows, which stays.
            #expect(bits(actual.gradient) == bits(expected.gradient), "\(count) outputs")
            let inPlace = example.run(kernels, kind, inPlace: true)
            #expect(bits(inPlace.losses) == bits(expected.losses) && bits(inPlace.gradient) == bits(expected.gradient))
            let evaluated = example.run(kernels, kind, withGradient: false)
            #expect(bits(evaluated.losses) == bits(expected.losses) && evaluated.gradient == example.outputs)
        }
    }

    @Test("losses are the definition's, gradients its central differences", arguments: kinds)
    func differences(kind: LossKind) {
        for count in [2, 17, 40] {
            let example = ReconstructionCase(outputCount: count)
            let result = example.run(reference, kind)
            for r in 0..<example.rowCount {
                let row = (0..<count).map { Double(example.outputs[r * example.stride + $0]) }
                let loss = example.exact(kind, row, row: r)
                #expect(abs(Double(result.losses[r]) - loss) <= 2e-6 * max(1, loss), "row \(r)")
                for j in 0..<count {
                    let h = 1e-5
                    // A kink of |x − z| has no difference quotient; its gradient is 0.
                    let target = Double(example.targets[r * example.targetStride + j])
                    let isKink = kind == .meanAbsoluteError && abs(row[j] - target) < h
                    var (upper, lower) = (row, row)
                    upper[j] += h
                    lower[j] -= h
                    let rise = example.exact(kind, upper, row: r) - example.exact(kind, lower, row: r)
                    let gradient = Double(result.gradient[r * example.stride + j])
                    guard !isKink else { continue }
                    let slope = rise / (2 * h) / Double(example.denominator)
                    #expect(abs(gradient - slope) < 2e-6 * max(1, abs(slope)), "row \(r), output \(j)")
                }
            }
        }
    }

    /// With the one-hot label as target these are the losses against labels.
    @Test("one-hot targets", arguments: kinds)
    func oneHot(kind: LossKind) {
        let classCount = 10
        let outputs = randomValues(4 * classCount, seed: 73)
        let labels: [UInt8] = [3, 0, 9, 3]
        var targets = [Float](repeating: 0, count: 4 * classCount)
        for (row, label) in labels.enumerated() { targets[row * classCount + Int(label)] = 1 }
        var (losses, other) = ([Float](repeating: 0, count: 4), [Float](repeating: 0, count: 4))
        var (gradient, otherGradient) = (outputs, outputs)
        var predictions: [UInt8] = [0, 0, 0, 0]
        let workspace = Workspace()
        outputs.withUnsafeBufferPointer { x in
            reference.reconstructionLoss(
                ReconstructionPass(
                    kind, rowCount: 4, outputCount: classCount, outputs: x.baseAddress!, rowStride: classCount,
                    targets: targets, targetStride: classCount, denominator: 40, losses: &losses, gradient: &gradient))
            reference.elementwiseLoss(
                LossPass(
                    kind, rowCount: 4, classCount: classCount, outputs: x.baseAddress!, rowStride: classCount,
                    labels: labels, denominator: 40, losses: &other, predictions: &predictions,
                    gradient: &otherGradient), workspace: workspace.base)
        }
        for (a, b) in zip(losses + gradient, other + otherGradient) { #expect(abs(a - b) <= 1e-6 * max(1, abs(b))) }
    }
}
