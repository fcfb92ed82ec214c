import Numerics

/// What a plateau schedule remembers from epoch to epoch; what a resumed run needs besides the step.
package struct PlateauState: Codable, Hashable, Sendable {
    /// By which the learning rate is multiplied.
    package var factor = 1.0
    package var best = Double.infinity
    package var badEpochs = 0

    package init() {}
}

/// The learning rate of every step of a run: a function of the step, and for a plateau of the losses so far.
package struct Schedule: Sendable {
    package let description: ScheduleDescription
    private let base: Double
    private let stepsPerEpoch: Int
    private let warmUpCount: Int
    /// Steps behind the warm-up, at least 1.
    private let remainingCount: Int
    package var plateau = PlateauState()

    /// - Parameter scale: Multiplies every rate, also those that the description names.
    package init(
        _ description: ScheduleDescription, warmUp: WarmUp? = nil, learningRate: Double, scale: Double = 1,
        stepsPerEpoch: Int, totalSteps: Int
    ) {
        precondition(stepsPerEpoch > 0, "Schedule: \(stepsPerEpoch) steps in an epoch")
        self.description = description.scaled(by: scale)
        base = learningRate * scale
        self.stepsPerEpoch = stepsPerEpoch
        warmUpCount = warmUp?.stepCount(stepsPerEpoch: stepsPerEpoch) ?? 0
        remainingCount = max(totalSteps - warmUpCount, 1)
    }

    /// The rate of step `step` of the run, counted from 0.
    package func learningRate(step: Int) -> Double {
        let warmth = step < warmUpCount ? Double(step + 1) / Double(warmUpCount) : 1
        return warmth * rate(max(step - warmUpCount, 0))
    }

    /// Ends an epoch with the loss that decides: the validation loss where there is one, else the train loss.
    /// A loss that is not better than the best by the threshold is a bad epoch, so that ties keep the earlier.
    package mutating func finishEpoch(loss: Double) {
        guard case .plateau(let factor, let patience, let threshold) = description else { return }
        if loss < plateau.best * (1 - threshold) {
            plateau.best = loss
            plateau.badEpochs = 0
        } else {
            plateau.badEpochs += 1
        }
        guard plateau.badEpochs > patience else { return }
        plateau.badEpochs = 0
        // PyTorch's eps: a change by no more than 1e-8 is left out.
        if base * plateau.factor * (1 - factor) > 1e-8 { plateau.factor *= factor }
    }

    private func rate(_ step: Int) -> Double {
        let epoch = step / stepsPerEpoch
        switch description {
        case .constant: return base
        case .step(let epochs, let gamma): return base * ScalarMath.power(gamma, epoch / epochs)
        case .exponential(let gamma): return base * ScalarMath.power(gamma, epoch)
        case .cosine(let minimum): return Self.anneal(base, minimum, Double(step) / Double(remainingCount))
        case .oneCycle(let maximum, let increasing, let initialDivisor, let finalDivisor):
            let maximum = maximum ?? base
            let initial = maximum / initialDivisor
            let top = increasing * Double(remainingCount) - 1
            let s = Double(step)
            if s < top { return Self.anneal(initial, maximum, s / top) }
            let last = Double(remainingCount - 1)
            // The top itself, or nothing behind it.
            guard last > top, s > top else { return maximum }
            return Self.anneal(maximum, initial / finalDivisor, (s - top) / (last - top))
        case .plateau: return base * plateau.factor
        }
    }

    /// Half a cosine wave from `start` to `end`, `progress` from 0 to 1.
    private static func anneal(_ start: Double, _ end: Double, _ progress: Double) -> Double {
        end + (start - end) / 2 * (1 + ScalarMath.cosine(.pi * min(progress, 1)))
    }
}

extension ScheduleDescription {
    fileprivate func scaled(by scale: Double) -> Self {
        switch self {
        case .cosine(let minimum): .cosine(minimum: minimum * scale)
        case .oneCycle(let maximum, let increasing, let initialDivisor, let finalDivisor):
            .oneCycle(
                maximum: maximum.map { $0 * scale }, increasing: increasing, initialDivisor: initialDivisor,
                finalDivisor: finalDivisor)
        default: self
        }
    }
}
