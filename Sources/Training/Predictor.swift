import Checkpoints
import Errors
import KernelContract
import Models
import Tensors

/// A trained network for single samples, on one worker. Not to be used by two threads at once.
package final class Predictor {
    package let network: Network
    package let parametersSHA256: String
    private let kernels: any KernelSet
    private let standardization: InputStandardization?
    private let parameters: AlignedBuffer<Float>
    private let state: AlignedBuffer<Float>
    private let workspace: AlignedBuffer<Float>
    private let activations: Activations

    /// - Parameter path: A checkpoint. Its moving average is what predicts, where it has one.
    package init(checkpoint path: String, kernels: any KernelSet) throws {
        let checkpoint = try Checkpoint(contentsOf: path)
        let network = try Network(checkpoint, path: path)
        standardization = try InputStandardization(checkpoint, features: network.inputFeatures, path: path)
        parameters = AlignedBuffer(count: network.layout.floatCount)
        try network.layout.load(
            checkpoint, prefix: checkpoint.hasAverages ? Checkpoint.averagePrefix : "", into: parameters.base,
            path: path)
        state = AlignedBuffer(count: network.stateLayout.floatCount)
        try network.stateLayout.load(checkpoint, into: state.base, path: path)
        workspace = AlignedBuffer(count: kernelWorkspaceFloatCount)
        activations = Activations(network: network, capacity: 1)
        parametersSHA256 = checkpoint.parametersSHA256
        self.network = network
        self.kernels = kernels
    }

    /// The outputs of the last layer for one image, `[height, width, channels]`.
    ///
    /// - Throws: `Failure(.data)` where the number of pixels is not that of the network's input.
    package func outputs(_ pixels: [UInt8]) throws -> [Float] {
        guard pixels.count == network.inputFeatures else {
            throw Failure(
                .data,
                "an image of \(pixels.count) bytes, but the network takes \(network.inputShape), "
                    + "\(network.inputFeatures) bytes")
        }
        pixels.withUnsafeBufferPointer {
            kernels.convertPixels($0.baseAddress!, count: pixels.count, to: activations.input)
            standardization?.apply(to: activations.input, columns: 0..<pixels.count, kernels: kernels)
        }
        try activations.forward(
            LayerContext(
                kernels: kernels, workspace: workspace.base, parameters: parameters.base, state: state.base),
            sampleCount: 1)
        return Array(UnsafeBufferPointer(start: activations.logits, count: activations.outputCount))
    }
}
