import Communication

/// What the workers' own work took between two moments, on one of them; summed over batches.
struct WorkTimes {
    var batchCount = 0
    /// Own samples.
    var sampleCount = 0
    /// Nanoseconds until own gradients were there, without waiting; then for own parameters; and of exchanges with others.
    var grains: UInt64 = 0
    var slice: UInt64 = 0
    var exchange: UInt64 = 0
    /// Of whole steps.
    var steps: UInt64 = 0
}

/// Measures in the first steps how fast each worker is.
///
/// Worker 0 ends a window of measuring when it has taken 30 ms, by a request that travels with the step's statistics, so all
/// end it after the same step: a scheduler's time slices are some milliseconds, and steps may be shorter. The first window is left
/// out, of the others the median counts.
struct Balancer {
    private static let windowNanoseconds: UInt64 = 30_000_000
    private static let windowCount = 7

    /// What happens next.
    enum Stage {
        case measuring
        /// After this step.
        case forced(WorkDivision, afterStep: Int)
        /// The even division's seconds of a batch: whether the new one is faster.
        case verifying(evenSeconds: Double)
        case over
    }

    private(set) var stage: Stage
    private var windows: [WorkTimes] = []
    private var hasBegun = false
    private var windowBegin = PhaseClock.now()

    init(_ stage: Stage) {
        self.stage = stage
        windows.reserveCapacity(Self.windowCount)
    }

    private var measures: Bool {
        switch stage {
        case .measuring, .verifying: true
        case .forced, .over: false
        }
    }

    /// What worker 0 asks for with the next step.
    var requests: StepRequests {
        measures && PhaseClock.now() - windowBegin >= Self.windowNanoseconds ? .measure : []
    }

    /// Takes what the window measured that ended with a step, if one did.
    mutating func finishedStep(_ requests: StepRequests, _ recorder: PhaseRecorder) {
        guard measures, requests.contains(.measure) else { return }
        let work = recorder.takeWork()
        if hasBegun { windows.append(work) }
        hasBegun = true
        windowBegin = PhaseClock.now()
    }

    /// Whether there is something to be done after step `step`. The same on all workers.
    func isDue(step: Int) -> Bool {
        if case .forced(_, let afterStep) = stage { return step >= afterStep }
        return measures && windows.count == Self.windowCount
    }

    /// The next stage; what was measured is forgotten.
    mutating func enter(_ stage: Stage) {
        self.stage = stage
        windows.removeAll(keepingCapacity: true)
        hasBegun = false
        windowBegin = PhaseClock.now()
    }

    /// The medians of the windows.
    ///
    /// - Parameter share: What part of all parameters' cost this worker owns.
    func speed(share: Double) -> WorkerSpeed {
        func median(_ value: (WorkTimes) -> Double) -> Double { windows.map(value).sorted()[windows.count / 2] * 1e-9 }
        func perBatch(_ path: KeyPath<WorkTimes, UInt64>) -> Double {
            median { Double($0[keyPath: path]) / Double(max($0.batchCount, 1)) }
        }
        return WorkerSpeed(
            secondsPerSample: median { $0.sampleCount > 0 ? Double($0.grains) / Double($0.sampleCount) : 0 },
            sliceSeconds: perBatch(\.slice), share: share, exchangeSeconds: perBatch(\.exchange),
            batchSeconds: perBatch(\.steps))
    }
}
