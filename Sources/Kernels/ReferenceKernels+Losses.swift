import KernelContract

extension ReferenceKernels {
    package func weightedCrossEntropy(
        _ pass: LossPass, shares: ClassShares, workspace: UnsafeMutablePointer<Float>
    ) {
        forEachRow(pass) { r, row, label, prediction in
            let greatest = row[prediction]
            let labelShare = shares.labelShare * shares.weights[label]
            let parts = row.indices.map { j in
                (j == label ? labelShare : 0).addingProduct(shares.uniformShare, shares.weights[j])
            }
            var lanes = [Float](repeating: 0, count: 16)
            for j in row.indices { lanes[j % 16] = lanes[j % 16].addingProduct(parts[j], row[j] - greatest) }
            let weighted = Reference.laneSum(lanes)
            let powers = row.map { ReferenceMath.exponential($0 - greatest) }
            let sum = Reference.laneSum(powers)
            let total = labelShare.addingProduct(shares.uniformShare, shares.totalWeight)
            pass.losses[r] = (-weighted).addingProduct(total, ReferenceMath.naturalLogarithm(sum))
            return row.indices.map { j in (-parts[j]).addingProduct(total, powers[j] / sum) }
        }
    }

    package func elementwiseLoss(_ pass: LossPass, workspace: UnsafeMutablePointer<Float>) {
        forEachRow(pass) { r, row, label, _ in
            let terms = row.indices.map { Self.term(pass.kind, row[$0], isLabel: $0 == label) }
            pass.losses[r] = Reference.laneSum(terms.map(\.loss))
            return terms.map(\.gradient)
        }
    }

    package func reconstructionLoss(_ pass: ReconstructionPass) {
        for r in 0..<pass.rowCount {
            let terms = (0..<pass.outputCount).map { j in
                Self.term(pass.kind, pass.outputs[r * pass.rowStride + j], pass.targets[r * pass.targetStride + j])
            }
            pass.losses[r] = Reference.laneSum(terms.map(\.loss))
            guard let gradient = pass.gradient else { continue }
            for j in terms.indices { gradient[r * pass.rowStride + j] = terms[j].gradient / pass.denominator }
        }
    }

    /// The loss of one output `x` against the target `z` and its derivative.
    private static func term(_ kind: LossKind, _ x: Float, _ z: Float) -> (loss: Float, gradient: Float) {
        let difference = x - z
        switch kind {
        case .crossEntropy: preconditionFailure("reconstructionLoss: cross-entropy is no sum over outputs")
        case .meanSquaredError: return (difference * difference, difference + difference)
        case .meanAbsoluteError:
            return (difference.magnitude, difference > 0 ? 1 : difference < 0 ? -1 : difference)
        case .binaryCrossEntropy:
            let probability = ReferenceMath.sigmoid(x)
            let softplus = ReferenceMath.logarithmOfOnePlus(ReferenceMath.exponential(-x.magnitude))
            return (
                softplus.addingProduct(x.magnitude, x > 0 ? 1 - z : z),
                x > 0 ? (1 - z) - probability.complement : probability.value - z
            )
        }
    }

    /// `body` gives a row's gradient but for the division.
    private func forEachRow(
        _ pass: LossPass, _ body: (_ r: Int, _ row: [Float], _ label: Int, _ prediction: Int) -> [Float]
    ) {
        guard pass.classCount > 0 else { return }
        for r in 0..<pass.rowCount {
            let row = (0..<pass.classCount).map { pass.outputs[r * pass.rowStride + $0] }
            var prediction = 0
            for j in row.indices where row[j] > row[prediction] { prediction = j }
            pass.predictions[r] = UInt8(truncatingIfNeeded: prediction)
            let gradient = body(r, row, Int(pass.labels[r]), prediction)
            guard let destination = pass.gradient else { continue }
            for j in row.indices { destination[r * pass.rowStride + j] = gradient[j] / pass.denominator }
        }
    }

    /// The loss of one output and its derivative.
    private static func term(_ kind: LossKind, _ x: Float, isLabel: Bool) -> (loss: Float, gradient: Float) {
        let difference = isLabel ? x - 1 : x
        switch kind {
        case .crossEntropy: preconditionFailure("elementwiseLoss: cross-entropy is no sum over outputs")
        case .meanSquaredError: return (difference * difference, difference + difference)
        case .meanAbsoluteError:
            return (difference.magnitude, difference > 0 ? 1 : difference < 0 ? -1 : difference)
        case .binaryCrossEntropy:
            let probability = ReferenceMath.sigmoid(x)
            let signed = isLabel ? -x : x
            let softplus = ReferenceMath.logarithmOfOnePlus(ReferenceMath.exponential(-x.magnitude))
            return (
                (signed > 0 ? signed : 0) + softplus, isLabel ? -probability.complement : probability.value
            )
        }
    }
}
