import KernelContract
import Kernels
import Models

/// The slow twin of `Loss`, for labels.
package struct ReferenceLoss<Scalar: ReferenceScalar>: Sendable {
    private let description: LossDescription
    private let shares: ReferenceClassShares<Scalar>

    package init(_ description: LossDescription, classCount: Int) {
        self.description = description
        let weights = description.classWeights
        let scalars = weights.isEmpty ? [Scalar](repeating: 1, count: classCount) : weights.map { Scalar($0) }
        shares = ReferenceClassShares(
            labelShare: Scalar(1 - description.labelSmoothing),
            uniformShare: Scalar(description.labelSmoothing / Double(classCount)), weights: scalars,
            totalWeight: Scalar(scalars.reduce(0.0) { $0 + Double($1) }))
    }

    /// Of one row of outputs; the gradient is not divided by the denominator.
    package func row(_ outputs: [Scalar], label: Int) -> RowLoss<Scalar> {
        guard description.kind == .crossEntropy else {
            return Reference.elementwiseLoss(
                description.kind, outputs, targets: outputs.indices.map { $0 == label ? 1 : 0 })
        }
        guard description.labelSmoothing != 0 || !description.classWeights.isEmpty else {
            return Reference.softmaxCrossEntropy(outputs, label: label)
        }
        return Reference.weightedCrossEntropy(outputs, label: label, shares: shares)
    }

    /// Of rows of outputs, one for each label: each row's loss, and the gradient at all outputs.
    package func evaluate(
        _ outputs: [Scalar], labels: [UInt8], denominator: Scalar
    ) -> (losses: [Scalar], gradient: [Scalar]) {
        let classCount = shares.weights.count
        let rows = labels.indices.map { r in
            row(Array(outputs[r * classCount..<(r + 1) * classCount]), label: Int(labels[r]))
        }
        return (rows.map(\.loss), rows.flatMap { $0.gradient.map { $0 / denominator } })
    }

    /// Which side of each kink the outputs are on.
    func branches(_ outputs: [Scalar], labels: [UInt8]) -> [Int] {
        guard description.kind == .meanAbsoluteError else { return [] }
        let classCount = shares.weights.count
        return outputs.indices.map { i in
            let target: Scalar = Int(labels[i / classCount]) == i % classCount ? 1 : 0
            return outputs[i] > target ? 1 : outputs[i] < target ? -1 : 0
        }
    }
}
