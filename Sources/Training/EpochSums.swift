/// Running sums of an epoch, over all workers and in step order.
struct EpochSums: Codable, Sendable {
    /// Steps of the epoch.
    private(set) var stepCount: Int
    private(set) var doneCount = 0
    private(set) var sampleCount = 0
    private(set) var firstLoss = 0.0
    private var lossSum = 0.0
    private var lossDenominator = 0.0
    private var correctCount = 0
    /// Of the second half of the steps.
    private var lateLossSum = 0.0
    private var lateDenominator = 0.0
    /// Of the last step's gradients, before clipping; nil before it, and where it is not finite.
    var gradientNorm: Double?

    init(stepCount: Int) { self.stepCount = stepCount }

    mutating func add(_ result: Trainer.StepResult) {
        if doneCount == 0 { firstLoss = result.lossSum / result.lossDenominator }
        if doneCount >= stepCount / 2 {
            lateLossSum += result.lossSum
            lateDenominator += result.lossDenominator
        }
        lossSum += result.lossSum
        lossDenominator += result.lossDenominator
        correctCount += result.correctCount
        sampleCount += result.sampleCount
        doneCount += 1
    }

    var meanLoss: Double { lossSum / lossDenominator }
    /// Of the second half; of all where a resumed epoch was given another length.
    var lateLoss: Double { lateDenominator > 0 ? lateLossSum / lateDenominator : meanLoss }
    var accuracy: Double { Double(correctCount) / Double(sampleCount) }
    var isComplete: Bool { doneCount >= stepCount }
    /// Whether one step is left.
    var isBeforeLast: Bool { doneCount == stepCount - 1 }

    /// Gives an epoch that is resumed another length, when the run was made longer or shorter.
    mutating func resize(stepCount: Int) { self.stepCount = max(stepCount, doneCount) }

    /// Whether a file can say so.
    var isPlausible: Bool {
        stepCount >= 1 && doneCount >= 1 && doneCount <= stepCount && sampleCount >= doneCount
            && (0...sampleCount).contains(correctCount)
    }
}
