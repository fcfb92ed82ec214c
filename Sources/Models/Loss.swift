import Errors
import KernelContract
import Numerics

/// What a network's outputs are compared with.
package enum LossTarget: String, CaseIterable, Sendable {
    /// The one-hot label of a sample.
    case label = "class"
    /// The sample itself, as the first layer sees it: an auto-encoder.
    case input
    /// Numbers that come with a sample: columns of a table.
    case columns

    /// Those that `--target` calls by a name of their own; any other text names columns.
    package static let named: [LossTarget] = [.label, .input]
}

/// A loss as configured.
package struct LossDescription: Hashable, Sendable {
    package var kind: LossKind
    /// Of all but cross-entropy, which knows labels only.
    package var target: LossTarget
    /// Of cross-entropy, 0 to below 1: PyTorch's `label_smoothing`.
    package var labelSmoothing: Double
    /// Of cross-entropy, one for each class: PyTorch's `weight`. Empty: all 1.
    package var classWeights: [Double]

    package init(
        _ kind: LossKind = .crossEntropy, target: LossTarget = .label, labelSmoothing: Double = 0,
        classWeights: [Double] = []
    ) {
        self.kind = kind
        self.target = target
        self.labelSmoothing = labelSmoothing
        self.classWeights = classWeights
    }

    package static let names = LossKind.allCases.map(\.rawValue)
}

/// The loss over rows of outputs, and what its sum is divided by: PyTorch's reduction "mean".
///
/// The denominator belongs to the whole batch, or to the whole of an evaluated set: samples for cross-entropy, Σ of the
/// labels' weights with class weights, samples · outputs for the others. Formulas: `LossPass`, `ReconstructionPass`.
package struct Loss: Sendable {
    package let description: LossDescription
    /// Classes; with the input as target its elements; columns.
    package let outputCount: Int
    /// `[outputCount]`
    private let weights: [Float]
    private let labelShare: Float
    private let uniformShare: Float
    private let totalWeight: Float

    /// - Throws: `Failure(.data)` where the class weights are not one for each class.
    package init(_ description: LossDescription, outputCount: Int) throws {
        precondition(
            description.kind != .crossEntropy || description.target == .label, "Loss: cross-entropy against inputs")
        let classWeights = description.classWeights
        guard classWeights.isEmpty || classWeights.count == outputCount else {
            throw Failure(
                .data,
                "class-weights: \(classWeights.count) weights for \(outputCount) classes; one for each class is needed")
        }
        self.description = description
        self.outputCount = outputCount
        weights = classWeights.isEmpty ? [Float](repeating: 1, count: outputCount) : classWeights.map { Float($0) }
        labelShare = Float(1 - description.labelSmoothing)
        uniformShare = Float(description.labelSmoothing / Double(outputCount))
        totalWeight = Float(weights.reduce(0.0) { $0 + Double($1) })
    }

    /// Plain cross-entropy has a kernel of its own.
    private var isPlain: Bool { description.labelSmoothing == 0 && description.classWeights.isEmpty }

    /// What the sum over `partition`'s samples is divided by. Weights are added as losses are: in Double, a chain in each
    /// grain, then the canonical tree. Every worker computes it from the labels of all samples.
    package func denominator(_ partition: GrainPartition, label: (Int) -> UInt8) -> Double {
        sum(partition) { Double(weights[Int(label($0))]) }
    }

    /// The same where two labels share a target: their weights in the same shares.
    package func mixedDenominator(
        _ partition: GrainPartition, target: (Int) -> (label: UInt8, partner: UInt8, share: Float)
    ) -> Double {
        sum(partition) { sample in
            let (label, partner, share) = target(sample)
            return Double(share) * Double(weights[Int(label)]) + Double(1 - share) * Double(weights[Int(partner)])
        }
    }

    private func sum(_ partition: GrainPartition, weight: (Int) -> Double) -> Double {
        switch description.kind {
        case .crossEntropy where description.classWeights.isEmpty: return Double(partition.sampleCount)
        case .crossEntropy:
            return CanonicalTree.sum(
                count: partition.grainCount, zero: 0,
                { grain in partition.samples(of: grain..<grain + 1).reduce(0.0) { $0 + weight($1) } }, +)
        case .meanSquaredError, .meanAbsoluteError, .binaryCrossEntropy:
            return Double(partition.sampleCount) * Double(outputCount)
        }
    }

    /// Runs the kernel of `pass`, whose kind is this loss's. `workspace` holds `KernelWorkspace.floatCount` floats.
    ///
    /// - Parameter mix: Where two labels share a target.
    package func evaluate(
        _ pass: LossPass, mix: TargetMix? = nil, kernels: any KernelSet, workspace: UnsafeMutablePointer<Float>
    ) {
        if let mix {
            return withShares { kernels.mixedLoss(pass, mix: mix, shares: $0, workspace: workspace) }
        }
        guard description.kind == .crossEntropy else {
            return kernels.elementwiseLoss(pass, workspace: workspace)
        }
        guard !isPlain else {
            return kernels.softmaxCrossEntropy(
                rowCount: pass.rowCount, classCount: pass.classCount, logits: pass.outputs, rowStride: pass.rowStride,
                labels: pass.labels, denominator: pass.denominator, losses: pass.losses,
                predictions: pass.predictions, gradient: pass.gradient, workspace: workspace)
        }
        withShares { kernels.weightedCrossEntropy(pass, shares: $0, workspace: workspace) }
    }

    private func withShares(_ body: (ClassShares) -> Void) {
        weights.withUnsafeBufferPointer {
            guard let base = $0.baseAddress else { return }
            body(
                ClassShares(
                    labelShare: labelShare, uniformShare: uniformShare, weights: base, totalWeight: totalWeight))
        }
    }

    /// The mean loss of a network that always answers the same: all classes alike, or ½ everywhere. Nil where that depends
    /// on the data.
    package var chanceLevel: Double? {
        switch description.kind {
        case .crossEntropy: ScalarMath.naturalLogarithm(Double(outputCount))
        case .binaryCrossEntropy: ScalarMath.naturalLogarithm(2)
        case .meanSquaredError, .meanAbsoluteError: nil
        }
    }
}
