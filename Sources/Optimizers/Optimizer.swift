import KernelContract
import Tensors

/// Applies an update rule to one worker's slice of the flat parameters and owns that slice's state.
package struct Optimizer: ~Copyable {
    package let description: OptimizerDescription
    private let slice: Range<Int>
    private let kernels: any KernelSet
    /// Adam's m, or SGD's velocity, of the slice.
    private let first: AlignedBuffer<Float>
    /// Adam's v of the slice.
    private let second: AlignedBuffer<Float>
    private var learningRate: Float = 0
    private var adam = AdamStep(
        stepSize: 0, oneMinusBeta1: 0, beta2: 0, oneMinusBeta2: 0, inverseRootBiasCorrection2: 1, epsilon: 0)

    package init(_ description: OptimizerDescription, slice: Range<Int>, kernels: any KernelSet) {
        self.description = description
        self.slice = slice
        self.kernels = kernels
        switch description {
        case .sgd(let momentum):
            first = AlignedBuffer(count: momentum == 0 ? 0 : slice.count)
            second = AlignedBuffer(count: 0)
        case .adam:
            first = AlignedBuffer(count: slice.count)
            second = AlignedBuffer(count: slice.count)
        }
    }

    /// Sets the constants of update number `step`, counted from 1.
    package mutating func begin(step: Int, learningRate: Double) {
        precondition(step >= 1, "Optimizer: step \(step) is below 1")
        self.learningRate = Float(learningRate)
        guard case .adam(let beta1, let beta2, let epsilon) = description else { return }
        let biasCorrection1 = 1 - power(beta1, step)
        let biasCorrection2 = 1 - power(beta2, step)
        adam = AdamStep(
            stepSize: Float(learningRate / biasCorrection1), oneMinusBeta1: Float(1 - beta1), beta2: Float(beta2),
            oneMinusBeta2: Float(1 - beta2), inverseRootBiasCorrection2: Float(1 / biasCorrection2.squareRoot()),
            epsilon: Float(epsilon))
    }

    /// Updates `parameters[range]`, with `gradient` beginning at `range`'s first float.
    package func update(
        _ range: Range<Int>, parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>
    ) {
        precondition(
            slice.lowerBound <= range.lowerBound && range.upperBound <= slice.upperBound,
            "Optimizer: \(range) is outside the slice \(slice)")
        let offset = range.lowerBound - slice.lowerBound
        switch description {
        case .sgd(let momentum):
            kernels.updateSGD(
                parameters: parameters + range.lowerBound, gradient: gradient,
                velocity: momentum == 0 ? nil : first.base + offset, count: range.count, learningRate: learningRate,
                momentum: Float(momentum))
        case .adam:
            kernels.updateAdam(
                parameters: parameters + range.lowerBound, gradient: gradient, m: first.base + offset,
                v: second.base + offset, count: range.count, step: adam)
        }
    }
}

/// `base` to a whole power by repeated squaring: no libm, the same bits everywhere.
func power(_ base: Double, _ exponent: Int) -> Double {
    var result = 1.0
    var square = base
    var rest = exponent
    while rest > 0 {
        if rest & 1 == 1 { result *= square }
        square *= square
        rest >>= 1
    }
    return result
}
