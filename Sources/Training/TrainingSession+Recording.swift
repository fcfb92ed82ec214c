import Checkpoints
import Communication
import KernelContract
import Models
import Optimizers

/// What is shown and written.
extension TrainingSession {
    mutating func announce(_ communicator: borrowing Communicator) throws {
        if let warmUp = configuration.warmUp {
            watch.start(
                warmUpSteps: warmUp.stepCount(stepsPerEpoch: length.stepsPerEpoch), totalSteps: length.stepCount,
                learningRate: configuration.learningRate * configuration.learningRateScale(length))
        }
        guard let observer else { return }
        let partition = GrainPartition(
            sampleCount: min(length.batchSize, split.train.count), grainSize: configuration.grainSize)
        let idle = (0..<communicator.size).filter { partition.grains(of: $0, size: communicator.size).isEmpty }
        observer.started(
            TrainingStart(
                dataset: data.name, trainCount: split.train.count, validationCount: split.validation.count,
                testCount: data.test.count, model: ModelText.text(of: network.description),
                parameterCount: network.layout.parameterCount, workers: communicator.size,
                launcher: communicator.kind.rawValue, hosts: communicator.hostNames.distinct,
                instructionSet: run.kernels.instructionSet.rawValue, batchSize: partition.sampleCount,
                accumulation: length.accumulation, grainSize: partition.grainSize, idleWorkers: idle.count,
                grainCount: partition.grainCount, path: run.path, whyNotShared: communicator.whyNoSharedMemory,
                isReproducible: configuration.reduction == .tree,
                scaling: configuration.baseBatchSize.map {
                    TrainingStart.Scaling(
                        learningRate: configuration.learningRate, batchSize: length.stepSampleCount, baseBatchSize: $0,
                        scaledLearningRate: configuration.learningRate * configuration.learningRateScale(length))
                }))
        warn(watch.takeNew())
    }

    func warn(_ warnings: [String]) {
        for warning in warnings { observer?.warned(warning) }
    }

    func observe(_ epoch: Int, _ sums: EpochSums, since begin: UInt64) {
        guard let observer else { return }
        let seconds = Double(PhaseClock.now() - begin) * 1e-9
        observer.stepped(
            TrainingProgress(
                epoch: epoch, epochs: configuration.epochs, step: sums.doneCount, stepsPerEpoch: length.stepsPerEpoch,
                loss: sums.meanLoss, learningRate: learningRate, samplesPerSecond: Double(sums.sampleCount) / seconds,
                remainingSteps: length.stepCount - trainer.stepCount,
                secondsPerStep: seconds / Double(sums.doneCount)))
    }

    func record(_ points: [MetricsPoint], _ communicator: borrowing Communicator) throws {
        try communicator.onRoot {
            for point in points { try directory?.log(point.json()) }
        }
    }

    func recordHash(epoch: Int, _ communicator: borrowing Communicator) throws {
        let hash = directory == nil ? nil : network.parametersSHA256(trainer.parameters, state: trainer.state)
        let point = MetricsPoint(
            step: trainer.stepCount, epoch: epoch, split: .train, parametersSHA256: hash, wallSeconds: wallSeconds)
        try record([point], communicator)
    }

    func finish(_ last: [MetricsPoint], epoch: Int, _ communicator: borrowing Communicator) throws {
        let cores = min(communicator.size, try communicator.processorCount())
        let averages = try trainer.gatherAverages()
        let wallSeconds = wallSeconds
        let bestTest = try scoreBest(last, epoch: epoch, communicator)
        try communicator.onRoot {
            guard let directory else { return }
            let checkpoint = network.checkpoint(
                trainer.parameters, state: trainer.state, averages: averages, seed: configuration.seed, epoch: epoch,
                step: trainer.stepCount)
            let file = try directory.write(checkpoint, step: trainer.stepCount)
            func point(_ split: MetricsPoint.Split) -> MetricsPoint? { last.first { $0.split == split } }
            let peak = run.kernels.measuredPeakFlops() * Double(cores)
            let bottleneck = bottleneck
            let summary = TrainingSummary(
                parametersSHA256: checkpoint.parametersSHA256, trainSamplesPerSecond: bestSamplesPerSecond,
                trainLoss: point(.train)?.loss ?? .nan, trainAccuracy: point(.train)?.accuracy,
                validationLoss: point(.validation)?.loss, validationAccuracy: point(.validation)?.accuracy,
                testLoss: point(.test)?.loss ?? .nan, testAccuracy: point(.test)?.accuracy,
                metric: best?.selection.metric.rawValue, bestMetric: best?.value, bestEpoch: best?.epoch,
                bestCheckpoint: best?.epoch.map { _ in directory.bestPath }, bestTestLoss: bestTest?.loss,
                bestTestAccuracy: bestTest?.accuracy, stoppedEarly: trainer.stepCount < length.stepCount,
                bottleneck: bottleneck, pcaTestLoss: bottleneck.flatMap { pcaTestLoss(components: $0) },
                warnings: watch.warnings, epochs: epoch, steps: trainer.stepCount, workers: communicator.size,
                hosts: communicator.hostNames.distinct, launcher: communicator.kind.rawValue,
                instructionSet: run.kernels.instructionSet.rawValue,
                fractionOfPeak: bestSamplesPerSecond * network.trainingFlopsPerSample / peak,
                wallSeconds: wallSeconds, firstStepSeconds: firstStepSeconds, evaluationSeconds: evaluationSeconds,
                resumedFrom: nil, checkpoint: file, dataset: data.name,
                numericsVersion: numericsVersion)
            try directory.write(summary.json(pretty: true) + "\n", to: "summary.json")
            observer?.finished(summary, path: run.path)
        }
    }
}

extension [String] {
    /// Without repetitions, in the order of the first.
    fileprivate var distinct: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
