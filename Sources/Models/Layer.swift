import KernelContract

/// What a layer computes with: the kernels, their scratch memory, and the flat parameter buffer.
package struct LayerContext {
    package let kernels: any KernelSet
    /// `kernelWorkspaceFloatCount` floats.
    package let workspace: UnsafeMutablePointer<Float>
    package let parameters: UnsafePointer<Float>

    package init(
        kernels: any KernelSet, workspace: UnsafeMutablePointer<Float>, parameters: UnsafePointer<Float>
    ) {
        self.kernels = kernels
        self.workspace = workspace
        self.parameters = parameters
    }
}

/// One layer with its place in the flat parameter buffer. Rows are samples, contiguous; columns are features.
protocol Layer: Sendable {
    var inputFeatures: Int { get }
    var outputFeatures: Int { get }
    /// Whether the output takes the input's place; then `input` and `output` are the same memory.
    var worksInPlace: Bool { get }

    /// `output: [sampleCount, outputFeatures]` from `input: [sampleCount, inputFeatures]`.
    func forward(
        _ context: LayerContext, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>, sampleCount: Int)

    /// The parameters' gradients over the samples of one subtree of the canonical tree, into the flat `gradients`.
    func parameterGradient(
        _ context: LayerContext, input: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>, sampleCount: Int,
        grainSize: Int, gradients: UnsafeMutablePointer<Float>)

    /// `inputGradient: [sampleCount, inputFeatures]`; it may be `outputGradient` where the layer works in place.
    func inputGradient(
        _ context: LayerContext, output: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>, sampleCount: Int,
        inputGradient: UnsafeMutablePointer<Float>)
}
