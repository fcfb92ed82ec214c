/// How the learning rate changes, as configured. Rates are multiples of the base rate where nothing else is said.
///
/// `e` is the epoch and `s` the step, both counted from 0 at the end of the warm-up, `n` the number of steps from there
/// to the end of the run. The formulas are those of `torch.optim.lr_scheduler`.
package enum ScheduleDescription: Hashable, Sendable {
    case constant
    /// StepLR: `gamma^⌊e / epochs⌋`.
    case step(epochs: Int, gamma: Double)
    /// ExponentialLR: `gamma^e`.
    case exponential(gamma: Double)
    /// CosineAnnealingLR step by step: from the base rate to `minimum`, `minimum + (base − minimum)(1 + cos(π s / n)) / 2`.
    case cosine(minimum: Double)
    /// OneCycleLR with cosine annealing: in the first `increasing` of the steps from `maximum / initialDivisor` to
    /// `maximum`, then down to `maximum / initialDivisor / finalDivisor`. Momentum stays. A nil maximum is the base rate.
    case oneCycle(maximum: Double?, increasing: Double, initialDivisor: Double, finalDivisor: Double)
    /// ReduceLROnPlateau (`min`, `rel`): times `factor` after more than `patience` epochs in a row without a loss below
    /// the best · (1 − threshold).
    case plateau(factor: Double, patience: Int, threshold: Double)

    /// The base rate that the schedule itself names.
    package var maximum: Double? {
        if case .oneCycle(let maximum, _, _, _) = self { maximum } else { nil }
    }
}

/// A linear rise of the learning rate at the start: step s, counted from 0, of n has (s + 1) / n of the rate.
package enum WarmUp: Hashable, Sendable {
    case steps(Int)
    case epochs(Int)

    package func stepCount(stepsPerEpoch: Int) -> Int {
        switch self {
        case .steps(let count): count
        case .epochs(let count): count * stepsPerEpoch
        }
    }
}
