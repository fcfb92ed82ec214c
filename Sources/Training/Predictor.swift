import Checkpoints
import DataLoading
import Errors
import KernelContract
import Models
import Tensors

/// A trained network for samples at hand, on one worker. Not to be used by two threads at once.
package final class Predictor {
    package let network: Network
    package let parametersSHA256: String
    /// What it was trained with, which says what its outputs mean.
    package let lossKind: LossKind
    private let kernels: any KernelSet
    private let standardization: InputStandardization?
    /// Of a table's targets.
    private let targetStandardization: TargetStandardization?
    /// Of the table that it was trained on; nil for images.
    package let columns: TableColumns?
    private let parameters: AlignedBuffer<Float>
    private let state: AlignedBuffer<Float>
    private let workspace: KernelWorkspace
    private let activations: Activations

    /// - Parameters:
    ///   - path: A checkpoint. Its moving average is what predicts, where it has one.
    ///   - capacity: Samples that go through the network together; no bit depends on it.
    package init(checkpoint path: String, kernels: any KernelSet, capacity: Int = 1) throws {
        let checkpoint = try Checkpoint(contentsOf: path)
        let network = try Network(checkpoint, path: path)
        standardization = try InputStandardization(checkpoint, features: network.inputFeatures, path: path)
        targetStandardization = try TargetStandardization(checkpoint, outputs: network.outputCount, path: path)
        columns = network.target == .columns ? try checkpoint.columns(path: path) : nil
        parameters = AlignedBuffer(count: network.layout.floatCount)
        state = AlignedBuffer(count: network.stateLayout.floatCount)
        try network.loadEvaluated(checkpoint, parameters: parameters.base, state: state.base, path: path)
        workspace = KernelWorkspace()
        activations = Activations(network: network, capacity: capacity)
        parametersSHA256 = checkpoint.parametersSHA256
        lossKind = LossKind(of: checkpoint, target: network.target, path: path)
        self.network = network
        self.kernels = kernels
    }

    /// The outputs of the last layer for one image, `[height, width, channels]`.
    ///
    /// - Throws: `Failure(.data)` where the number of pixels is not that of the network's input.
    package func outputs(_ pixels: [UInt8]) throws -> [Float] {
        guard pixels.count == network.inputFeatures, columns == nil else {
            throw Failure(
                .data,
                "an image of \(pixels.count) bytes, but the network takes \(network.inputShape), "
                    + "\(network.inputFeatures) bytes")
        }
        pixels.withUnsafeBufferPointer {
            kernels.convertPixels($0.baseAddress!, count: pixels.count, to: activations.input)
            standardization?.apply(to: activations.input, columns: 0..<pixels.count, kernels: kernels)
        }
        try activations.forward(context, sampleCount: 1)
        return Array(UnsafeBufferPointer(start: activations.logits, count: activations.outputCount))
    }

    /// The outputs for samples of a data set, `[samples.count, outputs]`.
    ///
    /// - Throws: `Failure(.data)` where the number of pixels is not that of the network's input.
    package func outputs(of images: LabelledImages, _ samples: [Int32]) throws -> [Float] {
        guard images.pixelsPerImage == network.inputFeatures, (images.valueType == .float32) == (columns != nil) else {
            throw Failure(
                .data,
                "samples of \(images.pixelsPerImage) values, but the network takes \(network.inputShape)"
                    + (columns == nil ? " of bytes" : " of a table's columns"))
        }
        let reader = SampleReader(images: images, kernels: kernels, standardization: standardization)
        var outputs: [Float] = []
        outputs.reserveCapacity(samples.count * activations.outputCount)
        for first in stride(from: 0, to: samples.count, by: activations.capacity) {
            let part = samples[first..<min(first + activations.capacity, samples.count)]
            part.withUnsafeBufferPointer { reader.gather($0, to: .init(pixels: activations.input)) }
            try activations.forward(context, sampleCount: part.count)
            outputs += UnsafeBufferPointer(start: activations.logits, count: part.count * activations.outputCount)
        }
        return outputs
    }

    /// What rows of outputs say about each class; of an auto-encoder the pixels from 0 to 1 that they stand for, of a table the
    /// targets in their own unit.
    package func probabilities(_ outputs: [Float]) -> [Float] {
        guard columns == nil else { return values(outputs) }
        var result = outputs
        if network.target == .input, lossKind != .binaryCrossEntropy, let standardization {
            // Outputs are compared with what the first layer sees.
            let (means, scales) = (standardization.means, standardization.scales)
            for index in result.indices {
                let pixel = index % network.outputCount
                result[index] = result[index] / scales[pixel] + means[pixel]
            }
        }
        result.withUnsafeMutableBufferPointer { values in
            guard let base = values.baseAddress else { return }
            lossKind.probabilities(
                rowCount: values.count / network.outputCount, columnCount: network.outputCount, base, to: base,
                kernels: kernels)
        }
        return result
    }

    /// Outputs in the unit of a table's targets, `[rows, targets]`.
    private func values(_ outputs: [Float]) -> [Float] {
        guard let targetStandardization else { return outputs }
        return outputs.indices.map {
            targetStandardization.undo(outputs[$0], column: $0 % network.outputCount)
        }
    }

    private var context: LayerContext {
        LayerContext(kernels: kernels, workspace: workspace.base, parameters: parameters.base, state: state.base)
    }
}
