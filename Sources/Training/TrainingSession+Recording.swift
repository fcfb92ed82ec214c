import Checkpoints
import Communication
import KernelContract
import Models
import Optimizers

/// What is shown and written.
extension TrainingSession {
    mutating func announce(_ communicator: borrowing Communicator) throws {
        if position == nil, let warmUp = configuration.warmUp {
            watch.start(
                warmUpSteps: warmUp.stepCount(stepsPerEpoch: length.stepsPerEpoch), totalSteps: length.stepCount,
                learningRate: configuration.learningRate * configuration.learningRateScale(length))
        }
        guard let observer else { return }
        let partition = GrainPartition(
            sampleCount: min(length.batchSize, split.train.count), grainSize: configuration.grainSize)
        let idleCount = trainer.division.grains.runs(grainCount: partition.grainCount).count { $0.isEmpty }
        observer.started(
            TrainingStart(
                dataset: data.name, trainCount: split.train.count, validationCount: split.validation.count,
                testCount: data.test.count, model: ModelText.text(of: network.description),
                parameterCount: network.layout.parameterCount, workers: communicator.size,
                launcher: communicator.kind.rawValue, hosts: communicator.hostNames.distinct,
                instructionSet: run.kernels.instructionSet.rawValue, batchSize: partition.sampleCount,
                accumulation: length.accumulation, grainSize: partition.grainSize, idleWorkers: idleCount,
                grainCount: partition.grainCount, path: run.path, whyNotShared: communicator.whyNoSharedMemory,
                isReproducible: configuration.reduction == .tree,
                scaling: configuration.baseBatchSize.map {
                    TrainingStart.Scaling(
                        learningRate: configuration.learningRate, batchSize: length.stepSampleCount, baseBatchSize: $0,
                        scaledLearningRate: configuration.learningRate * configuration.learningRateScale(length))
                }, resumed: resumed))
        if let balanceRecord { observer.balanced(balanceRecord) }
        warn(resumed?.warnings ?? [])
        warn(watch.takeNew())
    }

    func warn(_ warnings: [String]) {
        for warning in warnings { observer?.warned(warning) }
    }

    func observe(_ epoch: Int, _ sums: EpochSums, _ clock: EpochClock) {
        run.control?.finishedStep(trainer.stepCount)
        guard let observer else { return }
        observer.stepped(
            TrainingProgress(
                epoch: epoch, epochs: configuration.epochs, step: sums.doneCount, stepsPerEpoch: length.stepsPerEpoch,
                loss: sums.meanLoss, learningRate: learningRate, samplesPerSecond: clock.samplesPerSecond(sums) ?? 0,
                remainingSteps: length.stepCount - trainer.stepCount, secondsPerStep: clock.secondsPerStep(sums)))
    }

    /// Adds lines to the record. One that the disk does not take now is kept for later.
    mutating func record(_ points: [MetricsPoint]) {
        guard let directory else { return }
        for point in points {
            // Encoding numbers and names cannot fail.
            guard let line = try? point.json(), let failure = directory.log(line), !hasToldOfLog else { continue }
            hasToldOfLog = true
            warn(["\(failure.message); training goes on, and the lines are kept for later"])
        }
    }

    mutating func recordHash(epoch: Int) {
        guard directory != nil else { return }
        record([
            MetricsPoint(
                step: trainer.stepCount, epoch: epoch, split: .train,
                parametersSHA256: network.parametersSHA256(trainer.parameters, state: trainer.state),
                tensorSHA256: network.tensorHashes(trainer.parameters, state: trainer.state),
                wallSeconds: wallSeconds)
        ])
    }

    /// Weights after the step just done, and its gradients. Collective.
    func sampleHistograms(_ communicator: borrowing Communicator) throws {
        let gradients = try trainer.takeGradientHistograms(communicator)
        let weights = HistogramCounts(network.layout)
        weights.isOn = communicator.rank == 0
        weights.add(0..<network.layout.floatCount, trainer.parameters)
        let all = try weights.take("weights", communicator) + gradients
        observer?.sampled(all, step: trainer.stepCount)
    }

    mutating func finish(_ last: [MetricsPoint], epoch: Int, _ communicator: borrowing Communicator) throws {
        let cores = min(communicator.size, try communicator.processorCount())
        let wallSeconds = wallSeconds
        if let position { try ensureSnapshot(position, communicator) }
        try finishSaving(communicator)
        let bestTest = try scoreBest(last, epoch: epoch, communicator)
        try communicator.onRoot {
            guard let directory else { return }
            func point(_ split: MetricsPoint.Split) -> MetricsPoint? { last.first { $0.split == split } }
            let peak = run.kernels.knownPeakFlops() * Double(cores)
            let bottleneck = bottleneck
            let summary = TrainingSummary(
                parametersSHA256: network.parametersSHA256(trainer.parameters, state: trainer.state),
                trainSamplesPerSecond: bestSamplesPerSecond,
                trainLoss: point(.train)?.loss ?? .nan, trainAccuracy: point(.train)?.accuracy,
                validationLoss: point(.validation)?.loss, validationAccuracy: point(.validation)?.accuracy,
                testLoss: point(.test)?.loss ?? .nan, testAccuracy: point(.test)?.accuracy,
                metric: best?.selection.metric.rawValue, bestMetric: best?.value, bestEpoch: best?.epoch,
                bestCheckpoint: best?.epoch.map { _ in directory.checkpoints.bestPath }, bestTestLoss: bestTest?.loss,
                bestTestAccuracy: bestTest?.accuracy, validationScores: point(.validation)?.scores,
                testScores: point(.test)?.scores, bestTestScores: bestTest?.scores,
                stoppedEarly: trainer.stepCount < length.stepCount,
                bottleneck: bottleneck, pcaTestLoss: bottleneck.flatMap { pcaTestLoss(components: $0) },
                warnings: watch.warnings, balance: balanceRecord,
                overlap: trainer.reducer.overlaps, epochs: epoch, steps: trainer.stepCount,
                workers: communicator.size,
                hosts: communicator.hostNames.distinct, launcher: communicator.kind.rawValue,
                instructionSet: run.kernels.instructionSet.rawValue,
                fractionOfPeak: bestSamplesPerSecond * network.trainingFlopsPerSample / peak,
                wallSeconds: wallSeconds, dataSeconds: dataSeconds, firstStepSeconds: firstStepSeconds,
                evaluationSeconds: evaluationSeconds,
                snapshots: saving?.snapshotCount ?? 0, snapshotSeconds: saving?.heldSeconds ?? 0,
                resumedFrom: resumed?.path, checkpoint: directory.checkpoints.path(step: trainer.stepCount),
                dataset: data.name,
                numericsVersion: numericsVersion)
            try directory.write(summary.json(pretty: true) + "\n", to: "summary.json")
            observer?.finished(summary, path: run.path)
        }
    }
}

extension [String] {
    /// Without repetitions, in the order of the first.
    var distinct: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
