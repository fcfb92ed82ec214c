import Communication
import DataLoading
import KernelContract
import Models
import Tensors

/// A worker's activations, where the other workers of the host see them, and the gradients that follow from them.
///
/// A dense layer's weight gradient has inputs · outputs floats for each worker; what it is made of, the *factors*, has
/// only (inputs + outputs) for each sample. So where workers share memory they do not exchange gradients of such layers:
/// each computes the part that belongs to its slice, over all samples of the batch and along the whole canonical tree,
/// and updates it at once. The arithmetic is the same, and so are the bits.
struct FactoredGradients: ~Copyable {
    /// Operations whose gradients are computed here.
    let operations: Set<Int>
    /// Samples that the activations hold, the same on all workers.
    let capacity: Int
    /// The own activations, for `Activations`.
    let activations: UnsafeMutablePointer<Float>
    /// Where the own samples of a batch of plan number `plan` go, and what is to be known of the others'.
    private let input: BatchInput?
    /// Parts of the own slice that are computed at a time.
    private let runs: [Run]
    /// By batch plan.
    private let tables: [[Table]]
    private let buffer: AlignedBuffer<Float>
    /// The input that is always 1.
    private let one: AlignedBuffer<Float>
    private let memory: SharedMemory

    private struct Run {
        let layer: any FactoredLayer
        /// Among `operations` in ascending order.
        let number: Int
        let range: Range<Int>
    }

    /// Of one operation in batches of one plan.
    fileprivate struct Table {
        let factors: GradientFactors
        let segments, biasSegments: UnsafeMutableBufferPointer<GradientSegment>
    }

    /// What is computed at a time: large enough that each output gradient read serves many rows of a weight, small
    /// enough for L2.
    private static let runLimit = 24 * ParameterLayout.blockSize

    /// Collective.
    ///
    /// - Parameter allowed: Whether this worker can share at all.
    init(
        network: Network, batches: [GrainPartition], slice: Range<Int>, communicator: borrowing Communicator,
        allowed: Bool
    ) throws {
        let (rank, size) = (communicator.rank, communicator.size)
        let capacity = batches.reduce(0) { most, batch in
            (0..<size).reduce(most) { max($0, batch.samples(of: batch.grains(of: $1, size: size)).count) }
        }
        let grainSize = batches[0].grainSize
        let byteCount = 4 * Activations.floatCount(network: network, capacity: capacity)
        let memory = try SharedMemory(communicator, sharedByteCount: byteCount, privateByteCount: byteCount)
        let isReachable = memory.isShared
        let isShared = try communicator.allGather(allowed && isReachable).allSatisfy { $0 }
        let chosen =
            isShared ? network.factoredOperations(sampleCount: batches[0].sampleCount, workerCount: size) : []
        let one = AlignedBuffer<Float>(count: 1)
        one.base[0] = 1
        let activations = (0..<size).map {
            memory.segment(of: isReachable ? $0 : rank).assumingMemoryBound(to: Float.self)
        }
        let places = chosen.map {
            Activations.factorOffsets(network: network, capacity: capacity, operation: $0)
        }
        // The layers on the network's input; only that has zeros in great number.
        let first = zip(chosen, places).filter { $1.input == 0 }.map { network.operations[$0.0] }
        let input =
            first.isEmpty
            ? nil
            : BatchInput(
                features: network.inputFeatures, batches: batches, rank: rank, size: size,
                columns: network.layout.inputs(of: first, in: slice))
        tables = batches.map { batch in
            zip(chosen, places).map { operation, places in
                let layer = network.operations[operation].layer!
                var segments: [GradientSegment] = []
                for worker in 0..<size {
                    let grains = batch.grains(of: worker, size: size)
                    let samples = batch.samples(of: grains)
                    guard !samples.isEmpty else { continue }
                    var segment = GradientSegment(
                        sampleCount: samples.count, x: activations[worker] + places.input,
                        dy: activations[worker] + places.outputGradient)
                    if places.input == 0, let input {
                        if worker != rank { segment.x = UnsafePointer(input.pixels(samples.lowerBound)) }
                        segment.marks = input.marks(grains.lowerBound).map { UnsafePointer($0) }
                    }
                    segments.append(segment)
                }
                return Table(
                    segments, one: one.base, grainSize: grainSize, inputFeatures: layer.inputFeatures,
                    outputFeatures: layer.outputFeatures)
            }
        }
        var runs: [Run] = []
        var bufferCount = 0
        for (number, operation) in chosen.enumerated() {
            guard let layer = network.operations[operation].layer as? any FactoredLayer else { continue }
            for entry in network.layout.entries where entry.belongs(to: network.operations[operation]) {
                let own = entry.range.clamped(to: slice)
                for range in network.layout.runs(of: own, limit: Self.runLimit) {
                    let range = range.clamped(to: entry.range)
                    runs.append(Run(layer: layer, number: number, range: range))
                    bufferCount = max(bufferCount, layer.gradientBufferCount(range.count))
                }
            }
        }
        self.runs = runs
        self.capacity = capacity
        operations = Set(chosen)
        self.activations = activations[rank]
        self.input = input
        buffer = AlignedBuffer(count: bufferCount)
        self.one = one
        self.memory = memory
    }

    deinit {
        for table in tables.joined() {
            table.segments.deallocate()
            table.biasSegments.deallocate()
        }
    }

    /// Fills the own samples of a batch, and of all others what the gradients of the own slice need: reading them anew
    /// costs less than taking the other workers' floats out of their caches. `samples` gives a worker's samples of a batch.
    func gather(
        _ images: LabelledImages, partition: GrainPartition, kernels: any KernelSet,
        own memory: LabelledImages.BatchMemory, rank: Int, size: Int,
        samples: (_ worker: Int) -> (now: UnsafeBufferPointer<Int32>, upcoming: UnsafeBufferPointer<Int32>)
    ) {
        for worker in 0..<size {
            var target = memory
            let grains = partition.grains(of: worker, size: size)
            if let input {
                target.marks = input.marks(grains.lowerBound)
                target.grainSize = partition.grainSize
            }
            if worker != rank {
                guard let input, !input.columns.isEmpty else { continue }
                target = .init(
                    pixels: input.pixels(partition.samples(of: grains).lowerBound), marks: target.marks,
                    grainSize: target.grainSize, columns: input.columns)
            }
            let samples = samples(worker)
            images.gather(samples.now, upcoming: samples.upcoming, kernels: kernels, to: target)
        }
    }

    /// The parts of the own slice that `forEachRun` covers.
    var ranges: [Range<Int>] { runs.map(\.range) }

    /// Calls `body` with each part of the own slice and its gradient, which begins at the part's first float. All workers
    /// must have finished their backward pass of a batch of plan number `plan`.
    func forEachRun(
        _ context: LayerContext, plan: Int, _ body: (_ range: Range<Int>, _ gradient: UnsafePointer<Float>) -> Void
    ) {
        for run in runs {
            body(
                run.range,
                run.layer.gradient(of: run.range, context, tables[plan][run.number].factors, in: buffer.base))
        }
    }
}

extension FactoredGradients.Table {
    fileprivate init(
        _ segments: [GradientSegment], one: UnsafePointer<Float>, grainSize: Int, inputFeatures: Int,
        outputFeatures: Int
    ) {
        let biasSegments = segments.map { GradientSegment(sampleCount: $0.sampleCount, x: one, dy: $0.dy) }
        self.segments = .allocate(capacity: segments.count)
        self.biasSegments = .allocate(capacity: segments.count)
        _ = self.segments.initialize(fromContentsOf: segments)
        _ = self.biasSegments.initialize(fromContentsOf: biasSegments)
        factors = GradientFactors(
            grainSize: grainSize, inputFeatures: inputFeatures, outputFeatures: outputFeatures,
            segments: UnsafeBufferPointer(self.segments), biasSegments: UnsafeBufferPointer(self.biasSegments))
    }
}

/// What a worker keeps of a whole batch's input for the gradients of its slice.
private final class BatchInput {
    /// Columns that the slice's weights meet, from a group of marks to a group.
    let columns: Range<Int>
    private let features: Int
    /// `[batch, features]`; of the own samples nothing.
    private let buffer: AlignedBuffer<Float>
    private let markBuffer: AlignedBuffer<UInt32>
    private let hasMarks: Bool

    init(features: Int, batches: [GrainPartition], rank: Int, size: Int, columns: Range<Int>) {
        let grainCount = batches.map(\.grainCount).max() ?? 0
        let group = InputMarks.groupSize
        self.features = features
        self.columns =
            columns.lowerBound / group * group..<min((columns.upperBound + group - 1) / group * group, features)
        hasMarks = batches[0].grainSize <= InputMarks.grainLimit
        buffer = AlignedBuffer(count: size > 1 ? features * (batches.map(\.sampleCount).max() ?? 0) : 0)
        markBuffer = AlignedBuffer(count: hasMarks ? grainCount * InputMarks.groupCount(features) : 0)
    }

    /// Of a sample of the batch.
    func pixels(_ sample: Int) -> UnsafeMutablePointer<Float> { buffer.base + sample * features }

    /// Of a grain of the batch; nil where grains are too long for marks.
    func marks(_ grain: Int) -> UnsafeMutablePointer<UInt32>? {
        hasMarks ? markBuffer.base + grain * InputMarks.groupCount(features) : nil
    }
}

extension ParameterLayout {
    /// The inputs that meet weights in `slice`, of any of `operations`.
    fileprivate func inputs(of operations: [Operation], in slice: Range<Int>) -> Range<Int> {
        var all: Range<Int>?
        for operation in operations {
            for entry in entries where entry.belongs(to: operation) && entry.shape.extents.count > 1 {
                let own = entry.range.clamped(to: slice)
                guard !own.isEmpty else { continue }
                let outputs = operation.outputShape.elementCount
                let begin = (own.lowerBound - entry.range.lowerBound) / outputs
                let end = (own.upperBound - entry.range.lowerBound + outputs - 1) / outputs
                all = min(begin, all?.lowerBound ?? begin)..<max(end, all?.upperBound ?? end)
            }
        }
        return all ?? 0..<0
    }
}

extension Network {
    /// Layers whose factors are worth exchanging instead of gradients, in ascending order. A matter of floats moved: for
    /// each worker (B − B/P) · (inputs/P + outputs) factors, against (P − 1)/P gradients read and one written.
    fileprivate func factoredOperations(sampleCount: Int, workerCount: Int) -> [Int] {
        operations.indices.filter { index in
            guard isFactored(index), let layer = operations[index].layer else { return false }
            let (batch, workers) = (Double(sampleCount), Double(workerCount))
            let (inputs, outputs) = (Double(layer.inputFeatures), Double(layer.outputFeatures))
            let factors = (batch - batch / workers) * (inputs / workers + outputs)
            let gradients = ((workers - 1) / workers + 1) * inputs * outputs
            return factors <= 2 * gradients
        }
    }
}
