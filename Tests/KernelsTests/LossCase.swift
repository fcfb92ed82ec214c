import Foundation
import KernelContract
import Kernels

/// Rows of outputs, what a loss makes of them, and the loss's definition.
struct LossCase {
    /// How targets that two labels share are mixed.
    enum Mixing {
        /// A share for each row: all of it, nothing, the least, and some between.
        case byRow
        case all(Float)
    }

    enum Route { case general, oneLabel, plain }

    let classCount: Int
    let rowCount = 21
    let labelSmoothing: Double
    let weights: [Float]
    let mixing: Mixing?
    let denominator: Float = 9
    private(set) var outputs: [Float]

    var stride: Int { classCount + 3 }
    var labels: [UInt8] { (0..<rowCount).map { UInt8($0 * 7 % classCount) } }
    /// Some are the label itself.
    private var partners: [UInt8] { (0..<rowCount).map { UInt8($0 * 5 % classCount) } }
    /// Of the label; the rest is the partner's.
    private var shares: [Float] {
        (0..<rowCount).map { row in
            switch mixing {
            case nil: 1
            case .all(let share): share
            case .byRow: [0, 1, 0.5, 0x1p-16, 1 - 0x1p-16, 0.25, 0.75][row % 7]
            }
        }
    }

    init(classCount: Int, labelSmoothing: Double = 0, isWeighted: Bool = false, mixing: Mixing? = nil) {
        self.classCount = classCount
        self.labelSmoothing = labelSmoothing
        self.mixing = mixing
        weights = (0..<classCount).map { isWeighted ? Float($0 % 5) * 0.5 + 0.25 : 1 }
        outputs = randomValues(21 * (classCount + 3), seed: mixing == nil ? 60 : 61)
        guard classCount > 2 else { return }
        // A tie, far-apart outputs, and exactly the target.
        outputs[1] = 100
        outputs[2] = 100
        outputs[stride] = -200
        outputs[2 * stride + Int(labels[2])] = mixing == nil ? 1 : 0.5
        // A gradient of −0 in binary cross-entropy.
        if mixing == nil { outputs[3 * stride + Int(labels[3])] = 200 }
    }

    /// By the kernels for targets of this kind; for one label a row; or for cross-entropy without weights and smoothing.
    func run(_ kernels: any KernelSet, _ kind: LossKind, by route: Route = .general) -> (
        losses: [Float], gradient: [Float], predictions: [UInt8]
    ) {
        var losses = [Float](repeating: .nan, count: rowCount)
        var predictions = [UInt8](repeating: 255, count: rowCount)
        var gradient = outputs
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
                            compute(pass, kernels, by: route, weights: weights, workspace: workspace.base)
                        }
                    }
                }
            }
        }
        return (losses, gradient, predictions)
    }

    private func compute(
        _ pass: LossPass, _ kernels: any KernelSet, by route: Route, weights: UnsafeBufferPointer<Float>,
        workspace: UnsafeMutablePointer<Float>
    ) {
        let classes = ClassShares(
            labelShare: Float(1 - labelSmoothing), uniformShare: Float(labelSmoothing / Double(classCount)),
            weights: weights.baseAddress!, totalWeight: Float(weights.reduce(0.0) { $0 + Double($1) }))
        switch route {
        case .plain:
            kernels.softmaxCrossEntropy(
                rowCount: rowCount, classCount: classCount, logits: pass.outputs, rowStride: stride,
                labels: pass.labels, denominator: denominator, losses: pass.losses, predictions: pass.predictions,
                gradient: pass.gradient, workspace: workspace)
        case .general where mixing != nil:
            partners.withUnsafeBufferPointer { partners in
                shares.withUnsafeBufferPointer { shares in
                    let mix = TargetMix(partners: partners.baseAddress!, shares: shares.baseAddress!)
                    kernels.mixedLoss(pass, mix: mix, shares: classes, workspace: workspace)
                }
            }
        case .general, .oneLabel:
            if pass.kind == .crossEntropy {
                kernels.weightedCrossEntropy(pass, shares: classes, workspace: workspace)
            } else {
                kernels.elementwiseLoss(pass, workspace: workspace)
            }
        }
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
