import Checkpoints
import Communication
import DataLoading
import Errors
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
    /// Called on worker 0 only; nil where nobody watches.
    package let makeObserver: (@Sendable () -> any TrainingObserver)?

    package init(
        _ configuration: TrainingConfiguration, dataset: SharedDataset, kernels: any KernelSet, path: String,
        overwrites: Bool, makeObserver: (@Sendable () -> any TrainingObserver)? = nil
    ) {
        self.configuration = configuration
        self.kernels = kernels
        self.path = path
        self.overwrites = overwrites
        self.makeObserver = makeObserver
        self.dataset = dataset
    }

    package func run(_ communicator: borrowing Communicator) throws {
        try run(communicator, observer: communicator.rank == 0 ? makeObserver?() : nil)
    }

    /// - Parameter observer: Of worker 0.
    package func run(_ communicator: borrowing Communicator, observer: (any TrainingObserver)?) throws {
        let data = try communicator.agree { try dataset.load() }
        let split = try ValidationSplit(
            count: data.train.count, fraction: configuration.validationSplit, seed: configuration.splitSeed)
        let network = try communicator.agree {
            guard !split.train.isEmpty else { throw Failure(.data, "\(data.name): no sample is left to train on") }
            let shape = data.imageShape
            let inputShape: Shape =
                shape.channels == 1
                ? [shape.height, shape.width] : [shape.height, shape.width, shape.channels]
            return try Network(configuration.model, inputShape: inputShape, classCount: data.classCount)
        }
        let trainer = try Trainer(
            configuration, network: network, images: data.train, sampleCount: split.train.count, kernels: kernels,
            communicator: communicator)
        // The folder comes last: what fails before leaves nothing behind.
        var directory: RunDirectory?
        try communicator.onRoot {
            directory = try RunDirectory(path: path, overwrites: overwrites, configuration: configuration.yaml)
        }
        var session = TrainingSession(
            run: self, data: data, split: split, network: network, directory: directory, trainer: trainer,
            observer: observer,
            loss: try Loss(configuration.loss, classCount: network.classCount))
        session.announce(communicator)
        try session.train(communicator)
    }
}

/// The loop over epochs and what is recorded on the way.
private struct TrainingSession: ~Copyable {
    let run: TrainingRun
    let data: ImageDataset
    let split: ValidationSplit
    let network: Network
    /// Only on worker 0.
    let directory: RunDirectory?
    var trainer: Trainer
    let observer: (any TrainingObserver)?
    let evaluator: Evaluator
    var order: EpochOrder
    var schedule: Schedule
    /// Of the last step.
    var learningRate: Double
    /// Updates of the whole run.
    let totalSteps: Int
    let begin = PhaseClock.now()
    var bestSamplesPerSecond = 0.0

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
        order = EpochOrder(
            indices: split.train, seed: run.configuration.seed, epoch: 0, batchSize: run.configuration.batchSize)
        totalSteps = min(run.configuration.steps ?? .max, run.configuration.epochs * order.stepCount)
        schedule = run.configuration.makeSchedule(stepsPerEpoch: order.stepCount, totalSteps: totalSteps)
        learningRate = schedule.learningRate(step: 0)
    }

    var configuration: TrainingConfiguration { run.configuration }
    var wallSeconds: Double { Double(PhaseClock.now() - begin) * 1e-9 }

    func announce(_ communicator: borrowing Communicator) {
        guard let observer else { return }
        let partition = GrainPartition(
            sampleCount: min(configuration.batchSize, split.train.count), grainSize: configuration.grainSize)
        let idle = (0..<communicator.size).filter { partition.grains(of: $0, size: communicator.size).isEmpty }
        observer.started(
            TrainingStart(
                dataset: data.name, trainCount: split.train.count, validationCount: split.validation.count,
                testCount: data.test.count, model: ModelText.text(of: network.description),
                parameterCount: network.layout.parameterCount, workers: communicator.size,
                launcher: communicator.kind.rawValue, hosts: communicator.hostNames.distinct,
                instructionSet: run.kernels.instructionSet.rawValue, batchSize: partition.sampleCount,
                grainSize: partition.grainSize, idleWorkers: idle.count, grainCount: partition.grainCount,
                path: run.path, whyNotShared: communicator.whyNoSharedMemory,
                isReproducible: configuration.reduction == .tree,
                scaling: configuration.baseBatchSize.map {
                    TrainingStart.Scaling(
                        learningRate: configuration.learningRate, batchSize: configuration.batchSize, baseBatchSize: $0,
                        scaledLearningRate: configuration.learningRate * configuration.learningRateScale)
                }))
    }

    mutating func train(_ communicator: borrowing Communicator) throws {
        var last: [MetricsPoint] = []
        var epoch = 0
        while trainer.stepCount < totalSteps {
            epoch += 1
            last = [try trainEpoch(epoch, communicator)]
            try communicator.agree {
                guard run.kernels.allFinite(trainer.parameters, count: network.layout.floatCount) else {
                    throw notFinite("a parameter")
                }
            }
            if !split.validation.isEmpty {
                last.append(try evaluate(.validation, data.train, split.validation, epoch, communicator))
            }
            if split.validation.isEmpty || trainer.stepCount == totalSteps {
                last.append(
                    try evaluate(.test, data.test, (0..<Int32(data.test.count)).map { $0 }, epoch, communicator))
            }
            let deciding = last.first { $0.split == .validation } ?? last[0]
            schedule.finishEpoch(loss: deciding.loss ?? .nan)
            try record(last, communicator)
            observer?.finishedEpoch(epoch, of: configuration.epochs, points: last)
        }
        try finish(last, epoch: epoch, communicator)
    }

    /// Trains one epoch and returns its running means.
    private mutating func trainEpoch(_ epoch: Int, _ communicator: borrowing Communicator) throws -> MetricsPoint {
        order.prepare(epoch: UInt64(epoch))
        let begin = PhaseClock.now()
        var (lossSum, lossDenominator, correctCount, sampleCount) = (0.0, 0.0, 0, 0)
        for index in 0..<min(order.stepCount, totalSteps - trainer.stepCount) {
            learningRate = schedule.learningRate(step: trainer.stepCount)
            let result = try trainer.step(order, index: index, learningRate: learningRate)
            // All workers see the same sum, so all stop here together.
            guard result.lossSum.isFinite else { return try communicator.agree { throw notFinite("the loss") } }
            lossSum += result.lossSum
            lossDenominator += result.lossDenominator
            correctCount += result.correctCount
            sampleCount += result.sampleCount
            if let every = configuration.hashEvery, trainer.stepCount.isMultiple(of: every) {
                try recordHash(epoch: epoch, communicator)
            }
            observe(epoch, step: index + 1, lossSum / lossDenominator, sampleCount, since: begin)
        }
        let seconds = Double(PhaseClock.now() - begin) * 1e-9
        bestSamplesPerSecond = max(bestSamplesPerSecond, Double(sampleCount) / seconds)
        return MetricsPoint(
            step: trainer.stepCount, epoch: epoch, split: .train, loss: lossSum / lossDenominator,
            accuracy: Double(correctCount) / Double(sampleCount), learningRate: learningRate,
            samplesPerSecond: Double(sampleCount) / seconds, wallSeconds: wallSeconds)
    }

    private func observe(_ epoch: Int, step: Int, _ loss: Double, _ sampleCount: Int, since begin: UInt64) {
        guard let observer else { return }
        let seconds = Double(PhaseClock.now() - begin) * 1e-9
        observer.stepped(
            TrainingProgress(
                epoch: epoch, epochs: configuration.epochs, step: step, stepsPerEpoch: order.stepCount, loss: loss,
                learningRate: learningRate, samplesPerSecond: Double(sampleCount) / seconds,
                remainingSteps: totalSteps - trainer.stepCount,
                secondsPerStep: seconds / Double(step)))
    }

    private func evaluate(
        _ split: MetricsPoint.Split, _ images: LabelledImages, _ indices: [Int32], _ epoch: Int,
        _ communicator: borrowing Communicator
    ) throws -> MetricsPoint {
        let parameters = try trainer.gatherAverages() ?? trainer.parameters
        let result = try evaluator.evaluate(
            images, indices: indices, parameters: parameters, communicator: communicator)
        return MetricsPoint(
            step: trainer.stepCount, epoch: epoch, split: split, loss: result.loss, accuracy: result.accuracy,
            wallSeconds: wallSeconds)
    }

    private func record(_ points: [MetricsPoint], _ communicator: borrowing Communicator) throws {
        try communicator.onRoot {
            for point in points { try directory?.log(point.json()) }
        }
    }

    private func recordHash(epoch: Int, _ communicator: borrowing Communicator) throws {
        let hash = directory == nil ? nil : network.parametersSHA256(trainer.parameters)
        let point = MetricsPoint(
            step: trainer.stepCount, epoch: epoch, split: .train, parametersSHA256: hash, wallSeconds: wallSeconds)
        try record([point], communicator)
    }

    private func finish(_ last: [MetricsPoint], epoch: Int, _ communicator: borrowing Communicator) throws {
        let cores = min(communicator.size, try communicator.processorCount())
        let averages = try trainer.gatherAverages()
        try communicator.onRoot {
            guard let directory else { return }
            let checkpoint = network.checkpoint(
                trainer.parameters, averages: averages, seed: configuration.seed, epoch: epoch,
                step: trainer.stepCount)
            let file = try directory.write(checkpoint, step: trainer.stepCount)
            func point(_ split: MetricsPoint.Split) -> MetricsPoint? { last.first { $0.split == split } }
            let peak = run.kernels.measuredPeakFlops() * Double(cores)
            let summary = TrainingSummary(
                parametersSHA256: checkpoint.parametersSHA256, trainSamplesPerSecond: bestSamplesPerSecond,
                trainLoss: point(.train)?.loss ?? .nan, trainAccuracy: point(.train)?.accuracy ?? .nan,
                validationLoss: point(.validation)?.loss, validationAccuracy: point(.validation)?.accuracy,
                testLoss: point(.test)?.loss ?? .nan, testAccuracy: point(.test)?.accuracy ?? .nan, epochs: epoch,
                steps: trainer.stepCount, workers: communicator.size, hosts: communicator.hostNames.distinct,
                launcher: communicator.kind.rawValue, instructionSet: run.kernels.instructionSet.rawValue,
                fractionOfPeak: bestSamplesPerSecond * network.trainingFlopsPerSample / peak, wallSeconds: wallSeconds,
                resumedFrom: nil, checkpoint: file, dataset: data.name, numericsVersion: numericsVersion)
            try directory.write(summary.json(pretty: true) + "\n", to: "summary.json")
            observer?.finished(summary, path: run.path)
        }
    }

    private func notFinite(_ what: String) -> Failure {
        Failure(
            .notFinite,
            "\(what) is not finite after step \(trainer.stepCount) with learning rate \(learningRate); "
                + "training stops: try a smaller --learning-rate")
    }
}

extension [String] {
    /// Without repetitions, in the order of the first.
    fileprivate var distinct: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
