import Communication
import DataLoading
import KernelContract
import Models
import Optimizers
import Tensors

/// One worker's part of training: its grains of every batch, its slice of the parameters.
package struct Trainer: ~Copyable {
    /// The sums of one batch over all workers.
    package struct StepResult {
        package let lossSum: Double
        /// What the sum of losses is divided by for their mean.
        package let lossDenominator: Double
        package let correctCount: Int
        package let sampleCount: Int
    }

    private let seed: UInt64
    private let kernels: any KernelSet
    private let images: LabelledImages
    private let loss: Loss
    /// A full batch and, where there is one, a short last batch.
    private let plans: [BatchPlan]
    private let workspace: AlignedBuffer<Float>
    private let activations: Activations
    private let labels: AlignedBuffer<UInt8>
    private let losses: AlignedBuffer<Float>
    private let predictions: AlignedBuffer<UInt8>
    private var optimizer: Optimizer
    private let reducer: GradientReducer
    private let batchSums: StepBatch
    /// Running statistics, the same on every worker.
    private let runningStatistics: AlignedBuffer<Float>
    /// Updates done.
    package private(set) var stepCount = 0
    /// Where the time of the steps went, on this worker.
    package private(set) var phases = PhaseTimes()

    /// - Parameter sampleCount: Samples of an epoch, which decides whether there is a short last batch.
    package init(
        _ configuration: TrainingConfiguration, network: Network, images: LabelledImages, sampleCount: Int,
        kernels: any KernelSet, communicator: borrowing Communicator
    ) throws {
        let rank = communicator.rank
        let size = communicator.size
        let plans = Set([min(configuration.batchSize, sampleCount), sampleCount % configuration.batchSize])
            .filter { $0 > 0 }.sorted(by: >)
            .map { BatchPlan(sampleCount: $0, grainSize: configuration.grainSize, rank: rank, size: size) }
        let capacity = plans.map(\.samples.count).max() ?? 0
        // Whatever throws comes before the first field is set.
        let loss = try communicator.agree {
            try network.checkMemory(samplesPerWorker: capacity)
            return try Loss(configuration.loss, classCount: network.classCount)
        }
        let reducer = try GradientReducer(
            communicator: communicator, layout: network.layout, grainCounts: plans.map(\.partition.grainCount),
            kernels: kernels, mode: configuration.reduction == .tree ? .tree : .mpi,
            blockSumColumns: configuration.update.blockSumColumns,
            keepsAverages: configuration.update.averageDecay != nil)
        try reducer.setParameters { network.initialize($0, seed: configuration.seed) }
        let batchReducer =
            network.batchSumColumns == 0
            ? nil
            : try BatchReducer(
                communicator: communicator, grainCounts: plans.map(\.partition.grainCount),
                columnLimit: network.batchSumColumns, kernels: kernels)
        optimizer = Optimizer(
            configuration.update, tensors: network.tensorUpdates(learningRate: configuration.learningRate),
            layout: network.layout, slice: reducer.slice, kernels: kernels, blockSums: reducer.blockSums,
            averages: reducer.averages)
        self.reducer = reducer
        batchSums = StepBatch(plans[0], reducer: batchReducer)
        runningStatistics = AlignedBuffer(count: network.stateLayout.floatCount)
        network.initializeState(runningStatistics.base)
        seed = configuration.seed
        self.kernels = kernels
        self.images = images
        self.loss = loss
        self.plans = plans
        workspace = AlignedBuffer(count: kernelWorkspaceFloatCount)
        activations = Activations(network: network, capacity: capacity)
        labels = AlignedBuffer(count: capacity)
        losses = AlignedBuffer(count: capacity)
        predictions = AlignedBuffer(count: capacity)
    }

    /// The flat parameters; they change only within `step`.
    package var parameters: UnsafeMutablePointer<Float> { reducer.parameters }

    /// The flat running statistics; they change only within `step`.
    package var state: UnsafeMutablePointer<Float> { runningStatistics.base }

    /// The moving average of the parameters, gathered from all workers; nil where none is kept. Collective, after the
    /// first step.
    package func gatherAverages() throws -> UnsafeMutablePointer<Float>? {
        guard optimizer.description.averageDecay != nil else { return nil }
        try reducer.gatherAverages()
        return reducer.averages
    }

    /// Trains on one batch of `order`, the samples of an epoch. All workers call it with the same arguments.
    package mutating func step(_ order: borrowing EpochOrder, index: Int, learningRate: Double) throws -> StepResult {
        try order.samples.withUnsafeBufferPointer { samples in
            let positions = order.positions(ofStep: index)
            let next = positions.upperBound..<min(positions.upperBound + positions.count, samples.count)
            return try step(
                UnsafeBufferPointer(rebasing: samples[positions]), epoch: order.epoch,
                firstPosition: positions.lowerBound, upcoming: UnsafeBufferPointer(rebasing: samples[next]),
                learningRate: learningRate)
        }
    }

    private mutating func step(
        _ batch: UnsafeBufferPointer<Int32>, epoch: UInt64, firstPosition: Int,
        upcoming: UnsafeBufferPointer<Int32>, learningRate: Double
    ) throws -> StepResult {
        guard let plan = plans.first(where: { $0.partition.sampleCount == batch.count }) else {
            preconditionFailure("Trainer: a batch of \(batch.count) samples was not planned for")
        }
        batchSums.plan = plan
        let context = LayerContext(
            kernels: kernels, workspace: workspace.base, parameters: UnsafePointer(reducer.parameters),
            state: runningStatistics.base,
            mode: .training(
                TrainingPosition(
                    seed: seed, epoch: epoch, position: firstPosition + plan.samples.lowerBound, batch: batchSums)))
        var clock = PhaseClock()
        let own = plan.samples.count
        images.gather(
            UnsafeBufferPointer(rebasing: batch[plan.samples]),
            upcoming: UnsafeBufferPointer(rebasing: upcoming[plan.samples.clamped(to: 0..<upcoming.count)]),
            kernels: kernels, pixels: activations.input, labels: labels.base)
        phases.input += clock.lap()
        try activations.forward(context, sampleCount: own)
        phases.forward += clock.lap()
        let denominator = images.labels.withUnsafeBufferPointer { labels in
            loss.denominator(plan.partition) { labels[Int(batch[$0])] }
        }
        evaluateLoss(plan, denominator: denominator)
        phases.loss += clock.lap()
        try activations.backward(
            context, sampleCount: own, grainSize: plan.partition.grainSize, subtrees: plan.subtrees
        ) { reducer.partial($0) }
        phases.backward += clock.lap()
        stepCount += 1
        optimizer.begin(step: stepCount, learningRate: learningRate)
        try reducer.reduce(grainCount: plan.partition.grainCount) { range, gradient in
            optimizer.receive(range, parameters: reducer.parameters, gradient: gradient)
        }
        try optimizer.finish(parameters: reducer.parameters) { try reducer.exchangeBlockSums($0) }
        let result = sumStatistics(plan, denominator: denominator)
        phases.reduction += clock.lap()
        try reducer.publish()
        phases.publish += clock.lap()
        phases.stepCount += 1
        return result
    }

    package mutating func resetPhases() { phases = PhaseTimes() }

    /// The loss and its gradient at the logits; each own grain's sums go to the reducer.
    private func evaluateLoss(_ plan: BatchPlan, denominator: Double) {
        loss.evaluate(
            LossPass(
                loss.description.kind, rowCount: plan.samples.count, classCount: activations.classCount,
                outputs: activations.logits, rowStride: activations.classCount, labels: labels.base,
                denominator: Float(denominator), losses: losses.base, predictions: predictions.base,
                gradient: activations.logitsGradient),
            kernels: kernels, workspace: workspace.base)
        for grain in plan.grains {
            let samples = plan.partition.samples(of: grain..<grain + 1)
            reducer.grainStatistics[grain] = GrainStatistics(
                rows: samples.lowerBound - plan.samples.lowerBound..<samples.upperBound - plan.samples.lowerBound,
                losses: losses.base, predictions: predictions.base, labels: labels.base)
        }
    }

    /// The batch's sums by the canonical tree, from all workers' grains.
    private func sumStatistics(_ plan: BatchPlan, denominator: Double) -> StepResult {
        let grains = reducer.grainStatistics
        let total = CanonicalTree.sum(
            count: plan.partition.grainCount, zero: GrainStatistics(lossSum: 0, correctCount: 0), { grains[$0] }, +)
        return StepResult(
            lossSum: total.lossSum, lossDenominator: denominator, correctCount: total.correctCount,
            sampleCount: plan.partition.sampleCount)
    }
}

/// What one worker does in a batch of a given size, worked out once.
struct BatchPlan {
    let partition: GrainPartition
    let grains: Range<Int>
    /// The own samples, counted from the batch's first.
    let samples: Range<Int>
    /// The samples of each maximal subtree, counted from the first own sample.
    let subtrees: [Range<Int>]

    init(sampleCount: Int, grainSize: Int, rank: Int, size: Int) {
        let partition = GrainPartition(sampleCount: sampleCount, grainSize: grainSize)
        let grains = partition.grains(of: rank, size: size)
        let samples = partition.samples(of: grains)
        subtrees = CanonicalTree.maximalNodes(in: grains, grainCount: partition.grainCount).map { node in
            let own = partition.samples(of: node.grains)
            return own.lowerBound - samples.lowerBound..<own.upperBound - samples.lowerBound
        }
        self.partition = partition
        self.grains = grains
        self.samples = samples
    }
}

extension GrainStatistics {
    /// One grain: losses are a chain in Double, correct predictions a count.
    init(
        rows: Range<Int>, losses: UnsafePointer<Float>, predictions: UnsafePointer<UInt8>, labels: UnsafePointer<UInt8>
    ) {
        var lossSum = 0.0
        var correctCount = 0
        for row in rows {
            lossSum += Double(losses[row])
            correctCount += predictions[row] == labels[row] ? 1 : 0
        }
        self.init(lossSum: lossSum, correctCount: correctCount)
    }

    static func + (left: GrainStatistics, right: GrainStatistics) -> GrainStatistics {
        GrainStatistics(
            lossSum: left.lossSum + right.lossSum, correctCount: left.correctCount + right.correctCount)
    }
}
