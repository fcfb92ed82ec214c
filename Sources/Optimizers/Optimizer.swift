import KernelContract
import Tensors

/// Updates one worker's slice of the flat parameters and owns that slice's state.
///
/// A step is `begin`, `receive` for each run of the slice, `finish`. Where nothing needs a norm, `receive` updates at
/// once; otherwise it keeps the gradient, and `finish` exchanges sums of squares with the other workers first.
package struct Optimizer: ~Copyable {
    package let description: UpdateDescription
    private let layout: ParameterLayout
    private let slice: Range<Int>
    private let kernels: any KernelSet
    private let norms: BlockNorms
    /// Adam's m, or SGD's velocity, of the slice.
    private let first: AlignedBuffer<Float>
    /// Adam's v, or the sum or mean of squares, of the slice.
    private let second: AlignedBuffer<Float>
    /// The slice's gradient where it is changed, and LAMB's direction.
    private let kept: AlignedBuffer<Float>
    /// All parameters' moving average, of which the slice is written.
    private let averages: UnsafeMutablePointer<Float>
    /// By group.
    private var constants: [UpdateConstants]
    private let groups: TensorGroups

    /// `blockSums` holds `blockSumColumns` Doubles for each block of the layout, `averages` a float for each
    /// parameter where there is a moving average; both are seen by all workers. `tensors` say what single tensors have of
    /// their own, by the layout's order; empty for none.
    package init(
        _ description: UpdateDescription, tensors: [TensorUpdate] = [], layout: ParameterLayout, slice: Range<Int>,
        kernels: any KernelSet, blockSums: UnsafeMutablePointer<Double>, averages: UnsafeMutablePointer<Float>
    ) {
        self.description = description
        self.layout = layout
        self.slice = slice
        self.kernels = kernels
        self.averages = averages
        norms = BlockNorms(layout: layout, slice: slice, sums: blockSums)
        groups = TensorGroups(tensors, layout: layout, slice: slice)
        constants = groups.all.map { group in
            UpdateConstants(
                group.weightDecay.map { description.optimizer.with(.weightDecay, $0) } ?? description.optimizer)
        }
        let (hasFirst, hasSecond) = description.optimizer.states
        first = AlignedBuffer(count: hasFirst ? Self.stagger + slice.count : 0)
        second = AlignedBuffer(count: hasSecond ? 2 * Self.stagger + slice.count : 0)
        kept = AlignedBuffer(count: description.keepsGradient ? slice.count : 0)
    }

    /// Whether `receive` updates, and `finish` has nothing to do.
    package var updatesAtOnce: Bool { description.blockSumColumns == 0 }

    /// Floats that shift m and v against the parameters. Walked together from the same place of a page, the three can meet
    /// in one set of L1 under one hash of Zen's way prediction: twice the time (docs/KERNELS.md, "Growth").
    private static let stagger = 256

    private var m: UnsafeMutablePointer<Float> { first.count == 0 ? first.base : first.base + Self.stagger }
    private var v: UnsafeMutablePointer<Float> { second.count == 0 ? second.base : second.base + 2 * Self.stagger }

    /// Sets the constants of update number `step`, counted from 1.
    package mutating func begin(step: Int, learningRate: Double) {
        precondition(step >= 1, "Optimizer: step \(step) is below 1")
        for (index, group) in groups.all.enumerated() {
            constants[index].begin(step: step, learningRate: learningRate * group.learningRateFactor)
        }
    }

    /// Takes the gradient of `range`, which begins at `range`'s first float. Where that updates the parameters, the new ones go
    /// to their places of `posted` too, for other workers.
    package func receive(
        _ range: Range<Int>, parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
        posted: UnsafeMutablePointer<Float>? = nil
    ) {
        precondition(
            slice.lowerBound <= range.lowerBound && range.upperBound <= slice.upperBound,
            "Optimizer: \(range) is outside the slice \(slice)")
        guard kept.count > 0 else { return update(range, parameters, gradient, posted) }
        let own = kept.base + (range.lowerBound - slice.lowerBound)
        if let limit = description.clipping.value {
            kernels.clamp(gradient, count: range.count, limit: Float(limit), to: own)
        } else {
            own.update(from: gradient, count: range.count)
        }
        // A frozen tensor has no part in a norm.
        groups.forEachFrozen(in: range) { frozen in
            (own + (frozen.lowerBound - range.lowerBound)).update(repeating: 0, count: frozen.count)
        }
        if description.blockSumColumns == 0 { update(range, parameters, own, posted) }
    }

    /// Ends the step. `exchange` makes the given columns of all workers' block sums known to all.
    package func finish(
        parameters: UnsafeMutablePointer<Float>, exchange: (_ columns: Range<Int>) throws -> Void
    ) throws {
        let columns = description.blockSumColumns
        guard columns > 0 else { return }
        if let limit = description.clipping.norm {
            norms.measure(column: 0, kept.base, origin: slice.lowerBound, kernels)
            try exchange(0..<1)
            let factor = limit / (norms.norm(column: 0) + 1e-6)
            // Written so that a norm that is not a number reaches the parameters and stops the run.
            if !(factor >= 1) { kernels.scale(kept.base, count: slice.count, by: Float(factor)) }
        }
        guard description.optimizer.rule == .lamb else { return update(slice, parameters, kept.base, nil) }
        groups.forEachTrained(in: slice) { range, group in
            let offset = range.lowerBound - slice.lowerBound
            let direction = kept.base + offset
            kernels.directLAMB(
                parameters: parameters + range.lowerBound, gradient: direction, m: m + offset,
                v: v + offset, count: range.count, step: constants[group].adam, to: direction)
        }
        norms.measure(column: columns - 2, parameters, origin: 0, kernels)
        norms.measure(column: columns - 1, kept.base, origin: slice.lowerBound, kernels)
        try exchange(columns - 2..<columns)
        updateByTrustRatio(parameters, parameterColumn: columns - 2)
    }

    /// Copies the slice's state to its place in buffers as long as the parameters, one for each of the rule's `stateNames`.
    package func saveState(to columns: [UnsafeMutablePointer<Float>]) {
        for (state, column) in zip(states, columns) {
            (column + slice.lowerBound).update(from: state, count: slice.count)
        }
    }

    /// Takes the slice's state from where `saveState` put it.
    package func restoreState(from columns: [UnsafeMutablePointer<Float>]) {
        for (state, column) in zip(states, columns) {
            state.update(from: column + slice.lowerBound, count: slice.count)
        }
    }

    private var states: [UnsafeMutablePointer<Float>] {
        let (hasFirst, hasSecond) = description.optimizer.states
        return (hasFirst ? [m] : []) + (hasSecond ? [v] : [])
    }

    private func update(
        _ range: Range<Int>, _ parameters: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>,
        _ posted: UnsafeMutablePointer<Float>?
    ) {
        groups.forEachTrained(in: range) { part, group in
            update(part, parameters, gradient + (part.lowerBound - range.lowerBound), constants[group], posted)
        }
        if let posted {
            groups.forEachFrozen(in: range) { part in
                kernels.post(parameters + part.lowerBound, count: part.count, to: posted + part.lowerBound)
            }
        }
        average(range, parameters)
    }

    private func update(
        _ range: Range<Int>, _ parameters: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>,
        _ constants: UpdateConstants, _ posted: UnsafeMutablePointer<Float>?
    ) {
        let offset = range.lowerBound - slice.lowerBound
        let p = parameters + range.lowerBound
        let posted = posted.map { $0 + range.lowerBound }
        let (m, v) = (self.m + offset, self.v + offset)
        switch description.optimizer.rule {
        case .sgd, .momentum, .nesterov:
            kernels.updateSGD(
                parameters: p, gradient: gradient, velocity: first.count == 0 ? nil : m, count: range.count,
                step: constants.sgd, posted: posted)
        case .rmsprop, .adagrad:
            kernels.updateByRootMeanSquare(
                parameters: p, gradient: gradient, v: v, count: range.count, step: constants.rootMeanSquare,
                posted: posted)
        case .adam, .adamw:
            kernels.updateAdam(
                parameters: p, gradient: gradient, m: m, v: v, count: range.count, step: constants.adam,
                posted: posted)
        case .nadam:
            kernels.updateNadam(
                parameters: p, gradient: gradient, m: m, v: v, count: range.count, step: constants.adam,
                posted: posted)
        case .lamb:
            preconditionFailure("Optimizer: LAMB updates in finish")
        }
    }

    /// LAMB's `p ← fma(−learningRate · ‖p‖ / ‖u‖, u, p)`, tensor by tensor; the ratio is 1 where a norm is 0.
    private func updateByTrustRatio(_ parameters: UnsafeMutablePointer<Float>, parameterColumn: Int) {
        for (tensor, entry) in layout.entries.enumerated() {
            let range = entry.range.clamped(to: slice)
            guard !range.isEmpty, let group = groups.group(of: tensor) else { continue }
            let parameterNorm = norms.norm(column: parameterColumn, tensor: tensor)
            let directionNorm = norms.norm(column: parameterColumn + 1, tensor: tensor)
            let ratio = parameterNorm == 0 || directionNorm == 0 ? 1 : parameterNorm / directionNorm
            kernels.updateSGD(
                parameters: parameters + range.lowerBound, gradient: kept.base + (range.lowerBound - slice.lowerBound),
                velocity: nil, count: range.count,
                step: SGDStep(learningRate: Float(constants[group].learningRate * ratio)), posted: nil)
        }
        average(slice, parameters)
    }

    /// The average begins as the parameters after the first step.
    private func average(_ range: Range<Int>, _ parameters: UnsafeMutablePointer<Float>) {
        guard let decay = description.averageDecay else { return }
        let (old, new) = (averages + range.lowerBound, parameters + range.lowerBound)
        if constants[0].step == 1 {
            old.update(from: new, count: range.count)
        } else {
            kernels.updateAverage(old, with: new, count: range.count, weight: Float(1 - decay))
        }
    }
}

extension UpdateDescription {
    /// Whether the gradient is kept until all of it is known, or changed.
    var keepsGradient: Bool { clipping.value != nil || blockSumColumns > 0 }

    /// Buffers as long as the parameters in all workers together: the parameters, a gradient, the optimizer's state, and
    /// for checkpoints the parameters and the state again.
    package var buffersPerParameter: Int {
        3 + 2 * optimizer.stateNames.count + [keepsGradient, averageDecay != nil].count { $0 }
    }
}

extension OptimizerDescription {
    /// What PyTorch calls the buffers of state that the rule keeps, in `Optimizer.saveState`'s order.
    package var stateNames: [String] {
        switch rule {
        case .sgd, .momentum, .nesterov: states.first ? ["momentum_buffer"] : []
        case .rmsprop: ["square_avg"]
        case .adagrad: ["sum"]
        case .adam, .adamw, .nadam, .lamb: ["exp_avg", "exp_avg_sq"]
        }
    }

    /// Which of the two buffers of state the rule needs.
    var states: (first: Bool, second: Bool) {
        switch rule {
        case .sgd, .momentum, .nesterov: (self[.momentum] != 0, false)
        case .rmsprop, .adagrad: (false, true)
        case .adam, .adamw, .nadam, .lamb: (true, true)
        }
    }
}
