import Checkpoints
import Communication
import DataLoading
import Errors

/// What worker 0 has for writing checkpoints.
struct Saving {
    let writer: CheckpointWriter
    var planner: SavePlanner
    fileprivate(set) var snapshot: TrainerSnapshot?
    /// What `snapshot` is part of.
    fileprivate var contents: CheckpointContents?
    private var savedStep: Int?
    /// How often and how long training waited for snapshots.
    fileprivate(set) var (snapshotCount, heldSeconds) = (0, 0.0)
    private let configuration: TrainingConfiguration
    private let length: RunLength
    private let initialWeightsSHA256: String?
    private let columns: TableColumns?

    init(
        _ directory: RunDirectory, run: TrainingRun, length: RunLength, resumedStep: Int, point: ResumePoint?,
        initialWeightsSHA256: String?, columns: TableColumns?
    ) {
        self.columns = columns
        configuration = run.configuration
        self.length = length
        self.initialWeightsSHA256 = initialWeightsSHA256
        writer = CheckpointWriter(
            store: directory.checkpoints, keptCount: run.configuration.checkpoints.keptCount, dataset: run.dataset,
            control: run.control, synchroniseLog: directory.synchroniseLog)
        planner = SavePlanner(
            run.configuration.checkpoints, length: length, remembersEpochs: run.configuration.selection != nil,
            stopAfter: run.stopAfter, firstStep: resumedStep)
        // A run that begins with another run's checkpoint has none of its own yet.
        if let point, point.path == directory.checkpoints.path(step: resumedStep) { savedStep = resumedStep }
    }

    fileprivate mutating func take(_ snapshot: TrainerSnapshot?, _ state: RunState) {
        guard let snapshot else { return }
        self.snapshot = snapshot
        contents = CheckpointContents(
            snapshot: snapshot, state: state, configuration: configuration,
            batchCount: length.batchCount(steps: state.step), initialWeightsSHA256: initialWeightsSHA256,
            columns: columns)
    }

    /// Writes the last snapshot.
    fileprivate mutating func save() {
        guard let contents else { return }
        writer.save(contents)
        savedStep = contents.state.step
    }

    /// Returns when nobody reads the last snapshot, which is not written any more.
    mutating func forgetSnapshot() {
        writer.wait()
        contents = nil
    }

    func saveBest() {
        if let contents { writer.saveBest(contents) }
    }

    /// Returns when the last snapshot is on the disk.
    fileprivate mutating func finish(_ directory: RunDirectory?) throws {
        if savedStep != contents?.state.step { save() }
        do { try writer.finish() } catch is Failure {
            // The disk may have room again.
            save()
            try writer.finish()
        }
        try directory?.finishLog()
    }
}

extension TrainingSession {
    /// What this worker asks for with the next step.
    mutating func takeRequests() -> StepRequests {
        var requests = run.control?.take() ?? []
        if trainer.rank == 0 && trainer.reducer.isSettled { requests.formUnion(balancer.requests) }
        if saving != nil, let writer = saving?.writer {
            requests.formUnion(
                saving!.planner.requests(step: trainer.stepCount + 1, isWriterBusy: writer.isBusy))
        }
        return requests
    }

    /// Saves, remembers or stops, as the workers have agreed on with the step just done.
    mutating func fulfil(
        _ requests: StepRequests, _ epoch: Int, _ sums: EpochSums, _ communicator: borrowing Communicator
    ) throws {
        let state = try state(epoch, sums, communicator)
        try takeSnapshot(state, communicator)
        if !requests.isDisjoint(with: [.save, .stop]) { saving?.save() }
        guard requests.contains(.stop) else { return }
        try finishSaving(communicator)
        let total = length.stepCount
        try communicator.agree {
            throw Failure(
                .stopped,
                "stopped after step \(state.step) of \(total), epoch \(epoch); checkpoint saved; go on with: lockstep resume "
                    + run.path)
        }
    }

    /// Makes sure that the snapshot is of the step just done.
    mutating func ensureSnapshot(_ state: RunState, _ communicator: borrowing Communicator) throws {
        if snapshotStep != state.step { try takeSnapshot(state, communicator) }
    }

    /// Returns when the last step's checkpoint is on the disk, on worker 0.
    mutating func finishSaving(_ communicator: borrowing Communicator) throws {
        // Not in a closure: `saving` is changed.
        let result = Result { try saving?.finish(directory) }
        try communicator.onRoot { try result.get() }
    }

    private mutating func takeSnapshot(_ state: RunState, _ communicator: borrowing Communicator) throws {
        let begin = PhaseClock.now()
        saving?.writer.wait()
        // The writer reads columns that all workers are about to write.
        try communicator.barrier()
        let snapshot = try trainer.snapshot(network, into: saving?.snapshot)
        saving?.take(snapshot, state)
        snapshotStep = state.step
        saving?.snapshotCount += 1
        saving?.heldSeconds += Double(PhaseClock.now() - begin) * 1e-9
    }
}
