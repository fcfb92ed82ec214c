import Checkpoints
import Communication
import DataLoading
import Dispatch
import Errors
import KernelContract
import Models
import Synchronization
import Tensors
import Training

/// What a checkpoint's network makes of all images of a set.
package struct NetworkOutcome: Sendable {
    package let checkpoint: String
    package let parametersSHA256: String
    package let isAverage: Bool
    package let network: Network
    /// What the loss says of the outputs.
    let loss: LossDescription
    let standardization: InputStandardization?
    let targetStandardization: TargetStandardization?
    /// Flat, as evaluated: the moving average where there is one.
    let parameters: [Float]
    /// `[count, outputCount]`
    package let outputs: [Float]
    /// Outputs of the narrowest layer of an auto-encoder, `[count, bottleneckCount]`.
    let bottleneck: [Float]
    let bottleneckCount: Int

    private static let batchSize = 256

    /// - Parameters:
    ///   - loss: Nil for that of the checkpoint's target.
    ///   - usesAllCores: Whether it takes all cores; else one, with the same outputs.
    package init(
        checkpoint path: String, images: LabelledImages, loss: LossDescription?, kernels: any KernelSet,
        usesAllCores: Bool = true
    ) throws {
        let threads = usesAllCores ? ProcessorSet.allowed().count : 1
        let checkpoint = try Checkpoint(contentsOf: path)
        let network = try Network(checkpoint, path: path)
        guard network.inputFeatures == images.pixelsPerImage else {
            throw Failure(
                .data,
                "\(path) takes \(network.inputFeatures) values, but the images have \(images.pixelsPerImage) pixels")
        }
        guard (network.target == .columns) == (images.valueType == .float32) else {
            throw Failure(.data, "\(path) and the data are not both of a table")
        }
        let outputCount = network.target == .columns ? images.targetCount : images.classCount
        guard network.target == .input || network.outputCount == outputCount else {
            throw Failure(
                .data, "\(path) has \(network.outputCount) outputs, but the data have \(outputCount) classes or targets"
            )
        }
        let standardization = try InputStandardization(checkpoint, features: network.inputFeatures, path: path)
        targetStandardization = try TargetStandardization(checkpoint, outputs: network.outputCount, path: path)
        let isAverage = checkpoint.hasAverages
        let whole = try LoadedNetwork(network, checkpoint, path)
        var narrow: LoadedNetwork?
        if network.target == .input, let end = Self.bottleneckEnd(network) {
            let encoder = try Network(
                Array(network.description[...end]), inputShape: network.inputShape, outputs: .any)
            narrow = try LoadedNetwork(encoder, checkpoint, path)
        }
        self.checkpoint = path
        self.network = network
        self.isAverage = isAverage
        self.standardization = standardization
        let known = loss.flatMap { $0.target == network.target ? $0 : nil }
        self.loss = known ?? LossDescription(LossDescription.defaultKind(network.target), target: network.target)
        parametersSHA256 = checkpoint.parametersSHA256
        outputs = try whole.outputs(images, standardization, kernels, threads: threads)
        parameters = whole.parameterValues
        bottleneck = try narrow?.outputs(images, standardization, kernels, threads: threads) ?? []
        bottleneckCount = narrow?.network.outputCount ?? 0
    }

    /// The layer of the model, not within a block, that gives the fewest outputs, fewer than the input has; of several the
    /// last before outputs grow again.
    private static func bottleneckEnd(_ network: Network) -> Int? {
        let counts = network.description.indices.map { index in
            network.operations.last { $0.name == "\(index)" || $0.name.hasPrefix("\(index).") }?.outputShape
                .elementCount
                ?? network.inputFeatures
        }
        guard let least = counts.min(), least < network.inputFeatures, let first = counts.firstIndex(of: least)
        else { return nil }
        var end = first
        while end + 1 < counts.count - 1, counts[end + 1] == least { end += 1 }
        return end
    }

    /// Each thread writes the rows of its own samples.
    private struct Target: @unchecked Sendable {
        let base: UnsafeMutablePointer<Float>
    }

    /// A network with its weights.
    private final class LoadedNetwork: Sendable {
        let network: Network
        private let parameters: AlignedBuffer<Float>
        private let state: AlignedBuffer<Float>

        init(_ network: Network, _ checkpoint: Checkpoint, _ path: String) throws {
            parameters = AlignedBuffer(count: network.layout.floatCount)
            state = AlignedBuffer(count: network.stateLayout.floatCount)
            self.network = network
            try network.loadEvaluated(checkpoint, parameters: parameters.base, state: state.base, path: path)
        }

        var parameterValues: [Float] { Array(UnsafeBufferPointer(start: parameters.base, count: parameters.count)) }

        /// `[count, outputCount]`: a sample's outputs do not depend on the others.
        func outputs(
            _ images: LabelledImages, _ standardization: InputStandardization?, _ kernels: any KernelSet, threads: Int
        ) throws -> [Float] {
            let batches = (images.count + NetworkOutcome.batchSize - 1) / NetworkOutcome.batchSize
            let threads = max(1, min(batches, threads))
            let failure = Mutex<(any Error)?>(nil)
            let result = [Float](unsafeUninitializedCapacity: images.count * network.outputCount) { buffer, count in
                buffer.initialize(repeating: 0)
                count = buffer.count
                guard let base = buffer.baseAddress else { return }
                let target = Target(base: base)
                DispatchQueue.concurrentPerform(iterations: threads) { thread in
                    do {
                        let own = batches * thread / threads..<batches * (thread + 1) / threads
                        try evaluate(own, images, standardization, kernels, to: target.base)
                    } catch { failure.withLock { $0 = error } }
                }
            }
            if let error = failure.withLock({ $0 }) { throw error }
            return result
        }

        private func evaluate(
            _ batches: Range<Int>, _ images: LabelledImages, _ standardization: InputStandardization?,
            _ kernels: any KernelSet, to target: UnsafeMutablePointer<Float>
        ) throws {
            let workspace = KernelWorkspace()
            let activations = Activations(network: network, capacity: NetworkOutcome.batchSize)
            let context = LayerContext(
                kernels: kernels, workspace: workspace.base, parameters: parameters.base, state: state.base)
            let features = images.pixelsPerImage
            for batch in batches {
                let first = batch * NetworkOutcome.batchSize
                let count = min(NetworkOutcome.batchSize, images.count - first)
                images.pixels.withBytes { pixels in
                    guard images.valueType == .byte else {
                        return activations.input.update(
                            from: images.unsafeFeatures + first * features, count: count * features)
                    }
                    kernels.convertPixels(
                        pixels.baseAddress! + first * features, count: count * features, to: activations.input)
                }
                for row in 0..<count {
                    standardization?.apply(
                        to: activations.input + row * features, columns: 0..<features, kernels: kernels)
                }
                try activations.forward(context, sampleCount: count)
                (target + first * network.outputCount).update(
                    from: activations.logits, count: count * network.outputCount)
            }
        }
    }
}
