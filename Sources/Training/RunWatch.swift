import Foundation

/// Looks for runs that go on but lead nowhere. Each finding is told once; all workers find the same.
///
/// - Dead: in all steps of an epoch the gradient of every weight was exactly 0, and the loss was not.
/// - Diverging: the loss of the second half of an epoch is more than twice that of the first step, which is the untrained
///   network's, and more than twice the loss of guessing.
/// - Guessing: for three epochs in a row, and 300 steps, the loss of their second halves is above that of guessing.
///
/// These are few and late on purpose: a run that recovers, learns slowly or has a noisy first epoch is not named.
package struct RunWatch: Sendable {
    /// The loss of guessing, where that does not depend on the data.
    private let chanceLevel: Double?
    /// What a checkpoint keeps.
    package private(set) var state: State
    private var toldCount: Int

    package struct State: Codable, Hashable, Sendable {
        fileprivate var untrainedLoss: Double?
        fileprivate var epochsAboveChance = 0
        fileprivate var stepsAboveChance = 0
        fileprivate var isDead = false
        fileprivate var isDiverging = false
        fileprivate var isGuessing = false
        package fileprivate(set) var warnings: [String] = []

        package init() {}
    }

    package init(chanceLevel: Double?, state: State = State()) {
        self.chanceLevel = chanceLevel
        self.state = state
        toldCount = state.warnings.count
    }

    package var warnings: [String] { state.warnings }

    /// What has been found since the last call.
    package mutating func takeNew() -> [String] {
        defer { toldCount = warnings.count }
        return Array(warnings[toldCount...])
    }

    mutating func finishEpoch(
        _ epoch: Int, _ sums: EpochSums, step: Int, learningRate: Double, hasGradient: Bool
    ) {
        finishEpoch(
            epoch, step: step, stepCount: sums.stepCount, firstLoss: sums.firstLoss, lateLoss: sums.lateLoss,
            learningRate: learningRate, hasGradient: hasGradient)
    }

    /// - Parameters:
    ///   - step: The epoch's last, counted from the begin of the run.
    ///   - lateLoss: Mean over the second half of the epoch's steps.
    package mutating func finishEpoch(
        _ epoch: Int, step: Int, stepCount: Int, firstLoss: Double, lateLoss: Double, learningRate: Double,
        hasGradient: Bool
    ) {
        let untrained = state.untrainedLoss ?? firstLoss
        state.untrainedLoss = untrained
        if !state.isDead && !hasGradient && lateLoss != 0 {
            state.isDead = true
            state.warnings.append(
                """
                epoch \(epoch), steps \(step - stepCount + 1) to \(step): the gradient of every weight was exactly 0, so \
                the network is dead and learns no more; try a smaller --learning-rate, another --seed, or leaky-relu in \
                place of relu
                """)
        }
        if !state.isDiverging && lateLoss > 2 * max(untrained, chanceLevel ?? 0) {
            state.isDiverging = true
            state.warnings.append(
                """
                epoch \(epoch), step \(step): the training loss is \(short(lateLoss)), more than twice the untrained \
                network's \(short(untrained)), so the run diverges; try a smaller --learning-rate than \
                \(short(learningRate)), --warmup 1epochs or --clip-norm 1
                """)
        }
        guard let chanceLevel else { return }
        (state.epochsAboveChance, state.stepsAboveChance) =
            lateLoss > chanceLevel ? (state.epochsAboveChance + 1, state.stepsAboveChance + stepCount) : (0, 0)
        if !state.isGuessing && !state.isDiverging && state.epochsAboveChance >= 3 && state.stepsAboveChance >= 300 {
            state.isGuessing = true
            state.warnings.append(
                """
                epoch \(epoch), step \(step): for \(state.epochsAboveChance) epochs the training loss, now \(short(lateLoss)), was above that of \
                guessing, \(short(chanceLevel)); the learning rate \(short(learningRate)) is too great or far too small, \
                or the labels do not belong to the data
                """)
        }
    }

    /// A warm-up that the run does not outlive.
    package mutating func start(warmUpSteps: Int, totalSteps: Int, learningRate: Double) {
        guard warmUpSteps > totalSteps else { return }
        state.warnings.append(
            """
            the warm-up takes \(warmUpSteps) steps and the run has \(totalSteps), so the learning rate never reaches \
            \(short(learningRate)); use a shorter --warmup or more --epochs
            """)
    }
}

/// Four digits.
private func short(_ value: Double) -> String { String(format: "%.4g", value) }
