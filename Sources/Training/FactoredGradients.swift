import Communication
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
    /// `[grain, InputMarks.groupCount]` of the own samples; nil where nothing asks for them.
    let marks: UnsafeMutablePointer<UInt32>?
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
        let floatCount = Activations.floatCount(network: network, capacity: capacity)
        let groups = grainSize <= InputMarks.grainLimit ? InputMarks.groupCount(network.inputFeatures) : 0
        let grainLimit = (capacity + grainSize - 1) / grainSize
        let byteCount = 4 * (floatCount + groups * grainLimit)
        let memory = try SharedMemory(communicator, sharedByteCount: byteCount, privateByteCount: byteCount)
        let isShared = try communicator.allGather(allowed && memory.isShared).allSatisfy { $0 }

        let chosen =
            isShared ? network.factoredOperations(sampleCount: batches[0].sampleCount, workerCount: size) : []
        let one = AlignedBuffer<Float>(count: 1)
        one.base[0] = 1
        let isReachable = memory.isShared
        let all = (0..<size).map {
            memory.segment(of: isReachable ? $0 : rank).assumingMemoryBound(to: Float.self)
        }
        func activations(_ worker: Int) -> UnsafeMutablePointer<Float> { all[worker] }
        func marks(_ worker: Int) -> UnsafeMutablePointer<UInt32> {
            UnsafeMutableRawPointer(activations(worker) + floatCount).assumingMemoryBound(to: UInt32.self)
        }
        var hasMarks = false
        tables = batches.map { batch in
            chosen.map { operation in
                let places = Activations.factorOffsets(network: network, capacity: capacity, operation: operation)
                let layer = network.operations[operation].layer!
                // Only the network's input has zeros in great number.
                let isMarked = places.input == 0 && groups > 0
                hasMarks = hasMarks || isMarked
                var segments: [GradientSegment] = []
                for worker in 0..<size {
                    let count = batch.samples(of: batch.grains(of: worker, size: size)).count
                    guard count > 0 else { continue }
                    segments.append(
                        GradientSegment(
                            sampleCount: count, x: activations(worker) + places.input,
                            dy: activations(worker) + places.outputGradient,
                            marks: isMarked ? marks(worker) : nil))
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
        self.activations = activations(rank)
        self.marks = hasMarks ? marks(rank) : nil
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
