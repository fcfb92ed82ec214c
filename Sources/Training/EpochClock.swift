/// Measures an epoch, or the rest of a resumed one.
struct EpochClock {
    private let begin = PhaseClock.now()
    private let stepsBefore: Int
    private let samplesBefore: Int

    init(_ sums: EpochSums) {
        stepsBefore = sums.doneCount
        samplesBefore = sums.sampleCount
    }

    private var seconds: Double { Double(PhaseClock.now() - begin) * 1e-9 }

    /// Nil before the first step.
    func samplesPerSecond(_ sums: EpochSums) -> Double? {
        sums.doneCount > stepsBefore ? Double(sums.sampleCount - samplesBefore) / seconds : nil
    }

    func secondsPerStep(_ sums: EpochSums) -> Double { seconds / Double(max(sums.doneCount - stepsBefore, 1)) }
}
