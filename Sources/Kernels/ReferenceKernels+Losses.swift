import KernelContract

extension ReferenceKernels {
    package func softmaxCrossEntropy(
        rowCount: Int, classCount: Int, logits: UnsafePointer<Float>, rowStride: Int, labels: UnsafePointer<UInt8>,
        denominator: Float, losses: UnsafeMutablePointer<Float>, predictions: UnsafeMutablePointer<UInt8>,
        gradient: UnsafeMutablePointer<Float>?, workspace: UnsafeMutablePointer<Float>
    ) {
        let pass = LossPass(
            .crossEntropy, rowCount: rowCount, classCount: classCount, outputs: logits, rowStride: rowStride,
            labels: labels, denominator: denominator, losses: losses, predictions: predictions, gradient: gradient)
        forEachRow(pass) { row, _, label in Reference.softmaxCrossEntropy(row, label: label) }
    }

    package func weightedCrossEntropy(
        _ pass: LossPass, shares: ClassShares, workspace: UnsafeMutablePointer<Float>
    ) {
        let shares = ReferenceClassShares(shares, classCount: pass.classCount)
        forEachRow(pass) { row, _, label in Reference.weightedCrossEntropy(row, label: label, shares: shares) }
    }

    package func mixedLoss(
        _ pass: LossPass, mix: TargetMix, shares: ClassShares, workspace: UnsafeMutablePointer<Float>
    ) {
        let shares = ReferenceClassShares(shares, classCount: pass.classCount)
        forEachRow(pass) { row, r, label in
            let (partner, share) = (Int(mix.partners[r]), mix.shares[r])
            guard pass.kind != .crossEntropy else {
                return Reference.mixedCrossEntropy(row, label: label, partner: partner, share: share, shares: shares)
            }
            return Reference.reconstructionLoss(
                pass.kind, row,
                targets: row.indices.map { ($0 == label ? share : 0) + ($0 == partner ? 1 - share : 0) })
        }
    }

    package func elementwiseLoss(_ pass: LossPass, workspace: UnsafeMutablePointer<Float>) {
        forEachRow(pass) { row, _, label in
            Reference.elementwiseLoss(pass.kind, row, targets: row.indices.map { $0 == label ? 1 : 0 })
        }
    }

    package func reconstructionLoss(_ pass: ReconstructionPass) {
        for r in 0..<pass.rowCount {
            let result = Reference.reconstructionLoss(
                pass.kind, (0..<pass.outputCount).map { pass.outputs[r * pass.rowStride + $0] },
                targets: (0..<pass.outputCount).map { pass.targets[r * pass.targetStride + $0] })
            pass.losses[r] = result.loss
            guard let gradient = pass.gradient else { continue }
            for j in result.gradient.indices {
                gradient[r * pass.rowStride + j] = result.gradient[j] / pass.denominator
            }
        }
    }

    private func forEachRow(_ pass: LossPass, _ body: (_ row: [Float], _ number: Int, _ label: Int) -> RowLoss<Float>) {
        guard pass.classCount > 0 else { return }
        for r in 0..<pass.rowCount {
            let row = (0..<pass.classCount).map { pass.outputs[r * pass.rowStride + $0] }
            let result = body(row, r, Int(pass.labels[r]))
            pass.losses[r] = result.loss
            pass.predictions[r] = UInt8(truncatingIfNeeded: Reference.prediction(row))
            guard let destination = pass.gradient else { continue }
            for j in row.indices { destination[r * pass.rowStride + j] = result.gradient[j] / pass.denominator }
        }
    }
}

extension ReferenceClassShares<Float> {
    fileprivate init(_ shares: ClassShares, classCount: Int) {
        self.init(
            labelShare: shares.labelShare, uniformShare: shares.uniformShare,
            weights: (0..<classCount).map { shares.weights[$0] }, totalWeight: shares.totalWeight)
    }
}
