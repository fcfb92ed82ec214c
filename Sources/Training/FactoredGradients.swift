import CMachine
import Communication
import DataLoading
import KernelContract
import Models
import Tensors

/// The gradients of dense layers, where workers share memory: computed by their owners.
///
/// A dense layer's weight gradient has inputs · outputs floats for each worker; what it is made of, the *factors*, has
/// only inputs + outputs for each sample. So the workers of one host do not exchange gradients of such layers but factors:
/// each computes the part that belongs to its slice, over all samples of the batch and along the whole canonical tree,
/// and updates it at once. The arithmetic is the same, and so are the bits.
struct FactoredGradients: ~Copyable {
    private let rank: Int
    private let size: Int
    private let shelf: FactorShelf
    /// Of the whole batch; nil where no such layer begins the network.
    private let input: BatchInput?
    /// Parts of the own slice that are computed at a time.
    private let runs: [Run]
    /// By batch plan and place in the shelf.
    private let tables: [[Table]]
    private let buffer: AlignedBuffer<Float>
    /// The input that is always 1.
    private let one: AlignedBuffer<Float>
    /// The own samples' changed pictures, where there are such (`SampleReader.augmentedStride`).
    private let augmented: AlignedBuffer<UInt8>

    private struct Run {
        let layer: any FactoredLayer
        /// Place in the shelf.
        let number: Int
        let range: Range<Int>
    }

    /// Of one operation in batches of one plan.
    private struct Table {
        let factors: GradientFactors
        let segments, biasSegments: UnsafeMutableBufferPointer<GradientSegment>
        /// Of what other workers post, what is asked for.
        let posted: [UnsafeBufferPointer<Float>]
    }

    /// The parts of a tensor's own floats that are computed at a time: 64 rows of a weight at least, so that each output
    /// gradient read serves many, and no more than L2 holds until the optimizer takes them.
    ///
    /// - Parameter isMarked: Whether inputs are marked (`InputMarks`): parts then begin with a group where blocks and groups meet
    ///   often enough, for marks of a group that is cut serve neither part.
    private static func runs(
        of entry: ParameterLayout.Entry, in slice: Range<Int>, _ layout: ParameterLayout, outputs: Int, isMarked: Bool
    ) -> [Range<Int>] {
        let (block, group) = (ParameterLayout.blockSize, InputMarks.groupSize * outputs)
        let blocks = min(max(24, (64 * outputs + block - 1) / block), 96)
        let own = entry.range.clamped(to: slice)
        // Blocks from one that begins with a group to the next.
        let period = group / greatestCommonDivisor(block, group)
        let isAligned = isMarked && period <= blocks
        let first = own.lowerBound - entry.range.lowerBound
        let aligned =
            isAligned
            ? min(
                entry.range.lowerBound + (first + period * block - 1) / (period * block) * (period * block),
                own.upperBound)
            : own.lowerBound
        let limit = (isAligned ? blocks / period * period : blocks) * block + ParameterLayout.alignment
        return [own.lowerBound..<aligned, aligned..<own.upperBound].flatMap { part in
            part.isEmpty ? [] : layout.runs(of: part, limit: limit).map { $0.clamped(to: entry.range) }
        }
    }

    private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
        b == 0 ? a : greatestCommonDivisor(b, a % b)
    }

    /// `slice` is what this worker owns; `activations`, which outlive this, are its own.
    ///
    /// - Parameters:
    ///   - augments: Whether pictures are changed at random.
    ///   - keepsZeros: Whether a byte of 0 is an input of 0.
    init(
        _ shelf: consuming FactorShelf, network: Network, batches: [BatchPlan], slice: Range<Int>,
        activations: borrowing Activations, rank: Int, size: Int, augments: Bool, keepsZeros: Bool
    ) {
        let operations = shelf.operations
        let first = operations.filter { network.memory(ofInputTo: $0) == 0 }.map { network.operations[$0] }
        let input =
            first.isEmpty
            ? nil
            : BatchInput(
                features: network.inputFeatures, batches: batches.map(\.partition), hasOthers: size > 1,
                columns: network.layout.inputs(of: first, in: slice), keepsZeros: keepsZeros)
        let one = AlignedBuffer<Float>(count: 1)
        one.base[0] = 1
        var tables: [[Table]] = []
        for batch in batches {
            var row: [Table] = []
            for (number, operation) in operations.enumerated() {
                let own = activations.factors(ofOperation: operation)
                var segments: [GradientSegment] = []
                var posted: [UnsafeBufferPointer<Float>] = []
                var room = Self.askedFloats
                for worker in 0..<size {
                    let samples = batch.samples(of: worker)
                    guard !samples.isEmpty else { continue }
                    var segment = GradientSegment(sampleCount: samples.count, x: own.inputs, dy: own.outputGradients)
                    let isFirst = network.memory(ofInputTo: operation) == 0
                    if worker != rank {
                        segment.dy = UnsafePointer(shelf.outputGradients(number, of: worker))
                        posted += Self.part(segment.dy, samples.count * shelf.features[number].output, &room)
                        if let inputs = shelf.inputs(number, of: worker) {
                            segment.x = UnsafePointer(inputs)
                            posted += Self.part(segment.x, samples.count * shelf.features[number].input, &room)
                        }
                        if isFirst, let input { segment.x = UnsafePointer(input.pixels(samples.lowerBound)) }
                    }
                    if isFirst { segment.marks = input?.marks(batch.runs[worker].lowerBound).map { UnsafePointer($0) } }
                    segments.append(segment)
                }
                row.append(
                    Self.table(segments, posted: posted, one: one.base, grainSize: batch.partition.grainSize))
            }
            tables.append(row)
        }
        var runs: [Run] = []
        var bufferCount = 0
        for (number, operation) in operations.enumerated() {
            guard let layer = network.operations[operation].layer as? any FactoredLayer else { continue }
            for entry in network.layout.entries where entry.belongs(to: network.operations[operation]) {
                let isMarked = network.memory(ofInputTo: operation) == 0 && entry.shape.extents.count > 1
                for range in Self.runs(
                    of: entry, in: slice, network.layout, outputs: layer.outputFeatures, isMarked: isMarked)
                {
                    runs.append(Run(layer: layer, number: number, range: range))
                    bufferCount = max(bufferCount, layer.gradientBufferCount(range.count))
                }
            }
        }
        self.rank = rank
        self.size = size
        self.shelf = shelf
        self.input = input
        self.runs = runs
        self.tables = tables
        buffer = AlignedBuffer(count: bufferCount)
        self.one = one
        augmented = AlignedBuffer(
            count: augments ? activations.capacity * SampleReader.augmentedStride(network.inputFeatures) : 0)
    }

    deinit {
        for table in tables.joined() {
            table.segments.deallocate()
            table.biasSegments.deallocate()
        }
    }

    private static func table(
        _ segments: [GradientSegment], posted: [UnsafeBufferPointer<Float>], one: UnsafePointer<Float>, grainSize: Int
    ) -> Table {
        func copy(_ segments: [GradientSegment]) -> UnsafeMutableBufferPointer<GradientSegment> {
            let copy = UnsafeMutableBufferPointer<GradientSegment>.allocate(capacity: segments.count)
            _ = copy.initialize(fromContentsOf: segments)
            return copy
        }
        let biases = copy(segments.map { GradientSegment(sampleCount: $0.sampleCount, x: one, dy: $0.dy) })
        let segments = copy(segments)
        let factors = GradientFactors(
            grainSize: grainSize, segments: UnsafeBufferPointer(segments), biasSegments: UnsafeBufferPointer(biases))
        return Table(factors: factors, segments: segments, biasSegments: biases, posted: posted)
    }

    /// No more than this of an operation is asked for: 64 KiB, which stay in L2 until they are read.
    private static let askedFloats = 16_384

    /// Of `count` posted floats those for which there is room.
    private static func part(
        _ floats: UnsafePointer<Float>, _ count: Int, _ room: inout Int
    ) -> [UnsafeBufferPointer<Float>] {
        let count = min(count, room)
        room -= count
        return count > 0 ? [UnsafeBufferPointer(start: floats, count: count)] : []
    }

    /// Asks for what the other workers have posted for run number `index` where the run before is of another operation; what is
    /// posted lies in memory, outside the caches. All workers have posted their factors of a batch of plan number `plan`.
    func askForFactors(ofRun index: Int, plan: Int) {
        guard index < runs.count, index == 0 || runs[index - 1].number != runs[index].number else { return }
        for part in tables[plan][runs[index].number].posted {
            guard let base = part.baseAddress else { continue }
            for line in stride(from: 0, to: part.count, by: 16) { lockstep_prefetch(base + line) }
        }
    }

    /// Whose gradients `forEachRun` gives.
    var operations: [Int] { shelf.operations }

    /// The parts of the own slice that `forEachRun` covers.
    var ranges: [Range<Int>] { runs.map(\.range) }

    /// Fills `own` with the own samples of a batch.
    ///
    /// - Parameter mixed: The batch, where its pictures are mixed.
    func gather(
        _ samples: UnsafeBufferPointer<Int32>, by reader: SampleReader, _ plan: BatchPlan, epoch: UInt64,
        own: SampleReader.BatchMemory, mixed: SampleReader.Batch?
    ) {
        let memory = memory(of: rank, plan, own: own)
        if let mixer = reader.mixer, let mixed {
            reader.gather(mixed, epoch: epoch, by: mixer, to: memory)
        } else {
            reader.gather(samples, epoch: epoch, to: memory)
        }
    }

    /// Notes what `gather` and `gatherOthers` will read of a batch; `samples` gives a worker's.
    func note(
        _ upcoming: UpcomingSamples, of reader: SampleReader,
        samples: (_ worker: Int) -> UnsafeBufferPointer<Int32>
    ) {
        upcoming.reset()
        for worker in 0..<size {
            if worker == rank {
                upcoming.append(samples(worker), of: reader.images, columns: nil)
            } else if let input, !input.columns.isEmpty, !reader.changesPictures {
                upcoming.append(samples(worker), of: reader.images, columns: input.columns)
            }
        }
    }

    /// Takes what the gradients of the own slice need of the other workers' samples, when all have posted theirs; the owner's
    /// work, by which slices are balanced. Reading the data anew costs less than taking the others' floats out of their
    /// caches; of changed pictures, making them anew would cost each worker the augmentation of the whole batch.
    func gatherOthers(
        by reader: SampleReader, _ plan: BatchPlan, samples: (_ worker: Int) -> UnsafeBufferPointer<Int32>
    ) {
        guard let input, !input.columns.isEmpty else { return }
        for worker in 0..<size where worker != rank {
            let memory = memory(of: worker, plan)
            guard reader.changesPictures else {
                reader.gather(samples(worker), to: memory)
                continue
            }
            guard let pictures = shelf.pictures(of: worker) else { return }
            reader.gather(augmented: pictures, count: plan.samples(of: worker).count, to: memory)
        }
    }

    /// Where the inputs of a worker's samples go.
    private func memory(
        of worker: Int, _ plan: BatchPlan, own: SampleReader.BatchMemory? = nil
    ) -> SampleReader.BatchMemory {
        guard let input else {
            guard var memory = own else { preconditionFailure("FactoredGradients: no input of worker \(worker)") }
            memory.augmented = augmented.base
            return memory
        }
        let first = plan.samples(of: worker).lowerBound
        var memory =
            worker == rank
            ? own ?? .init(pixels: input.pixels(first))
            : .init(pixels: input.pixels(first), columns: input.columns)
        memory.augmented = augmented.base
        memory.marks = input.marks(plan.runs[worker].lowerBound)
        memory.grainSize = plan.partition.grainSize
        return memory
    }

    /// Shows the others the factors of the first `sampleCount` own samples, after the backward pass.
    func post(_ activations: borrowing Activations, sampleCount: Int, kernels: any KernelSet) {
        guard size > 1 else { return }
        shelf.post(
            activations, sampleCount: sampleCount, worker: rank, augmented: UnsafePointer(augmented.base),
            kernels: kernels)
    }

    /// Calls `body` with each part of the own slice and its gradient, which begins at the part's first float. All workers
    /// have posted their factors of a batch of plan number `plan`.
    func forEachRun(
        _ context: LayerContext, plan: Int, _ body: (_ range: Range<Int>, _ gradient: UnsafePointer<Float>) -> Void
    ) {
        for (index, run) in runs.enumerated() {
            askForFactors(ofRun: index + 1, plan: plan)
            body(
                run.range,
                run.layer.gradient(of: run.range, context, tables[plan][run.number].factors, in: buffer.base))
        }
    }
}
