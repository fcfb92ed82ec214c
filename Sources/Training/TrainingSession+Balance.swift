import Communication
import KernelContract

/// Work divided anew, between two steps.
extension TrainingSession {
    /// Does what is due with the division of work. Collective.
    mutating func balance(_ communicator: borrowing Communicator) throws {
        guard balancer.isDue(step: trainer.stepCount) else { return }
        switch balancer.stage {
        case .forced(let division, _):
            try divide(division, communicator)
            show(BalanceRecord(forced: division, trainer))
            balancer.enter(.over)
        case .measuring: try decide(communicator)
        case .verifying(let evenSeconds): try verify(evenSeconds: evenSeconds, communicator)
        case .over: break
        }
    }

    /// Divides by what was measured; worker 0 decides.
    private mutating func decide(_ communicator: borrowing Communicator) throws {
        let speeds = try communicator.allGather(balancer.speed(share: trainer.costShare))
        let choice = WorkModel(
            trainer.fullBatch, workers: speeds, hosts: communicator.hostMembers,
            sendsSubtrees: configuration.reduction == .tree
        ).best()
        let division = try choice.division.broadcast(communicator)
        let isEven = division.grains.isEven
        if !isEven { try divide(division, communicator) }
        show(BalanceRecord(division, trainer, speeds: speeds, predictedGain: choice.gain))
        balancer.enter(isEven ? .over : .verifying(evenSeconds: speeds[0].batchSeconds))
    }

    /// Goes back to the even division where that was faster.
    private mutating func verify(evenSeconds: Double, _ communicator: borrowing Communicator) throws {
        let seconds = try communicator.broadcast(balancer.speed(share: trainer.costShare).batchSeconds, root: 0)
        let evenSeconds = try communicator.broadcast(evenSeconds, root: 0)
        if seconds >= evenSeconds { try divide(.even(communicator.size), communicator) }
        if let record = balanceRecord {
            show(record.verified(trainer, evenSeconds: evenSeconds, seconds: seconds))
        }
        balancer.enter(.over)
    }

    /// What the run begins with.
    mutating func showForcedDivision(_ division: WorkDivision) {
        balanceRecord = BalanceRecord(forced: division, trainer)
    }

    private mutating func show(_ record: BalanceRecord) {
        balanceRecord = record
        observer?.balanced(record)
    }

    /// Puts a trainer of another division in the place of this one: what a checkpoint holds goes over, through worker 0's memory.
    private mutating func divide(_ division: WorkDivision, _ communicator: borrowing Communicator) throws {
        saving?.forgetSnapshot()
        snapshotStep = nil
        let moved = MovedState(try trainer.snapshot(network, into: nil))
        let (step, hasSeenGradient) = (trainer.stepCount, trainer.hasSeenGradient)
        // No memory for both at once. The others have copied from this worker's when they are here.
        try communicator.barrier()
        let (standardization, targetStandardization) = (trainer.standardization, trainer.targetStandardization)
        dropTrainer()
        var next = try run.trainer(
            network, data, split, standardization, targetStandardization, division, communicator)
        try next.restore(step: step, communicator) { kind, values in moved?.load(kind, into: values) }
        next.hasSeenGradient = hasSeenGradient
        setTrainer(next)
    }
}

/// A copy of what a checkpoint would hold of a trainer, on worker 0.
private struct MovedState {
    private let snapshot: TrainerSnapshot
    private let optimizerState: [String: [Float]]

    init?(_ snapshot: TrainerSnapshot?) {
        guard let snapshot else { return nil }
        let count = snapshot.network.layout.floatCount
        self.snapshot = snapshot
        // The snapshot's own lie in the trainer's memory.
        optimizerState = Dictionary(
            uniqueKeysWithValues: snapshot.optimizerState.map { name, values in
                (name, Array(UnsafeBufferPointer(start: values, count: count)))
            })
    }

    func load(_ kind: CheckpointedBuffer, into values: UnsafeMutablePointer<Float>) {
        let network = snapshot.network
        switch kind {
        case .parameters: values.update(from: snapshot.parameters, count: network.layout.floatCount)
        case .statistics: values.update(from: snapshot.statistics, count: network.stateLayout.floatCount)
        case .averages:
            if let averages = snapshot.averages { values.update(from: averages, count: network.layout.floatCount) }
        case .averagedStatistics:
            if let averages = snapshot.averagedStatistics {
                values.update(from: averages, count: network.stateLayout.floatCount)
            }
        case .optimizer(let name):
            if let state = optimizerState[name] { values.update(from: state, count: state.count) }
        }
    }
}
