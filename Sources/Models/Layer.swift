import KernelContract
import Tensors

/// What a layer computes with: the kernels, their scratch memory, the flat parameters, and where in training it is.
package struct LayerContext {
    package let kernels: any KernelSet
    /// `kernelWorkspaceFloatCount` floats.
    package let workspace: UnsafeMutablePointer<Float>
    package let parameters: UnsafePointer<Float>
    package let mode: Mode

    package enum Mode: Hashable, Sendable {
        /// `position`: the place in the epoch's order of the first sample at hand.
        case training(seed: UInt64, epoch: UInt64, position: Int)
        case evaluation
    }

    package init(
        kernels: any KernelSet, workspace: UnsafeMutablePointer<Float>, parameters: UnsafePointer<Float>,
        mode: Mode = .evaluation
    ) {
        self.kernels = kernels
        self.workspace = workspace
        self.parameters = parameters
        self.mode = mode
    }
}

/// Memory of one layer for the samples at hand. Rows are samples, contiguous; a row is a shape in row-major order, images
/// as [height, width, channels].
package struct ForwardPass {
    package let sampleCount: Int
    /// `[sampleCount, inputShape]`
    package let input: UnsafePointer<Float>
    /// `[sampleCount, outputShape]`; the input's memory where the layer works in place.
    package let output: UnsafeMutablePointer<Float>
    /// `[sampleCount, savedFloatsPerSample]`, kept until backward.
    package let saved: UnsafeMutablePointer<Float>
    /// `scratchFloatCount(sampleCount:)` floats, shared by all layers: nothing stays in it.
    package let scratch: UnsafeMutablePointer<Float>
}

package struct BackwardPass {
    package let sampleCount: Int
    package let input: UnsafePointer<Float>
    package let output: UnsafePointer<Float>
    package let saved: UnsafePointer<Float>
    /// `[sampleCount, outputShape]`
    package let outputGradient: UnsafePointer<Float>
    /// `[sampleCount, inputShape]`; the output gradient's memory where the layer works in place.
    package let inputGradient: UnsafeMutablePointer<Float>
    /// `scratchFloatCount(sampleCount:)` floats.
    package let scratch: UnsafeMutablePointer<Float>
}

/// The samples of one subtree of the canonical tree.
package struct GradientPass {
    package let sampleCount: Int
    package let grainSize: Int
    package let input: UnsafePointer<Float>
    package let saved: UnsafePointer<Float>
    package let outputGradient: UnsafePointer<Float>
    /// The flat gradients, laid out as the parameters.
    package let gradients: UnsafeMutablePointer<Float>
    /// `scratchFloatCount(sampleCount:)` floats.
    package let scratch: UnsafeMutablePointer<Float>
}

/// One layer with its place in the flat parameter buffer.
package protocol Layer: Sendable {
    /// Of one sample.
    var inputShape: Shape { get }
    var outputShape: Shape { get }
    /// Whether the output may take the input's place, which backward then does not need. It does unless the layer below
    /// reads its output in backward (`Network.isInPlace`); gradients are always in place.
    var worksInPlace: Bool { get }
    /// Whether backward reads the own output, so that the next layer must not overwrite it.
    var backwardReadsOutput: Bool { get }
    /// What forward keeps for backward besides input and output.
    var savedFloatsPerSample: Int { get }
    var hasParameters: Bool { get }
    /// Scratch memory that a pass over `sampleCount` samples needs besides the workspace; at most linear in it.
    func scratchFloatCount(sampleCount: Int) -> Int
    /// Floating-point operations of the forward products for one sample: 2 for each multiply-add.
    var flopsPerSample: Double { get }

    func forward(_ context: LayerContext, _ pass: ForwardPass)
    /// The parameters' gradients over the samples of one subtree.
    func parameterGradient(_ context: LayerContext, _ pass: GradientPass)
    func inputGradient(_ context: LayerContext, _ pass: BackwardPass)
    /// Writes the initial values of the own parameters. `number` is that of the layer's first tensor in the network.
    func initialize(_ parameters: UnsafeMutablePointer<Float>, seed: UInt64, number: UInt64)
}

extension Layer {
    package var backwardReadsOutput: Bool { false }
    package var savedFloatsPerSample: Int { 0 }
    package var hasParameters: Bool { false }
    package var flopsPerSample: Double { 0 }
    package func scratchFloatCount(sampleCount: Int) -> Int { 0 }
    package func parameterGradient(_ context: LayerContext, _ pass: GradientPass) {}
    package func initialize(_ parameters: UnsafeMutablePointer<Float>, seed: UInt64, number: UInt64) {}
    package var inputFeatures: Int { inputShape.elementCount }
    package var outputFeatures: Int { outputShape.elementCount }
}
