import KernelContract
import Kernels
import Models
import Optimizers
import Tensors

/// What the phases of a step must do at least, on one worker, in the mean of an epoch's steps: the operations of the
/// products, or the bytes to be read and written where there are none.
struct PhaseWork {
    /// By phase; 0 where nothing is counted.
    private var flops = [Double](repeating: 0, count: Phase.allCases.count)
    private var bytes = [Double](repeating: 0, count: Phase.allCases.count)

    /// `factored` are operations whose gradients their owners compute over the whole batch, `copiedFloatCount` the parameters
    /// that are copied when all have posted.
    init(
        _ network: Network, length: RunLength, plan: BatchPlan, rank: Int, slice: Range<Int>,
        factored: [Int], reducedRuns: [Range<Int>], update: UpdateDescription, copiedFloatCount: Int
    ) {
        let partition = plan.partition
        let (batch, own) = (Double(partition.sampleCount), Double(plan.samples.count))
        let others = batch - own
        // Full batches that a step amounts to: the last step of an epoch may be shorter.
        let batches = Double(length.sampleCount) / batch / Double(length.stepsPerEpoch)
        func set(_ phase: Phase, flops count: Double) { flops[phase.rawValue] = count * batches }
        func set(_ phase: Phase, floats count: Double) { bytes[phase.rawValue] = 4 * count * batches }

        set(.forward, flops: own * network.forwardFlopsPerSample)
        set(.inputGradient, flops: own * network.inputGradientFlopsPerSample)
        let layers = factored.map { network.operations[$0] }
        let weights = network.layout.entries.filter { entry in
            entry.shape.extents.count > 1 && layers.contains { entry.belongs(to: $0) }
        }
        let ownWeights = weights.reduce(0) { $0 + $1.range.clamped(to: slice).count }
        set(
            .weightGradient,
            flops: own * network.parameterGradientFlopsPerSample(without: factored) + batch * 2 * Double(ownWeights))

        // A pixel is a byte.
        let columns = network.layout.inputs(
            of: factored.filter { network.memory(ofInputTo: $0) == 0 }.map { network.operations[$0] }, in: slice)
        set(.input, floats: 1.25 * (own * Double(network.inputFeatures) + others * Double(columns.count)))
        // Outputs and inputs are read, a gradient is written; the exponentials of a few logits are neither.
        if network.target != .label { set(.loss, floats: 3 * own * Double(network.outputCount)) }
        let posted = factored.reduce(0) { sum, index in
            guard let layer = network.operations[index].layer else { return sum }
            let needed = network.factorsNeeded(ofOperation: index, besides: slice)
            return sum + (needed.outputGradient ? layer.outputFeatures : 0)
                + (needed.input && network.memory(ofInputTo: index) != 0 ? layer.inputFeatures : 0)
        }
        if plan.runs.count > 1 { set(.post, floats: 2 * own * Double(posted)) }
        let nodes = plan.runs.reduce(0) {
            $0 + CanonicalTree.maximalNodes(in: $1, grainCount: partition.grainCount).count
        }
        let reduced = reducedRuns.reduce(0) { $0 + $1.count }
        if nodes > 1 { set(.reduction, floats: Double(reduced) * Double(nodes + 1)) }
        // Parameters and state are read and written, the gradient read; these do not depend on the batches.
        bytes[Phase.optimizer.rawValue] = 4 * Double(slice.count) * Double(2 * update.buffersPerParameter - 1)
        bytes[Phase.publish.rawValue] = 4 * 2 * Double(copiedFloatCount)
    }

    /// Nanoseconds by phase that the machine needs for this much when it does nothing else: products at `peak` operations
    /// per second, bytes as fast as a copy that reads half of them and writes the others. 0 where nothing is counted.
    func leastNanoseconds(peak: Double) -> [Double] {
        zip(flops, bytes).map { flops, bytes in
            if flops > 0 { return flops / peak * 1e9 }
            return bytes > 0 ? Self.copyNanoseconds(byteCount: bytes) : 0
        }
    }

    /// Of the best of many copies, in whatever cache both ends fit.
    private static func copyNanoseconds(byteCount: Double) -> Double {
        let count = max(Int(byteCount / 2), 64)
        let source = AlignedBuffer<UInt8>(count: count)
        let target = AlignedBuffer<UInt8>(count: count)
        var repetitions = 1
        var best = Double.infinity
        // Longer and longer until a run lasts 200 µs.
        for _ in 0..<30 {
            let begin = PhaseClock.now()
            for _ in 0..<repetitions {
                UnsafeMutableRawPointer(target.base).copyMemory(from: source.base, byteCount: count)
            }
            let nanoseconds = Double(PhaseClock.now() - begin)
            if nanoseconds < 200_000 {
                repetitions *= 2
            } else {
                best = min(best, nanoseconds / Double(repetitions))
            }
        }
        return best * byteCount / 2 / Double(count)
    }
}
