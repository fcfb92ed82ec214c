import KernelContract
import Kernels
import Models
import Tensors

/// The samples at hand, cut into grains, and where in training they are.
package struct ReferenceBatch: Sendable {
    package let partition: GrainPartition
    package let mode: Mode

    package enum Mode: Hashable, Sendable {
        /// `position`: the place in the epoch's order of the batch's first sample.
        case training(seed: UInt64, epoch: UInt64, position: Int)
        case evaluation
    }

    package init(_ partition: GrainPartition, mode: Mode) {
        self.partition = partition
        self.mode = mode
    }

    /// The same place for the layers that train.
    var layerMode: LayerContext.Mode {
        switch mode {
        case .evaluation: .evaluation
        case .training(let seed, let epoch, let position):
            .training(
                TrainingPosition(
                    seed: seed, epoch: epoch, position: position,
                    batch: WholeBatch(sampleCount: sampleCount, grainSize: partition.grainSize)))
        }
    }

    package var sampleCount: Int { partition.sampleCount }
}

/// What a layer's backward pass starts from. Rows are samples.
package struct ReferencePass<Scalar: ReferenceScalar> {
    /// `[sampleCount, inputShape]`
    package let x: [Scalar]
    /// `[sampleCount, outputShape]`
    package let y: [Scalar]
    /// `[sampleCount, outputShape]`
    package let dy: [Scalar]
}

/// One layer of the slow twins, over the whole batch at once. Parameters and gradients are flat, as those of `Network`.
package protocol ReferenceLayer<Scalar>: Sendable {
    associatedtype Scalar: ReferenceScalar

    /// Of one sample.
    var inputShape: Shape { get }
    var outputShape: Shape { get }
    /// As people write it, for `lockstep explain`.
    var formula: LayerFormula { get }
    /// Whether each output depends on the input at its own index alone.
    var isElementwise: Bool { get }

    func forward(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Scalar]

    /// Returns the gradient at the input; writes those of the own parameters to their places in `gradients`.
    func backward(
        _ pass: ReferencePass<Scalar>, parameters: [Scalar], batch: ReferenceBatch, gradients: inout [Scalar]
    ) -> [Scalar]

    /// Which side of each kink the input is on. Between two inputs with the same answer the layer is smooth.
    func branches(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Int]

    /// For a layer whose outputs are sums or choices of inputs: of what each output of one sample is made.
    func terms(_ x: [Scalar]) -> [OutputTerms]?
}

extension ReferenceLayer {
    package var isElementwise: Bool { false }
    package func branches(_ x: [Scalar], parameters: [Scalar], batch: ReferenceBatch) -> [Int] { [] }
    package func terms(_ x: [Scalar]) -> [OutputTerms]? { nil }
    var inputFeatures: Int { inputShape.elementCount }
    var outputFeatures: Int { outputShape.elementCount }
}

/// Formulas in plain text: `x` or `z` comes in, `z` or `a` goes out.
package struct LayerFormula: Sendable {
    package let forward: String
    /// One a line.
    package let backward: [String]
    /// Of an element-wise layer: `da/dz = …`.
    package let derivative: String
    /// What a letter of the formulas is.
    package let note: String

    package init(forward: String, backward: [String], derivative: String = "", note: String = "") {
        self.forward = forward
        self.backward = backward
        self.derivative = derivative
        self.note = note
    }
}

/// One output as people compute it.
package struct OutputTerms: Sendable {
    package enum Kind: Sendable {
        /// `Σ weight · input + bias`: indices into the flat parameters, one weight for each input.
        case weightedSum(weights: [Int], bias: Int)
        case mean
        /// The greatest input, which is this one.
        case greatest(Int)
    }

    package let kind: Kind
    /// Indices of the inputs.
    package let inputs: [Int]
}
