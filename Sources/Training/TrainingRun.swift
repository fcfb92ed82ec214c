import Communication
import DataLoading
import Errors
import Files
import KernelContract
import Models
import Optimizers
import Tensors

/// One run from data to summary. Every worker calls `run`; all end with the same result or the same failure.
package struct TrainingRun: Sendable {
    package let configuration: TrainingConfiguration
    package let dataset: SharedDataset
    package let kernels: any KernelSet
    package let path: String
    package let overwrites: Bool
    package let resume: ResumeRequest
    /// Goes on from a checkpoint of another numerics version, whose bits nobody can promise.
    package let allowsOtherNumerics: Bool
    /// Saves and stops when this process has trained so much, or is so old.
    package let stopAfter: RunInterval?
    /// Through which others ask to save or stop.
    package let control: RunControl?
    /// With which checkpoints are written.
    package let fileCalls: FileCalls
    /// Called on worker 0 only; nil where nobody watches.
    package let makeObserver: (@Sendable () -> any TrainingObserver)?

    package init(
        _ configuration: TrainingConfiguration, dataset: SharedDataset, kernels: any KernelSet, path: String,
        overwrites: Bool, resume: ResumeRequest = .never, allowsOtherNumerics: Bool = false,
        stopAfter: RunInterval? = nil, control: RunControl? = nil,
        fileCalls: FileCalls = FileCalls(), makeObserver: (@Sendable () -> any TrainingObserver)? = nil
    ) {
        self.configuration = configuration
        self.kernels = kernels
        self.path = path
        self.overwrites = overwrites
        self.resume = resume
        self.allowsOtherNumerics = allowsOtherNumerics
        self.stopAfter = stopAfter
        self.control = control
        self.fileCalls = fileCalls
        self.makeObserver = makeObserver
        self.dataset = dataset
    }

    package func run(_ communicator: borrowing Communicator) throws {
        try run(communicator, observer: communicator.rank == 0 ? makeObserver?() : nil)
    }

    /// - Parameters:
    ///   - observer: Of worker 0.
    ///   - judge: Asked after each epoch whether the run ends there.
    package func run(
        _ communicator: borrowing Communicator, observer: (any TrainingObserver)?, judge: EpochJudge? = nil
    ) throws {
        let begun = PhaseClock.now()
        let data = try communicator.agree { try dataset.load() }
        let dataSeconds = Double(PhaseClock.now() - begun) * 1e-9
        let split = try communicator.agree {
            try data.check(configuration.data.augmentation)
            return try configuration.split(data)
        }
        let network = try communicator.agree {
            guard !split.train.isEmpty else { throw Failure(.data, "\(data.name): no sample is left to train on") }
            return try Network(
                configuration.model, inputShape: data.inputShape, outputs: data.outputs(configuration.loss.target),
                settings: configuration.layers)
        }
        var begin = RunBegin()
        try communicator.onRoot { begin = try RunBegin(self) }
        let state = try begin.broadcastState(communicator)
        let forced = try ForcedDivision.wanted(communicator)
        var trainer = try trainer(
            network, data, split,
            try .shared(configuration.data.standardization, data.train, samples: split.train, communicator),
            try .shared(
                configuration.data.table?.standardizesTarget ?? false, data.train, samples: split.train, communicator),
            forced.flatMap { $0.afterStep == 0 ? $0.division : nil } ?? .even(communicator.size), communicator)
        if let state {
            try communicator.agree { try state.check(RunLength(configuration, sampleCount: split.train.count)) }
            try trainer.restore(step: state.step, communicator) { kind, values in
                try begin.point?.load(kind, into: values, of: network)
            }
        } else if configuration.initialWeights != nil {
            try communicator.onRoot { try begin.readInitialWeights(configuration, network) }
            try trainer.begin(with: begin.initialWeights, communicator)
        }
        // A new folder comes last: what fails before leaves nothing behind.
        try communicator.onRoot { try begin.open(self) }
        var session = TrainingSession(
            run: self, data: data, split: split, network: network, begin: begin, state: state, trainer: trainer,
            balancer: balancer(forced, communicator), observer: observer, judge: judge,
            loss: try Loss(configuration.loss, outputCount: network.outputCount))
        session.dataSeconds = dataSeconds
        if let forced, forced.afterStep == 0 { session.showForcedDivision(forced.division) }
        try session.announce(communicator)
        if let note = begin.initialWeights?.note { observer?.warned(note) }
        try session.train(communicator)
    }

    /// Collective.
    func trainer(
        _ network: Network, _ data: ImageDataset, _ split: ValidationSplit, _ standardization: InputStandardization?,
        _ targetStandardization: TargetStandardization?, _ division: WorkDivision,
        _ communicator: borrowing Communicator
    ) throws -> Trainer {
        try Trainer(
            configuration, network: network, images: data.train, sampleCount: split.train.count,
            standardization: standardization, targetStandardization: targetStandardization, kernels: kernels,
            communicator: communicator, division: division)
    }

    private func balancer(
        _ forced: (division: WorkDivision, afterStep: Int)?, _ communicator: borrowing Communicator
    ) -> Balancer {
        if let forced {
            return Balancer(forced.afterStep == 0 ? .over : .forced(forced.division, afterStep: forced.afterStep))
        }
        return Balancer(configuration.isBalanced && communicator.size > 1 ? .measuring : .over)
    }
}

/// Whether a run ends after the epoch that has these points, which is not its last. All workers ask with the same, and must
/// get the same answer.
package typealias EpochJudge = (_ points: [MetricsPoint], _ communicator: borrowing Communicator) throws -> Bool
