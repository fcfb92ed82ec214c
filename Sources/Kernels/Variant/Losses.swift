import KernelContract

extension VariantKernels {
    @inline(never)
    package func weightedCrossEntropy(
        _ pass: LossPass, shares: ClassShares, workspace: UnsafeMutablePointer<Float>
    ) {
        forEachBlock(pass, workspace) { block, first in
            block.weightedCrossEntropy(pass, first: first, shares: shares)
        }
    }

    @inline(never)
    package func mixedLoss(
        _ pass: LossPass, mix: TargetMix, shares: ClassShares, workspace: UnsafeMutablePointer<Float>
    ) {
        forEachBlock(pass, workspace) { block, first in
            switch pass.kind {
            case .crossEntropy: block.mixedCrossEntropy(pass, first: first, mix: mix, shares: shares)
            case .meanSquaredError: block.sum(pass, first: first, mix: mix) { squaredError($0, $1) }
            case .meanAbsoluteError: block.sum(pass, first: first, mix: mix) { absoluteError($0, $1) }
            case .binaryCrossEntropy: block.sum(pass, first: first, mix: mix) { binaryCrossEntropy($0, $1) }
            }
        }
    }

    @inline(never)
    package func elementwiseLoss(_ pass: LossPass, workspace: UnsafeMutablePointer<Float>) {
        let one = constant(1)
        let zero = constant(0)
        switch pass.kind {
        case .crossEntropy:
            fatalError("elementwiseLoss: cross-entropy is no sum over outputs")
        case .meanSquaredError:
            forEachBlock(pass, workspace) { block, first in
                block.sum(pass, first: first) { x, isLabel in
                    let difference = x.replacing(with: x - one, where: isLabel)
                    return (difference * difference, difference + difference)
                }
            }
        case .meanAbsoluteError:
            forEachBlock(pass, workspace) { block, first in
                block.sum(pass, first: first) { x, isLabel in
                    let difference = x.replacing(with: x - one, where: isLabel)
                    // The difference itself at 0 and for NaN.
                    let upper = difference.replacing(with: one, where: difference .> zero)
                    return (magnitude(difference), upper.replacing(with: constant(-1), where: difference .< zero))
                }
            }
        case .binaryCrossEntropy:
            forEachBlock(pass, workspace) { block, first in
                block.sum(pass, first: first) { x, isLabel in
                    let probability = vectorSigmoid(x)
                    // max(x, 0) − x z is max(x, 0), or max(−x, 0) at the label: neither cancels.
                    let signed = x.replacing(with: negated(x), where: isLabel)
                    let linear = zero.replacing(with: signed, where: signed .> zero)
                    let softplus = vectorLogarithmOfOnePlus(vectorExponential(negated(magnitude(x))))
                    return (
                        linear + softplus,
                        probability.value.replacing(with: negated(probability.complement), where: isLabel)
                    )
                }
            }
        }
    }

    @inline(__always)
    private func forEachBlock(
        _ pass: LossPass, _ workspace: UnsafeMutablePointer<Float>, _ body: (SoftmaxBlock, Int) -> Void
    ) {
        guard pass.classCount > 0 else { return }
        for first in stride(from: 0, to: pass.rowCount, by: blockRows) {
            let block = SoftmaxBlock(
                rowCount: min(blockRows, pass.rowCount - first), classCount: pass.classCount,
                rowStride: pass.rowStride, columns: workspace, lanes: workspace + pass.classCount * blockRows)
            block.transpose(pass.outputs + first * pass.rowStride)
            body(block, first)
        }
    }
}

extension SoftmaxBlock {
    /// The first greatest output of each row, which becomes its prediction.
    @inline(__always)
    private func predict(_ predictions: UnsafeMutablePointer<UInt8>) -> Vector {
        var greatest = load(UnsafePointer(column(0)))
        var prediction = constant(0)
        for j in 1..<max(classCount, 1) {
            let x = load(UnsafePointer(column(j)))
            let isGreater = x .> greatest
            greatest = greatest.replacing(with: x, where: isGreater)
            prediction = prediction.replacing(with: constant(Float(j)), where: isGreater)
        }
        for row in 0..<rowCount { predictions[row] = UInt8(truncatingIfNeeded: Int(prediction[row])) }
        return greatest
    }

    @inline(__always)
    private func labelVector(_ labels: UnsafePointer<UInt8>) -> Vector {
        var label = constant(-1)
        for row in 0..<rowCount { label[row] = Float(labels[row]) }
        return label
    }

    @inline(__always)
    private func clearLanes() {
        for lane in 0..<16 { store(constant(0), lanes + lane * blockRows) }
    }

    /// The 16 strided partial sums of each row by the fixed tree 8-4-2-1.
    @inline(__always)
    private func laneTree() -> Vector {
        var width = 8
        while width > 0 {
            for lane in 0..<width {
                let lower = lanes + lane * blockRows
                store(load(UnsafePointer(lower)) + load(UnsafePointer(lower + width * blockRows)), lower)
            }
            width >>= 1
        }
        return load(UnsafePointer(lanes))
    }

    /// Columns back to rows.
    @inline(__always)
    private func write(_ gradient: UnsafeMutablePointer<Float>) {
        for row in 0..<rowCount {
            for j in 0..<classCount { gradient[row * rowStride + j] = columns[j * blockRows + row] }
        }
    }

    /// Sums what `term` gives for each output and replaces the outputs by its gradient over the denominator.
    @inline(__always)
    fileprivate func sum(
        _ pass: LossPass, first: Int, _ term: (Vector, SIMDMask<SIMD16<Int32>>) -> (loss: Vector, gradient: Vector)
    ) {
        let label = labelVector(pass.labels + first)
        sum(pass, first: first) { x, j in term(x, label .== constant(Float(j))) }
    }

    /// The same against targets that two labels share.
    @inline(__always)
    fileprivate func sum(
        _ pass: LossPass, first: Int, mix: TargetMix, _ term: (Vector, Vector) -> (loss: Vector, gradient: Vector)
    ) {
        let target = MixedTarget(
            label: labelVector(pass.labels + first), partner: labelVector(mix.partners + first),
            labelPart: shareVector(mix.shares + first), partnerPart: constant(1) - shareVector(mix.shares + first))
        sum(pass, first: first) { x, j in term(x, target.part(j)) }
    }

    @inline(__always)
    private func sum(_ pass: LossPass, first: Int, _ term: (Vector, Int) -> (loss: Vector, gradient: Vector)) {
        _ = predict(pass.predictions + first)
        let denominator = constant(pass.denominator)
        clearLanes()
        for j in 0..<classCount {
            let (loss, gradient) = term(load(UnsafePointer(column(j))), j)
            let lane = lanes + j % 16 * blockRows
            store(load(UnsafePointer(lane)) + loss, lane)
            store(gradient / denominator, column(j))
        }
        let loss = laneTree()
        for row in 0..<rowCount { pass.losses[first + row] = loss[row] }
        if let gradient = pass.gradient { write(gradient + first * rowStride) }
    }

    @inline(__always)
    private func shareVector(_ shares: UnsafePointer<Float>) -> Vector {
        var share = constant(0)
        for row in 0..<rowCount { share[row] = shares[row] }
        return share
    }

    /// Of the rows' labels.
    @inline(__always)
    private func weightVector(_ labels: UnsafePointer<UInt8>, _ shares: ClassShares) -> Vector {
        var weight = constant(0)
        for row in 0..<rowCount { weight[row] = shares.weights[Int(labels[row])] }
        return weight
    }

    @inline(__always)
    fileprivate func weightedCrossEntropy(_ pass: LossPass, first: Int, shares: ClassShares) {
        let label = labelVector(pass.labels + first)
        let labelShare = constant(shares.labelShare) * weightVector(pass.labels + first, shares)
        let zero = constant(0)
        crossEntropy(pass, first: first, shares: shares, labelTotal: labelShare) { j in
            zero.replacing(with: labelShare, where: label .== constant(Float(j)))
        }
    }

    @inline(__always)
    fileprivate func mixedCrossEntropy(_ pass: LossPass, first: Int, mix: TargetMix, shares: ClassShares) {
        let share = shareVector(mix.shares + first)
        let labelShare = constant(shares.labelShare)
        let target = MixedTarget(
            label: labelVector(pass.labels + first), partner: labelVector(mix.partners + first),
            labelPart: labelShare * (weightVector(pass.labels + first, shares) * share),
            partnerPart: labelShare * (weightVector(mix.partners + first, shares) * (constant(1) - share)))
        crossEntropy(
            pass, first: first, shares: shares, labelTotal: target.labelPart + target.partnerPart
        ) { target.part($0) }
    }

    /// `labelPart` is what labels have of each `v[j]`, `labelTotal` their sum.
    @inline(__always)
    private func crossEntropy(
        _ pass: LossPass, first: Int, shares: ClassShares, labelTotal: Vector, labelPart: (Int) -> Vector
    ) {
        let greatest = predict(pass.predictions + first)
        let uniformShare = constant(shares.uniformShare)
        @inline(__always)
        func share(_ j: Int) -> Vector { labelPart(j).addingProduct(uniformShare, constant(shares.weights[j])) }
        clearLanes()
        for j in 0..<classCount {
            let lane = lanes + j % 16 * blockRows
            store(
                load(UnsafePointer(lane)).addingProduct(share(j), load(UnsafePointer(column(j))) - greatest), lane)
        }
        let weighted = laneTree()
        let sum = exponentials(greatest)
        let total = labelTotal.addingProduct(uniformShare, constant(shares.totalWeight))
        let loss = negated(weighted).addingProduct(total, vectorLogarithm(sum))
        for row in 0..<rowCount { pass.losses[first + row] = loss[row] }

        guard let gradient = pass.gradient else { return }
        let denominator = constant(pass.denominator)
        for j in 0..<classCount {
            let probability = load(UnsafePointer(column(j))) / sum
            store(negated(share(j)).addingProduct(total, probability) / denominator, column(j))
        }
        write(gradient + first * rowStride)
    }
}

/// A row's two labels and what each has of the target.
private struct MixedTarget {
    let label, partner: Vector
    let labelPart, partnerPart: Vector

    @inline(__always)
    func part(_ j: Int) -> Vector {
        let (zero, column) = (constant(0), constant(Float(j)))
        return zero.replacing(with: labelPart, where: label .== column)
            + zero.replacing(with: partnerPart, where: partner .== column)
    }
}
