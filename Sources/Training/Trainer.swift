import Communication
import DataLoading
import KernelContract
import Models
import Optimizers
import Tensors

/// One worker's part of training: its grains of every batch, its slice of the parameters.
package struct Trainer: ~Copyable {
    let rank: Int
    private let seed: UInt64
    private let kernels: any KernelSet
    private let reader: SampleReader
    private let loss: Loss
    private let length: RunLength
    /// Who does what.
    let division: WorkDivision
    /// What part of all parameters' cost the own slice is.
    let costShare: Double
    /// A full batch and, where there is one, a short last batch.
    private let plans: [BatchPlan]
    private let workspace: KernelWorkspace
    private let activations: Activations
    private let buffers: SampleBuffers
    private let accumulator: GradientAccumulator
    private let gradientWatch: GradientWatch
    private let gradientSquares: SquareSums
    private let gradientCounts: HistogramCounts?
    var optimizer: Optimizer
    let reducer: GradientReducer
    private let sendingStarts: [Int?]
    private let factored: FactoredGradients
    /// The parts of the slice whose gradients are reduced.
    private let reducedRuns: [Range<Int>]
    private let batchSums: StepBatch
    private let upcoming: UpcomingSamples
    let runningStatistics: RunningStatistics
    /// Updates done.
    package internal(set) var stepCount = 0
    /// Where the time of the steps goes, on this worker.
    let recorder: PhaseRecorder
    /// Whether a weight of the own slice had a gradient other than 0 since this was last set to false.
    package var hasSeenGradient: Bool {
        get { gradientWatch.hasSeen }
        nonmutating set { gradientWatch.hasSeen = newValue }
    }

    /// Whether the next step counts the values of its gradients, before clipping; without effect unless histograms are asked
    /// for.
    var countsGradients: Bool {
        get { gradientCounts?.isOn ?? false }
        nonmutating set { gradientCounts?.isOn = newValue }
    }

    /// Whether the next step measures the norm of its gradients, before clipping.
    var measuresGradients: Bool {
        get { gradientSquares.isOn }
        nonmutating set { gradientSquares.isOn = newValue }
    }

    /// The norm of the gradients of the last step that measured it; nil where it is not finite. Collective.
    func takeGradientNorm(_ communicator: borrowing Communicator) throws -> Double? {
        try gradientSquares.take(communicator)
    }

    /// Of the last step that counted. Collective.
    func takeGradientHistograms(_ communicator: borrowing Communicator) throws -> [TensorHistogram] {
        try gradientCounts?.take("gradients", communicator) ?? []
    }

    /// - Parameters:
    ///   - sampleCount: Samples of an epoch, which decides whether there is a short last batch.
    ///   - division: Nil for the even one; the same on all workers.
    ///   - exchangesGradients: Dense layers go the way of all others even where memory is shared, for measurements.
    package init(
        _ configuration: TrainingConfiguration, network: Network, images: LabelledImages, sampleCount: Int,
        standardization: InputStandardization? = nil, targetStandardization: TargetStandardization? = nil,
        kernels: any KernelSet, communicator: borrowing Communicator, division: WorkDivision? = nil,
        exchangesGradients: Bool = false
    ) throws {
        let (rank, size) = (communicator.rank, communicator.size)
        let division = division ?? .even(size)
        let length = RunLength(configuration, sampleCount: sampleCount)
        let plans = Set([min(length.batchSize, sampleCount), sampleCount % length.batchSize])
            .filter { $0 > 0 }.sorted(by: >)
            .map {
                BatchPlan(sampleCount: $0, grainSize: configuration.grainSize, rank: rank, division: division.grains)
            }
        let capacity = plans.map(\.samples.count).max() ?? 0
        let partitions = plans.map(\.partition)
        // Whatever throws comes before the first field is set.
        let loss = try communicator.agree {
            try network.checkMemory(
                samplesPerWorker: capacity, update: configuration.update, accumulation: length.accumulation)
            return try Loss(configuration.loss, outputCount: network.outputCount)
        }
        let augments = !configuration.data.augmentation.isIdentity
        // Zeros of bytes are marked, to be left out of products.
        let keepsZeros = standardization == nil && images.valueType == .byte
        // Workers compute what they own, where they can, so slices are balanced by that; all must see the same costs.
        let sharesMemory =
            configuration.reduction == .tree && communicator.sharesMemory && !exchangesGradients
        let factorable =
            sharesMemory ? network.factoredOperations(sampleCount: partitions[0].sampleCount, workerCount: size) : []
        let density = try communicator.broadcast(
            images.markedShares(kernels, keepsZeros: keepsZeros), root: 0)
        let costs = network.updateCosts(
            factored: factorable, sampleCount: partitions[0].sampleCount, workerCount: size,
            grainSize: partitions[0].grainSize, density: density)
        let reducer = try GradientReducer(
            communicator: communicator, layout: network.layout, grainCounts: plans.map(\.partition.grainCount),
            kernels: kernels, mode: configuration.reduction == .tree ? .tree : .mpi,
            blockSumColumns: configuration.update.blockSumColumns,
            columnCount: configuration.update.columnCount, costs: costs, shares: division.shares,
            division: division.grains,
            readAhead: network.weightsReadAhead(density: density, sampleCount: capacity, kernels: kernels),
            pieceStarts: network.sendingStarts.compactMap { $0 })
        let shelf = try FactorShelf(
            network: network, batches: plans, communicator: communicator,
            allowed: sharesMemory && reducer.whyNotShared == nil, augments: augments, slice: reducer.slice)
        try reducer.setParameters { network.initialize($0, seed: configuration.seed) }
        let batchReducer =
            network.batchSumColumns == 0
            ? nil
            : try BatchReducer(
                communicator: communicator, grainCounts: plans.map(\.partition.grainCount),
                columnLimit: network.batchSumColumns, division: division.grains, kernels: kernels)
        optimizer = Optimizer(
            configuration.update, tensors: network.tensorUpdates(learningRate: configuration.learningRate),
            layout: network.layout, slice: reducer.slice, kernels: kernels, blockSums: reducer.blockSums,
            averages: configuration.update.averageColumn.map { reducer.column($0) } ?? reducer.parameters)
        gradientWatch = GradientWatch(layout: network.layout, slice: reducer.slice)
        gradientSquares = SquareSums(network.layout)
        gradientCounts = configuration.histogramEvery.map { _ in HistogramCounts(network.layout) }
        accumulator = GradientAccumulator(
            slice: reducer.slice, accumulation: length.accumulation, kernels: kernels)
        let activations = Activations(network: network, capacity: capacity, factored: shelf.operations)
        let factored = FactoredGradients(
            shelf, network: network, batches: plans, slice: reducer.slice, activations: activations, rank: rank,
            size: size, augments: augments, keepsZeros: keepsZeros)
        reducedRuns = reducer.runs(without: factored.ranges)
        self.activations = activations
        self.factored = factored
        self.reducer = reducer
        sendingStarts = network.sendingStarts
        let recorder = PhaseRecorder()
        self.recorder = recorder
        batchSums = StepBatch(plans[0], reducer: batchReducer, recorder: recorder)
        self.division = division
        costShare = network.layout.costShare(of: rank, size: size, costs: costs, shares: division.shares)
        upcoming = UpcomingSamples(capacity: length.batchSize)
        runningStatistics = RunningStatistics(network, averageDecay: configuration.update.averageDecay)
        self.rank = rank
        seed = configuration.seed
        self.kernels = kernels
        reader = SampleReader(
            images: images, kernels: kernels, standardization: standardization,
            targetStandardization: targetStandardization, augmenter: configuration.augmenter(for: images),
            mixer: configuration.mixer(for: images, capacity: capacity))
        self.loss = loss
        self.length = length
        self.plans = plans
        workspace = KernelWorkspace()
        buffers = SampleBuffers(
            capacity: capacity, mixes: !configuration.data.augmentation.mixing.isNone, targetCount: images.targetCount)
    }

    /// The flat parameters; they change only within `step`.
    package var parameters: UnsafeMutablePointer<Float> { reducer.parameters }

    /// A batch that is not the short last one.
    var fullBatch: GrainPartition { plans[0].partition }

    /// Nil where pixels enter the network as they are.
    var standardization: InputStandardization? { reader.standardization }

    /// Nil where the loss sees targets in their own unit.
    var targetStandardization: TargetStandardization? { reader.targetStandardization }

    /// The flat running statistics; they change only within `step`.
    package var state: UnsafeMutablePointer<Float> { runningStatistics.values }

    /// Trains on the batches of one step of `order`, the samples of an epoch. All workers call it with the same arguments
    /// but for `requests`, of which all get the union.
    package mutating func step(
        _ order: borrowing EpochOrder, index: Int, learningRate: Double, requests: StepRequests = []
    ) throws -> StepResult {
        try order.samples.withUnsafeBufferPointer { samples in
            try step(
                samples, epoch: order.epoch, batches: length.batches(ofStep: index), learningRate: learningRate,
                requests: requests)
        }
    }

    private mutating func step(
        _ samples: UnsafeBufferPointer<Int32>, epoch: UInt64, batches: Range<Int>, learningRate: Double,
        requests: StepRequests
    ) throws -> StepResult {
        let (recorder, upcoming) = (recorder, upcoming)
        recorder.beginStep()
        func lap(_ phase: Phase) {
            recorder.lap(phase)
            upcoming.ask(Self.samplesAskedForAtLaps)
        }
        var result = StepResult(lossDenominator: lossDenominator(samples, batches, epoch: epoch))
        stepCount += 1
        optimizer.begin(step: stepCount, learningRate: learningRate)
        for batch in batches {
            let positions = length.positions(ofBatch: batch)
            let number = planNumber(sampleCount: positions.count)
            let plan = plans[number]
            let own = plan.samples.count
            let context = context(plan, epoch: epoch, firstPosition: positions.lowerBound)
            recorder.beginBatch(ownSampleCount: own)
            gather(samples, batch, plan, epoch: epoch)
            lap(.input)
            try activations.forward(context, sampleCount: own)
            lap(.forward)
            evaluateLoss(plan, denominator: result.lossDenominator, requests: requests)
            lap(.loss)
            try activations.backward(
                context, sampleCount: own, grainSize: plan.partition.grainSize, subtrees: plan.subtrees
            ) {
                reducer.partial($0)
            } finished: { part in
                switch part {
                case .inputs: lap(.inputGradient)
                case .parameters(let operation):
                    lap(.weightGradient)
                    guard let start = sendingStarts[operation] else { return }
                    try recorder.waiting { try reducer.finished(from: start, grainCount: plan.partition.grainCount) }
                    lap(.post)
                }
            }
            factored.post(activations, sampleCount: own, kernels: kernels)
            lap(.post)
            try reducer.collect(grainCount: plan.partition.grainCount)
            lap(.wait)
            factored.askForFactors(ofRun: 0, plan: number)
            factored.gatherOthers(by: reader, plan) { part(samples, batch, of: $0, plan) }
            lap(.input)
            func receive(_ range: Range<Int>, _ gradient: UnsafePointer<Float>) {
                gradientWatch.look(at: range, gradient)
                if let sum = accumulator.add(range, gradient, batch: batch - batches.lowerBound, of: batches.count) {
                    gradientSquares.add(range, sum)
                    gradientCounts?.add(range, sum)
                    update(range, sum)
                }
                lap(.optimizer)
            }
            factored.forEachRun(context, plan: number) { range, gradient in
                lap(.weightGradient)
                receive(range, gradient)
            }
            try reducer.reduce(reducedRuns, grainCount: plan.partition.grainCount) { range, gradient in
                lap(.reduction)
                receive(range, gradient)
            }
            let isLast = batch == batches.upperBound - 1
            if isLast && !optimizer.updatesAtOnce {
                try optimizer.finish(parameters: reducer.parameters) { columns in
                    try recorder.waiting { try reducer.exchangeBlockSums(columns) }
                }
                reducer.post(reducer.slice)
            }
            result.add(plan.partition, reducer.grainStatistics)
            upcoming.ask()
            lap(.optimizer)
            if isLast { try reducer.publish() } else { try reducer.release() }
            lap(.publish)
        }
        runningStatistics.average(step: stepCount, kernels: kernels)
        recorder.endStep()
        return result
    }

    /// Gives the optimizer a part of the slice's gradient. Where that updates the parameters, they are posted at once, and as
    /// large a part of the next batch's samples is asked for.
    private func update(_ range: Range<Int>, _ gradient: UnsafePointer<Float>) {
        guard optimizer.updatesAtOnce else {
            return optimizer.receive(range, parameters: reducer.parameters, gradient: gradient)
        }
        optimizer.receive(range, parameters: reducer.parameters, gradient: gradient, posted: reducer.posted)
        upcoming.ask(max(1, length.batchSize * range.count / reducer.slice.count))
    }

    /// Some 25 cache lines: as many as a core can have on their way.
    private static let samplesAskedForAtLaps = 2

    /// What the phases of a step must compute and move, on this worker.
    func work(of network: Network) -> PhaseWork {
        PhaseWork(
            network, length: length, plan: plans[0], rank: rank, slice: reducer.slice,
            factored: factored.operations, reducedRuns: reducedRuns, update: optimizer.description,
            copiedFloatCount: reducer.copiedFloatCount)
    }

    private func planNumber(sampleCount: Int) -> Int {
        guard let number = plans.firstIndex(where: { $0.partition.sampleCount == sampleCount }) else {
            preconditionFailure("Trainer: a batch of \(sampleCount) samples was not planned for")
        }
        return number
    }

    private func context(_ plan: BatchPlan, epoch: UInt64, firstPosition: Int) -> LayerContext {
        batchSums.plan = plan
        return LayerContext(
            kernels: kernels, workspace: workspace.base, parameters: UnsafePointer(reducer.parameters),
            nearParameters: reducer.nearParameters, state: runningStatistics.values,
            mode: .training(
                TrainingPosition(
                    seed: seed, epoch: epoch, position: firstPosition + plan.samples.lowerBound, batch: batchSums)))
    }

    /// Pixels and labels of the own part of a batch; notes those of the next.
    private func gather(
        _ samples: UnsafeBufferPointer<Int32>, _ batch: Int, _ plan: BatchPlan, epoch: UInt64
    ) {
        let positions = length.positions(ofBatch: batch)
        let mixed = reader.mixer.map { _ in
            SampleReader.Batch(
                samples: UnsafeBufferPointer(rebasing: samples[positions]), firstPosition: positions.lowerBound,
                own: plan.samples)
        }
        var own = SampleReader.BatchMemory(pixels: activations.input, labels: buffers.labels.base)
        if reader.images.targetCount > 0 { own.targets = buffers.targets.base }
        if mixed != nil { (own.partners, own.shares) = (buffers.partners.base, buffers.shares.base) }
        factored.gather(
            part(samples, batch, of: rank, plan), by: reader, plan, epoch: epoch, own: own, mixed: mixed)
        factored.note(upcoming, of: reader) { part(samples, batch + 1, of: $0, plan) }
    }

    /// A worker's samples of a batch, as `plan` divides it; fewer where the batch is shorter.
    private func part(
        _ samples: UnsafeBufferPointer<Int32>, _ batch: Int, of worker: Int, _ plan: BatchPlan
    ) -> UnsafeBufferPointer<Int32> {
        let positions = length.positions(ofBatch: batch)
        let range = plan.samples(of: worker).clamped(to: 0..<positions.count)
        return UnsafeBufferPointer(
            rebasing: samples[positions.lowerBound + range.lowerBound..<positions.lowerBound + range.upperBound])
    }

    /// That of all batches of a step, added in order.
    private func lossDenominator(
        _ samples: UnsafeBufferPointer<Int32>, _ batches: Range<Int>, epoch: UInt64
    ) -> Double {
        reader.images.labels.withUnsafeBufferPointer { labels in
            batches.reduce(0.0) { sum, batch in
                let positions = length.positions(ofBatch: batch)
                let partition = plans[planNumber(sampleCount: positions.count)].partition
                func label(_ place: Int) -> UInt8 { labels[Int(samples[positions.lowerBound + place])] }
                guard let mixer = reader.mixer else { return sum + loss.denominator(partition, label: label) }
                return sum
                    + loss.mixedDenominator(partition) { place in
                        let draw = mixer.draw(epoch: epoch, position: positions.lowerBound + place, batch: positions)
                        return (label(place), label(draw.partner), draw.share)
                    }
            }
        }
    }

    /// The loss and its gradient at the outputs; each own grain's sums go to the reducer.
    private func evaluateLoss(_ plan: BatchPlan, denominator: Double, requests: StepRequests) {
        buffers.evaluate(
            loss, activations, sampleCount: plan.samples.count, gradientDenominator: denominator, kernels: kernels,
            workspace: workspace.base)
        for grain in plan.grains {
            let samples = plan.partition.samples(of: grain..<grain + 1)
            reducer.grainStatistics[grain] = buffers.statistics(
                rows: samples.lowerBound - plan.samples.lowerBound..<samples.upperBound - plan.samples.lowerBound,
                target: loss.description.target)
            reducer.grainStatistics[grain].requests = requests
        }
    }
}
