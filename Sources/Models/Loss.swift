import Errors
import KernelContract

/// A loss as configured.
package struct LossDescription: Hashable, Sendable {
    package var kind: LossKind
    /// Of cross-entropy, 0 to below 1: PyTorch's `label_smoothing`.
    package var labelSmoothing: Double
    /// Of cross-entropy, one for each class: PyTorch's `weight`. Empty: all 1.
    package var classWeights: [Double]

    package init(_ kind: LossKind = .crossEntropy, labelSmoothing: Double = 0, classWeights: [Double] = []) {
        self.kind = kind
        self.labelSmoothing = labelSmoothing
        self.classWeights = classWeights
    }

    package static let names = LossKind.allCases.map(\.rawValue)
}

/// The loss over rows of outputs, and what its sum is divided by: PyTorch's reduction "mean".
///
/// The denominator belongs to the whole batch, or to the whole of an evaluated set: samples for cross-entropy, Σ of the
/// labels' weights with class weights, outputs (samples · classes) for the others. Formulas: `LossPass`.
package struct Loss: Sendable {
    package let description: LossDescription
    package let classCount: Int
    /// `[classCount]`
    private let weights: [Float]
    private let labelShare: Float
    private let uniformShare: Float
    private let totalWeight: Float

    /// - Throws: `Failure(.data)` where the class weights are not one for each class.
    package init(_ description: LossDescription, classCount: Int) throws {
        let classWeights = description.classWeights
        guard classWeights.isEmpty || classWeights.count == classCount else {
            throw Failure(
                .data,
                "class-weights: \(classWeights.count) weights for \(classCount) classes; one for each class is needed")
        }
        self.description = description
        self.classCount = classCount
        weights = classWeights.isEmpty ? [Float](repeating: 1, count: classCount) : classWeights.map { Float($0) }
        labelShare = Float(1 - description.labelSmoothing)
        uniformShare = Float(description.labelSmoothing / Double(classCount))
        totalWeight = Float(weights.reduce(0.0) { $0 + Double($1) })
    }

    /// Plain cross-entropy has a kernel of its own.
    private var isPlain: Bool { description.labelSmoothing == 0 && description.classWeights.isEmpty }

    /// What the sum over `partition`'s samples is divided by. Weights are added as losses are: in Double, a chain in each
    /// grain, then the canonical tree. Every worker computes it from the labels of all samples.
    package func denominator(_ partition: GrainPartition, label: (Int) -> UInt8) -> Double {
        switch description.kind {
        case .crossEntropy where description.classWeights.isEmpty: return Double(partition.sampleCount)
        case .crossEntropy:
            return CanonicalTree.sum(
                count: partition.grainCount, zero: 0,
                { grain in
                    partition.samples(of: grain..<grain + 1).reduce(0.0) { $0 + Double(weights[Int(label($1))]) }
                }, +)
        case .meanSquaredError, .meanAbsoluteError, .binaryCrossEntropy:
            return Double(partition.sampleCount) * Double(classCount)
        }
    }

    /// Runs the kernel of `pass`, whose kind is this loss's. `workspace` holds `kernelWorkspaceFloatCount` floats.
    package func evaluate(_ pass: LossPass, kernels: any KernelSet, workspace: UnsafeMutablePointer<Float>) {
        guard description.kind == .crossEntropy else {
            return kernels.elementwiseLoss(pass, workspace: workspace)
        }
        guard !isPlain else {
            return kernels.softmaxCrossEntropy(
                rowCount: pass.rowCount, classCount: pass.classCount, logits: pass.outputs, rowStride: pass.rowStride,
                labels: pass.labels, denominator: pass.denominator, losses: pass.losses,
                predictions: pass.predictions, gradient: pass.gradient, workspace: workspace)
        }
        weights.withUnsafeBufferPointer {
            guard let base = $0.baseAddress else { return }
            kernels.weightedCrossEntropy(
                pass,
                shares: ClassShares(
                    labelShare: labelShare, uniformShare: uniformShare, weights: base, totalWeight: totalWeight),
                workspace: workspace)
        }
    }
}
