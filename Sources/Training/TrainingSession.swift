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
    var trainer: Trainer
    let observer: (any TrainingObserver)?
    let evaluator: Evaluator
    let length: RunLength
    var order: EpochOrder
    var schedule: Schedule
    /// Of the last step.
    var learningRate: Double
    var best: BestEpoch?
    var watch: RunWatch
    let begin = PhaseClock.now()
    var bestSamplesPerSecond = 0.0
    var firstStepSeconds: Double?
    var evaluationSeconds = 0.0

    init(
        run: TrainingRun, data: ImageDataset, split: ValidationSplit, network: Network, directory: RunDirectory?,
        trainer: consuming Trainer, observer: (any TrainingObserver)?, loss: Loss
    ) {
        self.run = run
        self.data = data
        self.split = split
        self.network = network
        self.directory = directory
        self.trainer = trainer
        self.observer = observer
        evaluator = Evaluator(network: network, loss: loss, kernels: run.kernels)
        length = RunLength(run.configuration, sampleCount: split.train.count)
        order = EpochOrder(
            indices: split.train, seed: run.configuration.seed, epoch: 0, batchSize: length.batchSize)
        schedule = run.configuration.makeSchedule(length)
        learningRate = schedule.learningRate(step: 0)
        best = run.configuration.selection.map { BestEpoch($0) }
        watch = RunWatch(chanceLevel: loss.chanceLevel)
    }

    var configuration: TrainingConfiguration { run.configuration }
    var wallSeconds: Double { Double(PhaseClock.now() - begin) * 1e-9 }

    mutating func train(_ communicator: borrowing Communicator) throws {
        var points: [MetricsPoint] = []
        var epoch = 0
        var isStopped = false
        while trainer.stepCount < length.stepCount && !isStopped {
            epoch += 1
            points = [try trainEpoch(epoch, communicator)]
            try checkParameters(communicator)
            if !split.validation.isEmpty { points.append(try evaluate(.validation, epoch, communicator)) }
            if split.validation.isEmpty || configuration.selection?.metric.split == .test {
                points.append(try evaluate(.test, epoch, communicator))
            }
            let deciding = points.first { $0.split == .validation } ?? points[0]
            schedule.finishEpoch(loss: deciding.loss ?? .nan)
            isStopped = try judge(points, epoch: epoch, communicator)
            if isStopped || trainer.stepCount == length.stepCount, !points.contains(where: { $0.split == .test }) {
                points.append(try evaluate(.test, epoch, communicator))
            }
            try record(points, communicator)
            observer?.finishedEpoch(epoch, of: configuration.epochs, points: points)
            warn(watch.takeNew())
        }
        try finish(points, epoch: epoch, communicator)
    }

    /// Trains one epoch and returns its running means.
    private mutating func trainEpoch(_ epoch: Int, _ communicator: borrowing Communicator) throws -> MetricsPoint {
        order.prepare(epoch: UInt64(epoch))
        trainer.hasSeenGradient = false
        let begin = PhaseClock.now()
        let stepCount = min(length.stepsPerEpoch, length.stepCount - trainer.stepCount)
        var sums = EpochSums(stepCount: stepCount)
        for index in 0..<stepCount {
            learningRate = schedule.learningRate(step: trainer.stepCount)
            let result = try trainer.step(order, index: index, learningRate: learningRate)
            if trainer.stepCount == 1 { firstStepSeconds = ProcessAge.seconds }
            // All workers see the same sum, so all stop here together.
            guard result.lossSum.isFinite else { return try communicator.agree { throw notFinite("the loss") } }
            sums.add(result)
            if let every = configuration.hashEvery, trainer.stepCount.isMultiple(of: every) {
                try recordHash(epoch: epoch, communicator)
            }
            observe(epoch, sums, since: begin)
        }
        let seconds = Double(PhaseClock.now() - begin) * 1e-9
        bestSamplesPerSecond = max(bestSamplesPerSecond, Double(sums.sampleCount) / seconds)
        watch.finishEpoch(
            epoch, sums, step: trainer.stepCount, learningRate: learningRate,
            hasGradient: try communicator.allGather(trainer.hasSeenGradient).contains(true))
        return MetricsPoint(
            step: trainer.stepCount, epoch: epoch, split: .train, loss: sums.meanLoss,
            accuracy: configuration.loss.target == .label ? sums.accuracy : nil, learningRate: learningRate,
            samplesPerSecond: Double(sums.sampleCount) / seconds, wallSeconds: wallSeconds)
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
            isTest ? data.test : data.train,
            indices: isTest ? (0..<Int32(data.test.count)).map { $0 } : self.split.validation,
            parameters: parameters, state: trainer.state, communicator: communicator)
        if isTest { evaluationSeconds = Double(PhaseClock.now() - begin) * 1e-9 }
        // Finite weights can still overflow the loss; all workers see the same.
        guard result.loss.isFinite else {
            return try communicator.agree { throw notFinite("the \(split.rawValue) loss") }
        }
        return MetricsPoint(
            step: trainer.stepCount, epoch: epoch, split: split, loss: result.loss, accuracy: result.accuracy,
            wallSeconds: wallSeconds)
    }

    /// Keeps the weights of an epoch that is the best so far, and says whether to stop: all workers see the same values.
    private mutating func judge(
        _ points: [MetricsPoint], epoch: Int, _ communicator: borrowing Communicator
    ) throws -> Bool {
        guard let value = best?.selection.metric.value(in: points) else { return false }
        if best?.judge(epoch: epoch, value) == true {
            let averages = try trainer.gatherAverages()
            try communicator.onRoot {
                try directory?.writeBest(
                    network.checkpoint(
                        trainer.parameters, state: trainer.state, averages: averages, seed: configuration.seed,
                        epoch: epoch,
                        step: trainer.stepCount))
            }
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

/// Running sums of an epoch, over all workers and in step order.
struct EpochSums {
    /// Steps of the epoch.
    let stepCount: Int
    private(set) var doneCount = 0
    private(set) var sampleCount = 0
    private(set) var firstLoss = 0.0
    private var lossSum = 0.0
    private var lossDenominator = 0.0
    private var correctCount = 0
    /// Of the second half of the steps.
    private var lateLossSum = 0.0
    private var lateDenominator = 0.0

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
    var lateLoss: Double { lateLossSum / lateDenominator }
    var accuracy: Double { Double(correctCount) / Double(sampleCount) }
}
