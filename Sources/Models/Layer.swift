import KernelContract
import Tensors

/// What a layer computes with: the kernels, their scratch memory, the flat parameters, and where in training it is.
package struct LayerContext {
    package let kernels: any KernelSet
    /// `KernelWorkspace.floatCount` floats.
    package let workspace: UnsafeMutablePointer<Float>
    package let parameters: UnsafePointer<Float>
    /// Those of the flat parameters that may be in this processor's caches; other workers post the rest past them.
    package let nearParameters: Range<Int>
    /// The flat running statistics (`Network.stateLayout`), which training updates. Every worker has the same.
    package let state: UnsafeMutablePointer<Float>
    package let mode: Mode

    package enum Mode {
        case training(TrainingPosition)
        case evaluation
    }

    package init(
        kernels: any KernelSet, workspace: UnsafeMutablePointer<Float>, parameters: UnsafePointer<Float>,
        nearParameters: Range<Int> = 0..<Int.max, state: UnsafeMutablePointer<Float>, mode: Mode = .evaluation
    ) {
        self.kernels = kernels
        self.workspace = workspace
        self.parameters = parameters
        self.nearParameters = nearParameters
        self.state = state
        self.mode = mode
    }
}

/// Which samples are at hand, and the batch that they are a part of.
package struct TrainingPosition {
    package let seed: UInt64
    package let epoch: UInt64
    /// The place in the epoch's order of the first sample at hand.
    package let position: Int
    package let batch: any BatchSums

    package init(seed: UInt64, epoch: UInt64, position: Int, batch: any BatchSums) {
        self.seed = seed
        self.epoch = epoch
        self.position = position
        self.batch = batch
    }
}

/// Sums over a whole batch in the middle of a pass, for layers that need them. Where several workers have a part of the
/// batch, `total` is collective: each calls it as often as the others, idle ones too.
package protocol BatchSums: AnyObject {
    /// Of the whole batch.
    var sampleCount: Int { get }
    var grainSize: Int { get }
    /// The samples of each own subtree of the canonical tree, counted from the first own sample.
    var subtrees: [Range<Int>] { get }
    /// `total[j]` = canonical tree over all grains of the batch. `subtreeSums` writes `columnCount` sums over the samples
    /// of one of the own `subtrees`.
    func total(
        columnCount: Int, to total: UnsafeMutablePointer<Float>,
        _ subtreeSums: (_ subtree: Int, _ sums: UnsafeMutablePointer<Float>) -> Void) throws
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
    /// `savedFloatsPerBatch` floats, kept until backward.
    package let batchSaved: UnsafeMutablePointer<Float>
    /// `scratchFloatCount(sampleCount:)` floats, shared by all layers: nothing stays in it.
    package let scratch: UnsafeMutablePointer<Float>

    package init(
        sampleCount: Int, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>,
        saved: UnsafeMutablePointer<Float>, batchSaved: UnsafeMutablePointer<Float>,
        scratch: UnsafeMutablePointer<Float>
    ) {
        self.sampleCount = sampleCount
        self.input = input
        self.output = output
        self.saved = saved
        self.batchSaved = batchSaved
        self.scratch = scratch
    }
}

package struct BackwardPass {
    package let sampleCount: Int
    package let input: UnsafePointer<Float>
    package let output: UnsafePointer<Float>
    package let saved: UnsafePointer<Float>
    package let batchSaved: UnsafePointer<Float>
    /// `[sampleCount, outputShape]`
    package let outputGradient: UnsafePointer<Float>
    /// `[sampleCount, inputShape]`; may be the output gradient's memory where the layer works in place.
    package let inputGradient: UnsafeMutablePointer<Float>
    /// By own subtree, the flat gradients that `parameterGradient` has written; nil where the layer is frozen.
    package let parameterGradients: UnsafePointer<UnsafeMutablePointer<Float>>?
    /// `scratchFloatCount(sampleCount:)` floats.
    package let scratch: UnsafeMutablePointer<Float>

    package init(
        sampleCount: Int, input: UnsafePointer<Float>, output: UnsafePointer<Float>, saved: UnsafePointer<Float>,
        batchSaved: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>,
        inputGradient: UnsafeMutablePointer<Float>,
        parameterGradients: UnsafePointer<UnsafeMutablePointer<Float>>? = nil, scratch: UnsafeMutablePointer<Float>
    ) {
        self.sampleCount = sampleCount
        self.input = input
        self.output = output
        self.saved = saved
        self.batchSaved = batchSaved
        self.outputGradient = outputGradient
        self.inputGradient = inputGradient
        self.parameterGradients = parameterGradients
        self.scratch = scratch
    }
}

/// The samples of one subtree of the canonical tree.
package struct GradientPass {
    package let sampleCount: Int
    package let grainSize: Int
    package let input: UnsafePointer<Float>
    package let saved: UnsafePointer<Float>
    package let batchSaved: UnsafePointer<Float>
    package let outputGradient: UnsafePointer<Float>
    /// The flat gradients, laid out as the parameters.
    package let gradients: UnsafeMutablePointer<Float>
    /// `scratchFloatCount(sampleCount:)` floats.
    package let scratch: UnsafeMutablePointer<Float>

    package init(
        sampleCount: Int, grainSize: Int, input: UnsafePointer<Float>, saved: UnsafePointer<Float>,
        batchSaved: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>,
        gradients: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) {
        self.sampleCount = sampleCount
        self.grainSize = grainSize
        self.input = input
        self.saved = saved
        self.batchSaved = batchSaved
        self.outputGradient = outputGradient
        self.gradients = gradients
        self.scratch = scratch
    }
}

/// What a dense layer's gradient is made of: its inputs and output gradients over the whole batch, of all workers.
package struct GradientFactors {
    package let grainSize: Int
    package let segments: UnsafeBufferPointer<GradientSegment>
    /// The same output gradients with one input that is always 1 for all samples: a bias.
    package let biasSegments: UnsafeBufferPointer<GradientSegment>

    package init(
        grainSize: Int, segments: UnsafeBufferPointer<GradientSegment>,
        biasSegments: UnsafeBufferPointer<GradientSegment>
    ) {
        self.grainSize = grainSize
        self.segments = segments
        self.biasSegments = biasSegments
    }
}

/// A layer whose gradient is a product of its inputs and output gradients, so that whoever sees those of all workers can
/// compute any part of it over the whole batch.
package protocol FactoredLayer: Layer {
    /// Floats that `gradient(of:_:_:in:)` needs for a range of `count`.
    func gradientBufferCount(_ count: Int) -> Int
    /// Writes the gradient of `range`, a part of one of the own tensors, into `buffer` and returns where it begins.
    func gradient(
        of range: Range<Int>, _ context: LayerContext, _ factors: GradientFactors,
        in buffer: UnsafeMutablePointer<Float>
    ) -> UnsafePointer<Float>
}

/// One layer with its place in the flat parameter buffer.
package protocol Layer: Sendable {
    /// Of one sample.
    var inputShape: Shape { get }
    var outputShape: Shape { get }
    /// How the output relates to the input's memory.
    var memory: OutputMemory { get }
    /// Whether backward reads the own output, so that the next layer must not overwrite it.
    var backwardReadsOutput: Bool { get }
    /// Whether a sample's output and input gradient depend on that sample alone, and cost no less when many samples come
    /// at once: the layer may run over a few samples after the other (`SampleBlocks`).
    var isSampleWise: Bool { get }
    /// What forward keeps for backward besides input and output: for each sample, and for the batch as a whole.
    var savedFloatsPerSample: Int { get }
    var savedFloatsPerBatch: Int { get }
    /// Sums that the layer asks `BatchSums` for at once, at most.
    var batchSumColumns: Int { get }
    var hasParameters: Bool { get }
    /// Whether an initialiser draws the tensor `weight`; other parameters begin alike always.
    var drawsWeight: Bool { get }
    /// Scratch memory that a pass over `sampleCount` samples needs besides the workspace; at most linear in it.
    func scratchFloatCount(sampleCount: Int) -> Int
    /// Floating-point operations of the forward products for one sample: 2 for each multiply-add.
    var flopsPerSample: Double { get }

    /// - Throws: Only what `BatchSums.total` throws.
    func forward(_ context: LayerContext, _ pass: ForwardPass) throws
    /// The parameters' gradients over the samples of one subtree.
    func parameterGradient(_ context: LayerContext, _ pass: GradientPass)
    func inputGradient(_ context: LayerContext, _ pass: BackwardPass) throws
    /// Writes the initial values of the own weights, which are 0 before, by `initializer`.
    func initialize(_ parameters: UnsafeMutablePointer<Float>, by initializer: Initializer, random: KeyedWeights)
    /// Writes the initial running statistics, which are 0 before.
    func initializeState(_ state: UnsafeMutablePointer<Float>)
}

/// How a layer's output relates to its input's memory. Gradients relate alike.
package enum OutputMemory: Sendable {
    /// Memory of its own.
    case own
    /// May take the input's place, which backward then does not need.
    case mayReplaceInput
    /// Is the input's memory: the same elements with another shape; nothing is computed.
    case isInput
}

extension Layer {
    package var memory: OutputMemory { .own }
    package var backwardReadsOutput: Bool { false }
    package var isSampleWise: Bool { false }
    package var savedFloatsPerSample: Int { 0 }
    package var savedFloatsPerBatch: Int { 0 }
    package var batchSumColumns: Int { 0 }
    package var hasParameters: Bool { false }
    package var drawsWeight: Bool { false }
    package var flopsPerSample: Double { 0 }
    package func scratchFloatCount(sampleCount: Int) -> Int { 0 }
    package func parameterGradient(_ context: LayerContext, _ pass: GradientPass) {}
    package func initialize(
        _ parameters: UnsafeMutablePointer<Float>, by initializer: Initializer, random: KeyedWeights
    ) {}
    package func initializeState(_ state: UnsafeMutablePointer<Float>) {}
    package var inputFeatures: Int { inputShape.elementCount }
    package var outputFeatures: Int { outputShape.elementCount }
}
