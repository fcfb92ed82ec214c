import KernelContract

/// What a loss makes of one row of outputs; the gradient is not yet divided by the denominator.
package struct RowLoss<Scalar: ReferenceScalar> {
    package let loss: Scalar
    package let gradient: [Scalar]
}

/// `ClassShares` for Float and Double alike.
package struct ReferenceClassShares<Scalar: ReferenceScalar>: Sendable {
    package let labelShare: Scalar
    package let uniformShare: Scalar
    /// `[classCount]`
    package let weights: [Scalar]
    package let totalWeight: Scalar

    package init(labelShare: Scalar, uniformShare: Scalar, weights: [Scalar], totalWeight: Scalar) {
        self.labelShare = labelShare
        self.uniformShare = uniformShare
        self.weights = weights
        self.totalWeight = totalWeight
    }
}

/// The slow twins of the losses, row by row; formulas: `LossPass`.
extension Reference {
    /// The first greatest.
    package static func prediction<Scalar: ReferenceScalar>(_ row: [Scalar]) -> Int {
        var prediction = 0
        for j in row.indices where row[j] > row[prediction] { prediction = j }
        return prediction
    }

    package static func softmaxCrossEntropy<Scalar: ReferenceScalar>(_ row: [Scalar], label: Int) -> RowLoss<Scalar> {
        let greatest = row[prediction(row)]
        let powers = row.map { Scalar.exponential($0 - greatest) }
        let sum = laneSum(powers)
        return RowLoss(
            loss: Scalar.naturalLogarithm(sum) - (row[label] - greatest),
            gradient: powers.indices.map { powers[$0] / sum - ($0 == label ? 1 : 0) })
    }

    package static func weightedCrossEntropy<Scalar: ReferenceScalar>(
        _ row: [Scalar], label: Int, shares: ReferenceClassShares<Scalar>
    ) -> RowLoss<Scalar> {
        let labelShare = shares.labelShare * shares.weights[label]
        return crossEntropy(
            row, labelParts: row.indices.map { $0 == label ? labelShare : 0 }, labelTotal: labelShare, shares: shares)
    }

    /// Of a target that two labels share: `TargetMix`.
    package static func mixedCrossEntropy<Scalar: ReferenceScalar>(
        _ row: [Scalar], label: Int, partner: Int, share: Scalar, shares: ReferenceClassShares<Scalar>
    ) -> RowLoss<Scalar> {
        let labelPart = shares.labelShare * (shares.weights[label] * share)
        let partnerPart = shares.labelShare * (shares.weights[partner] * (1 - share))
        return crossEntropy(
            row,
            labelParts: row.indices.map { ($0 == label ? labelPart : 0) + ($0 == partner ? partnerPart : 0) },
            labelTotal: labelPart + partnerPart, shares: shares)
    }

    private static func crossEntropy<Scalar: ReferenceScalar>(
        _ row: [Scalar], labelParts: [Scalar], labelTotal: Scalar, shares: ReferenceClassShares<Scalar>
    ) -> RowLoss<Scalar> {
        let greatest = row[prediction(row)]
        let parts = row.indices.map { labelParts[$0].addingProduct(shares.uniformShare, shares.weights[$0]) }
        let weighted = laneSum(parts, times: row.map { $0 - greatest })
        let powers = row.map { Scalar.exponential($0 - greatest) }
        let sum = laneSum(powers)
        let total = labelTotal.addingProduct(shares.uniformShare, shares.totalWeight)
        return RowLoss(
            loss: (-weighted).addingProduct(total, Scalar.naturalLogarithm(sum)),
            gradient: row.indices.map { j in (-parts[j]).addingProduct(total, powers[j] / sum) })
    }

    /// The losses that are sums over outputs, against any targets; one-hot ones are what the kernels know.
    package static func elementwiseLoss<Scalar: ReferenceScalar>(
        _ kind: LossKind, _ row: [Scalar], targets: [Scalar]
    ) -> RowLoss<Scalar> {
        let terms = zip(row, targets).map { term(kind, $0, target: $1) }
        return RowLoss(loss: laneSum(terms.map(\.loss)), gradient: terms.map(\.gradient))
    }

    /// The losses that are sums over outputs, against targets from 0 to 1: `ReconstructionPass`.
    package static func reconstructionLoss<Scalar: ReferenceScalar>(
        _ kind: LossKind, _ row: [Scalar], targets: [Scalar]
    ) -> RowLoss<Scalar> {
        let terms = zip(row, targets).map { x, z -> (loss: Scalar, gradient: Scalar) in
            guard kind == .binaryCrossEntropy else { return term(kind, x, target: z) }
            let probability = ReferenceMath.sigmoid(x)
            let softplus = Scalar.logarithmOfOnePlus(Scalar.exponential(-x.magnitude))
            return (
                softplus.addingProduct(x.magnitude, x > 0 ? 1 - z : z),
                x > 0 ? (1 - z) - probability.complement : probability.value - z
            )
        }
        return RowLoss(loss: laneSum(terms.map(\.loss)), gradient: terms.map(\.gradient))
    }

    /// The loss of one output and its derivative.
    package static func term<Scalar: ReferenceScalar>(
        _ kind: LossKind, _ x: Scalar, target: Scalar
    ) -> (loss: Scalar, gradient: Scalar) {
        let difference = x - target
        switch kind {
        case .crossEntropy: preconditionFailure("elementwiseLoss: cross-entropy is no sum over outputs")
        case .meanSquaredError: return (difference * difference, difference + difference)
        case .meanAbsoluteError:
            return (difference.magnitude, difference > 0 ? 1 : difference < 0 ? -1 : difference)
        case .binaryCrossEntropy:
            let probability = ReferenceMath.sigmoid(x)
            // For a label the forms without cancellation.
            if target == 1 { return (ReferenceMath.softplus(-x), -probability.complement) }
            if target == 0 { return (ReferenceMath.softplus(x), probability.value) }
            return (ReferenceMath.softplus(x) - x * target, probability.value - target)
        }
    }
}
