import Checkpoints
import Communication
import DataLoading
import Errors
import Models
import Optimizers

/// The loop over epochs: train, evaluate, judge.
struct TrainingSession: ~Copyable {
    let run: TrainingRun
    let data: ImageDataset
    let split: ValidationSplit
    let network: Network
    /// Only on worker 0.
    let directory: RunDirectory?
    let resumed: ResumedRun?
    /// Nil only while another takes its place.
    private var heldTrainer: Trainer?
    let observer: (any TrainingObserver)?
    let judge: EpochJudge?
    let evaluator: Evaluator
    let length: RunLength
    var order: EpochOrder
    var schedule: Schedule
    /// Of the last step.
    var learningRate: Double
    var best: BestEpoch?
    var watch: RunWatch
    /// Where the run stood after the last step of an epoch, before it was judged; or where it was resumed.
    var position: RunState?
    var saving: Saving?
    /// Of the last snapshot; the same on all workers.
    var snapshotStep: Int?
    var hasToldOfLog = false
    let begin = PhaseClock.now()
    var bestSamplesPerSecond = 0.0
    /// Until all workers had the data.
    var dataSeconds = 0.0
    var firstStepSeconds: Double?
    var evaluationSeconds = 0.0
    var balancer: Balancer
    /// The last division of work that was shown.
    var balanceRecord: BalanceRecord?

    init(
        run: TrainingRun, data: ImageDataset, split: ValidationSplit, network: Network, begin runBegin: RunBegin,
        state: RunState?, trainer: consuming Trainer, balancer: Balancer, observer: (any TrainingObserver)?,
        judge: EpochJudge?, loss: Loss
    ) {
        let configuration = run.configuration
        let (standardization, targetStandardization) = (trainer.standardization, trainer.targetStandardization)
        self.run = run
        self.data = data
        self.split = split
        self.network = network
        directory = runBegin.directory
        resumed = runBegin.resumed
        heldTrainer = consume trainer
        self.balancer = balancer
        self.observer = observer
        self.judge = judge
        evaluator = Evaluator(
            network: network, loss: loss, standardization: standardization,
            targetStandardization: targetStandardization, kernels: run.kernels)
        length = RunLength(configuration, sampleCount: split.train.count)
        order = EpochOrder(
            indices: split.train, seed: configuration.seed, epoch: 0, batchSize: length.batchSize,
            order: configuration.data.order)
        schedule = configuration.makeSchedule(length)
        if let state { schedule.plateau = state.plateau }
        learningRate = schedule.learningRate(step: max((state?.step ?? 0) - 1, 0))
        let bestState = state?.best
        best = configuration.selection.map { BestEpoch($0, state: bestState ?? .init()) }
        let watchState = state?.watch
        watch = RunWatch(chanceLevel: loss.chanceLevel, state: watchState ?? .init())
        position = state
        saving = runBegin.directory.map {
            Saving(
                $0, run: run, length: length, resumedStep: state?.step ?? 0, point: runBegin.point,
                initialWeightsSHA256: runBegin.initialWeightsSHA256, columns: data.columns)
        }
    }

    var trainer: Trainer {
        _read { yield heldTrainer! }
        _modify { yield &heldTrainer! }
    }

    /// Frees the trainer, whose place another takes next.
    mutating func dropTrainer() { heldTrainer = nil }
    mutating func setTrainer(_ trainer: consuming Trainer) { heldTrainer = consume trainer }

    var configuration: TrainingConfiguration { run.configuration }
    var wallSeconds: Double { Double(PhaseClock.now() - begin) * 1e-9 }

    mutating func train(_ communicator: borrowing Communicator) throws {
        run.control?.enter(.training)
        var points: [MetricsPoint] = []
        // A run is resumed inside an epoch, at the latest after its last step.
        var unfinished = position
        var epoch = (unfinished?.epoch ?? 1) - 1
        var isStopped = false
        while unfinished != nil || (trainer.stepCount < length.stepCount && !isStopped) {
            epoch += 1
            points = [try trainEpoch(epoch, from: unfinished, communicator)]
            unfinished = nil
            try checkParameters(communicator)
            if !split.validation.isEmpty { points.append(try evaluate(.validation, epoch, communicator)) }
            if split.validation.isEmpty || configuration.selection?.metric.split == .test {
                points.append(try evaluate(.test, epoch, communicator))
            }
            let deciding = points.first { $0.split == .validation } ?? points[0]
            schedule.finishEpoch(loss: deciding.loss ?? .nan)
            isStopped = try compare(points, epoch: epoch, communicator)
            if let judge, trainer.stepCount < length.stepCount, try judge(points, communicator) { isStopped = true }
            if isStopped || trainer.stepCount == length.stepCount, !points.contains(where: { $0.split == .test }) {
                points.append(try evaluate(.test, epoch, communicator))
            }
            record(points)
            observer?.finishedEpoch(epoch, of: configuration.epochs, points: points)
            warn(watch.takeNew())
            warn(saving?.writer.takeWarnings() ?? [])
        }
        run.control?.enter(.over)
        try finish(points, epoch: epoch, communicator)
    }

    /// Trains one epoch, or what is left of it, and returns its running means.
    private mutating func trainEpoch(
        _ epoch: Int, from unfinished: RunState?, _ communicator: borrowing Communicator
    ) throws -> MetricsPoint {
        order.prepare(epoch: UInt64(epoch))
        trainer.hasSeenGradient = unfinished?.hasSeenGradient ?? false
        let stepCount = min(length.stepsPerEpoch, length.stepCount - (epoch - 1) * length.stepsPerEpoch)
        var sums = unfinished?.sums ?? EpochSums(stepCount: stepCount)
        sums.resize(stepCount: stepCount)
        let clock = EpochClock(sums)
        var readAhead = BlockReadAhead(order, of: data.train)
        let isSampled = configuration.histogramEvery.map { epoch.isMultiple(of: $0) } ?? false
        while !sums.isComplete {
            try balance(communicator)
            learningRate = schedule.learningRate(step: trainer.stepCount)
            readAhead.advance(to: length.position(ofStep: sums.doneCount))
            trainer.countsGradients = isSampled && sums.isBeforeLast
            trainer.measuresGradients = sums.isBeforeLast
            let result = try trainer.step(
                order, index: sums.doneCount, learningRate: learningRate, requests: takeRequests())
            if firstStepSeconds == nil { firstStepSeconds = ProcessAge.seconds }
            // All workers see the same sum, so all stop here together.
            guard result.lossSum.isFinite else { return try communicator.agree { throw notFinite("the loss") } }
            sums.add(result)
            balancer.finishedStep(result.requests, trainer.recorder)
            if let every = configuration.hashEvery, trainer.stepCount.isMultiple(of: every) { recordHash(epoch: epoch) }
            observe(epoch, sums, clock)
            // Before a checkpoint of this step, so that a run that goes on from it has them behind it.
            if sums.isComplete { sums.gradientNorm = try trainer.takeGradientNorm(communicator) }
            if isSampled && sums.isComplete { try sampleHistograms(communicator) }
            if !result.requests.subtracting(.measure).isEmpty {
                try fulfil(result.requests, epoch, sums, communicator)
            }
        }
        let rate = clock.samplesPerSecond(sums)
        bestSamplesPerSecond = max(bestSamplesPerSecond, rate ?? 0)
        let state = try state(epoch, sums, communicator)
        position = state
        watch.finishEpoch(
            epoch, sums, step: trainer.stepCount, learningRate: learningRate, hasGradient: state.hasSeenGradient)
        return MetricsPoint(
            step: trainer.stepCount, epoch: epoch, split: .train, loss: sums.meanLoss,
            accuracy: configuration.loss.target == .label ? sums.accuracy : nil, learningRate: learningRate,
            gradientNorm: sums.gradientNorm, weightNorm: SquareSums.norm(of: trainer.parameters, network.layout),
            samplesPerSecond: rate, wallSeconds: wallSeconds)
    }

    /// Where the run stands.
    func state(_ epoch: Int, _ sums: EpochSums, _ communicator: borrowing Communicator) throws -> RunState {
        RunState(
            epoch: epoch, step: trainer.stepCount, sums: sums,
            hasSeenGradient: try communicator.allGather(trainer.hasSeenGradient).contains(true),
            plateau: schedule.plateau, best: best?.state, watch: watch.state)
    }

    private func checkParameters(_ communicator: borrowing Communicator) throws {
        try communicator.agree {
            guard run.kernels.allFinite(trainer.parameters, count: network.layout.floatCount) else {
                throw notFinite("a parameter")
            }
        }
    }

    private mutating func evaluate(
        _ split: MetricsPoint.Split, _ epoch: Int, _ communicator: borrowing Communicator
    ) throws -> MetricsPoint {
        let parameters = try trainer.gatherAverages() ?? trainer.parameters
        let isTest = split == .test
        let begin = PhaseClock.now()
        let result = try evaluator.evaluate(
            isTest ? data.test : data.validationImages,
            indices: isTest ? (0..<Int32(data.test.count)).map { $0 } : self.split.validation,
            parameters: parameters, state: trainer.runningStatistics.evaluated, keepsPredictions: isTest,
            division: trainer.division.grains.ungrouped, communicator: communicator)
        if isTest { evaluationSeconds = Double(PhaseClock.now() - begin) * 1e-9 }
        // Finite weights can still overflow the loss; all workers see the same.
        guard result.loss.isFinite else {
            return try communicator.agree { throw notFinite("the \(split.rawValue) loss") }
        }
        observer?.evaluated(result, split, isTest ? data.test : data.validationImages, step: trainer.stepCount)
        return MetricsPoint(
            step: trainer.stepCount, epoch: epoch, split: split, loss: result.loss, accuracy: result.accuracy,
            scores: result.scores.map { RegressionScores(meanOf: $0) }, wallSeconds: wallSeconds)
    }

    /// Keeps the weights of an epoch that is the best so far, and says whether to stop: all workers see the same values.
    private mutating func compare(
        _ points: [MetricsPoint], epoch: Int, _ communicator: borrowing Communicator
    ) throws -> Bool {
        guard let value = best?.selection.metric.value(in: points) else { return false }
        if best?.judge(epoch: epoch, value) == true, let position {
            try ensureSnapshot(position, communicator)
            saving?.saveBest()
        }
        return best?.isExhausted == true
    }

    private func notFinite(_ what: String) -> Failure {
        Failure(
            .notFinite,
            "\(what) is not finite after step \(trainer.stepCount) with learning rate \(learningRate); training stops: try "
                + "a smaller --learning-rate, --warmup 1epochs or --clip-norm 1")
    }
}
