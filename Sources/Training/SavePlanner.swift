import Communication

/// Decides on worker 0 what is due after a step, before the step is trained, so that the step's statistics can tell all.
struct SavePlanner {
    private let policy: CheckpointPolicy
    private let length: RunLength
    /// Whether an epoch's weights may become the best.
    private let remembersEpochs: Bool
    private let stopAfter: RunInterval?
    /// Updates done when this process began.
    private let firstStep: Int
    private let processBegin: UInt64
    private var lastSave: UInt64

    init(
        _ policy: CheckpointPolicy, length: RunLength, remembersEpochs: Bool, stopAfter: RunInterval?, firstStep: Int
    ) {
        self.policy = policy
        self.length = length
        self.remembersEpochs = remembersEpochs
        self.stopAfter = stopAfter
        self.firstStep = firstStep
        lastSave = PhaseClock.now()
        processBegin = lastSave - min(UInt64((ProcessAge.seconds ?? 0) * 1e9), lastSave)
    }

    /// - Parameters:
    ///   - step: The number that the step will have, from 1.
    ///   - isWriterBusy: Whether a checkpoint is being written: what the clock asks for can then wait.
    mutating func requests(step: Int, isWriterBusy: @autoclosure () -> Bool) -> StepRequests {
        var requests: StepRequests = []
        let isLast = step == length.stepCount
        let endsEpoch = isLast || step.isMultiple(of: length.stepsPerEpoch)
        let isDue =
            switch policy.interval {
            case .steps(let count): step.isMultiple(of: count)
            case .epochs(let count): step.isMultiple(of: count * length.stepsPerEpoch)
            case .seconds(let seconds): secondsSince(lastSave) >= seconds && !isWriterBusy()
            case nil: false
            }
        if isLast || isDue {
            requests.insert(.save)
            lastSave = PhaseClock.now()
        }
        if endsEpoch && remembersEpochs { requests.insert(.remember) }
        if !isLast && endsPart(step) { requests.insert(.stop) }
        return requests
    }

    /// Whether this process has trained what it was asked for.
    private func endsPart(_ step: Int) -> Bool {
        switch stopAfter {
        case .steps(let count): return step - firstStep >= count
        case .epochs(let count):
            let perEpoch = length.stepsPerEpoch
            return step.isMultiple(of: perEpoch) && step / perEpoch - firstStep / perEpoch >= count
        case .seconds(let seconds): return secondsSince(processBegin) >= seconds
        case nil: return false
        }
    }

    private func secondsSince(_ begin: UInt64) -> Double { Double(PhaseClock.now() - begin) * 1e-9 }
}
