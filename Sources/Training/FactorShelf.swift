import Communication
import KernelContract
import Models

/// Memory of one host where workers put the factors of their samples for the others: what enters a dense layer and the
/// gradient at what leaves it.
///
/// The workers' activations are their own. A line of memory that another core has read is slow to write, so what is shared
/// is written once, past the caches (`KernelSet.post`).
struct FactorShelf: ~Copyable {
    /// Operations whose factors are here, in ascending order: those whose gradients their owners compute. Empty where
    /// memory is not shared.
    let operations: [Int]
    /// By place in `operations`: where a worker's inputs (nil for the network's own, which every worker can read) and output
    /// gradients begin, in floats.
    private let places: [(input: Int?, outputGradient: Int)]
    /// By place in `operations`.
    let features: [(input: Int, output: Int)]
    /// By place in `operations`: which factors of the own samples others need.
    private let needed: [(input: Bool, outputGradient: Bool)]
    /// Where a worker's augmented pictures begin, in floats, and how many floats one takes; nil where every worker can read
    /// the network's inputs from the data.
    private let pictures: (place: Int, stride: Int)?
    private let memory: SharedMemory

    /// Collective.
    ///
    /// - Parameters:
    ///   - allowed: Whether gradients may be computed by their owners.
    ///   - augments: Whether the network's inputs are changed at random, each by its worker.
    ///   - slice: What this worker owns.
    init(
        network: Network, batches: [BatchPlan], communicator: borrowing Communicator, allowed: Bool,
        augments: Bool, slice: Range<Int>
    ) throws {
        let size = communicator.size
        let capacity = batches.reduce(0) { most, batch in
            (0..<size).reduce(most) { max($0, batch.samples(of: $1).count) }
        }
        let wanted =
            allowed ? network.factoredOperations(sampleCount: batches[0].partition.sampleCount, workerCount: size) : []
        var end = 0
        func take(_ features: Int) -> Int {
            defer { end += (capacity * features + 15) / 16 * 16 }
            return end
        }
        let features = wanted.map { index in
            let layer = network.operations[index].layer
            return (input: layer?.inputFeatures ?? 0, output: layer?.outputFeatures ?? 0)
        }
        let places = zip(wanted, features).map { index, features in
            let isFirst = network.memory(ofInputTo: index) == 0
            return (input: isFirst ? nil : take(features.input), outputGradient: take(features.output))
        }
        // As bytes they are a quarter of the floats.
        let stride = SampleReader.augmentedStride(network.inputFeatures) / 4
        var pictures: (place: Int, stride: Int)?
        if augments, places.contains(where: { $0.input == nil }) { pictures = (take(stride), stride) }
        // One worker needs no shelf.
        let memory = try SharedMemory(communicator, sharedByteCount: size > 1 ? 4 * end : 0, privateByteCount: 0)
        operations = memory.isShared ? wanted : []
        self.places = places
        needed = wanted.map { network.factorsNeeded(ofOperation: $0, besides: slice) }
        self.features = features
        self.pictures = pictures
        self.memory = memory
    }

    /// Where worker `worker` puts the inputs of operation number `number`; nil for the network's own.
    func inputs(_ number: Int, of worker: Int) -> UnsafeMutablePointer<Float>? {
        places[number].input.map { base(worker) + $0 }
    }

    func outputGradients(_ number: Int, of worker: Int) -> UnsafeMutablePointer<Float> {
        base(worker) + places[number].outputGradient
    }

    /// The augmented pictures of worker `worker`, by `SampleReader.augmentedStride`; nil where there are none.
    func pictures(of worker: Int) -> UnsafePointer<UInt8>? {
        pictures.map { UnsafeRawPointer(base(worker) + $0.place).assumingMemoryBound(to: UInt8.self) }
    }

    /// Puts those factors of the first `sampleCount` own samples here, for `worker`, that others need.
    ///
    /// - Parameter augmented: The own samples' changed pictures, where there are such.
    func post(
        _ activations: borrowing Activations, sampleCount: Int, worker: Int, augmented: UnsafePointer<UInt8>?,
        kernels: any KernelSet
    ) {
        if let pictures, let augmented, needsPictures {
            // Bits are copied, whatever numbers they would be.
            kernels.post(
                UnsafeRawPointer(augmented).assumingMemoryBound(to: Float.self), count: sampleCount * pictures.stride,
                to: base(worker) + pictures.place)
        }
        for (number, operation) in operations.enumerated() {
            let factors = activations.factors(ofOperation: operation)
            if needed[number].input, let inputs = inputs(number, of: worker) {
                kernels.post(factors.inputs, count: sampleCount * features[number].input, to: inputs)
            }
            if needed[number].outputGradient {
                kernels.post(
                    factors.outputGradients, count: sampleCount * features[number].output,
                    to: outputGradients(number, of: worker))
            }
        }
    }

    /// Whether others own a part of what the network's inputs enter.
    private var needsPictures: Bool { places.indices.contains { places[$0].input == nil && needed[$0].input } }

    private func base(_ worker: Int) -> UnsafeMutablePointer<Float> {
        memory.segment(of: worker).assumingMemoryBound(to: Float.self)
    }
}
