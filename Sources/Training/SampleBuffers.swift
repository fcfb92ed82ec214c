import Communication
import KernelContract
import Models
import Tensors

/// What a worker keeps of its samples beside the activations.
struct SampleBuffers: ~Copyable {
    let labels: AlignedBuffer<UInt8>
    let losses: AlignedBuffer<Float>
    let predictions: AlignedBuffer<UInt8>
    /// Where pictures are mixed: the others' labels, and the own labels' shares.
    let partners: AlignedBuffer<UInt8>
    let shares: AlignedBuffer<Float>
    /// `[capacity, targetCount]`, of a table.
    let targets: AlignedBuffer<Float>
    private let mixes: Bool

    init(capacity: Int, mixes: Bool = false, targetCount: Int = 0) {
        self.mixes = mixes
        targets = AlignedBuffer(count: capacity * targetCount)
        partners = AlignedBuffer(count: mixes ? capacity : 0)
        shares = AlignedBuffer(count: mixes ? capacity : 0)
        labels = AlignedBuffer(count: capacity)
        losses = AlignedBuffer(count: capacity)
        predictions = AlignedBuffer(count: capacity)
    }

    /// Losses of the first `sampleCount` samples in `activations` and, where a denominator is given, the gradient at the
    /// outputs.
    func evaluate(
        _ loss: Loss, _ activations: borrowing Activations, sampleCount: Int, gradientDenominator: Double?,
        kernels: any KernelSet, workspace: UnsafeMutablePointer<Float>
    ) {
        let kind = loss.description.kind
        let count = activations.outputCount
        let gradient = gradientDenominator == nil ? nil : activations.logitsGradient
        let denominator = Float(gradientDenominator ?? 1)
        switch loss.description.target {
        case .label:
            loss.evaluate(
                LossPass(
                    kind, rowCount: sampleCount, classCount: count, outputs: activations.logits, rowStride: count,
                    labels: labels.base, denominator: denominator, losses: losses.base,
                    predictions: predictions.base, gradient: gradient),
                mix: mixes ? TargetMix(partners: partners.base, shares: shares.base) : nil, kernels: kernels,
                workspace: workspace)
        case .input, .columns:
            let targets = loss.description.target == .input ? activations.input : targets.base
            kernels.reconstructionLoss(
                ReconstructionPass(
                    kind, rowCount: sampleCount, outputCount: count, outputs: activations.logits, rowStride: count,
                    targets: targets, targetStride: count, denominator: denominator, losses: losses.base,
                    gradient: gradient))
        }
    }

    /// One grain: losses are a chain in Double, correct predictions a count, 0 without labels.
    func statistics(rows: Range<Int>, target: LossTarget) -> GrainStatistics {
        var lossSum = 0.0
        var correctCount = 0
        for row in rows { lossSum += Double(losses.base[row]) }
        guard target == .label else { return GrainStatistics(lossSum: lossSum, correctCount: 0) }
        guard !mixes else {
            // The label with the greater share is the one to find; its own where they are equal.
            for row in rows {
                let label = shares.base[row] < 0.5 ? partners.base[row] : labels.base[row]
                correctCount += predictions.base[row] == label ? 1 : 0
            }
            return GrainStatistics(lossSum: lossSum, correctCount: correctCount)
        }
        for row in rows { correctCount += predictions.base[row] == labels.base[row] ? 1 : 0 }
        return GrainStatistics(lossSum: lossSum, correctCount: correctCount)
    }
}

extension GrainStatistics {
    static let zero = GrainStatistics(lossSum: 0, correctCount: 0)

    static func + (left: GrainStatistics, right: GrainStatistics) -> GrainStatistics {
        GrainStatistics(
            lossSum: left.lossSum + right.lossSum, correctCount: left.correctCount + right.correctCount,
            requests: left.requests.union(right.requests))
    }
}
