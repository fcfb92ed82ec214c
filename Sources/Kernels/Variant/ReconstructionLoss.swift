import KernelContract

extension VariantKernels {
    @inline(never)
    package func reconstructionLoss(_ pass: ReconstructionPass) {
        switch pass.kind {
        case .crossEntropy: fatalError("reconstructionLoss: cross-entropy is no sum over outputs")
        case .meanSquaredError: sum(pass) { squaredError($0, $1) }
        case .meanAbsoluteError: sum(pass) { absoluteError($0, $1) }
        case .binaryCrossEntropy: sum(pass) { binaryCrossEntropy($0, $1) }
        }
    }

    /// Sums what `term` gives for each output in 16 strided lanes, then 8-4-2-1; its gradient is divided.
    @inline(__always)
    private func sum(_ pass: ReconstructionPass, _ term: (Vector, Vector) -> (loss: Vector, gradient: Vector)) {
        let denominator = constant(pass.denominator)
        let whole = pass.outputCount / 16 * 16
        for row in 0..<pass.rowCount {
            let outputs = pass.outputs + row * pass.rowStride
            let targets = pass.targets + row * pass.targetStride
            let gradients = pass.gradient.map { $0 + row * pass.rowStride }
            var lanes = constant(0)
            for j in stride(from: 0, to: whole, by: 16) {
                let (loss, gradient) = term(load(outputs + j), load(targets + j))
                lanes = lanes + loss
                if let gradients { store(gradient / denominator, gradients + j) }
            }
            if whole < pass.outputCount {
                let count = pass.outputCount - whole
                var x = constant(0)
                var z = constant(0)
                for lane in 0..<count {
                    x[lane] = outputs[whole + lane]
                    z[lane] = targets[whole + lane]
                }
                let (loss, gradient) = term(x, z)
                let quotient = gradient / denominator
                for lane in 0..<count {
                    lanes[lane] += loss[lane]
                    if let gradients { gradients[whole + lane] = quotient[lane] }
                }
            }
            pass.losses[row] = laneSum(lanes)
        }
    }
}

/// The loss of one output `x` against a target `z`, and its derivative.
@inline(__always)
func squaredError(_ x: Vector, _ z: Vector) -> (loss: Vector, gradient: Vector) {
    let difference = x - z
    return (difference * difference, difference + difference)
}

@inline(__always)
func absoluteError(_ x: Vector, _ z: Vector) -> (loss: Vector, gradient: Vector) {
    let (difference, zero) = (x - z, constant(0))
    // The difference itself at 0 and for NaN.
    let upper = difference.replacing(with: constant(1), where: difference .> zero)
    return (magnitude(difference), upper.replacing(with: constant(-1), where: difference .< zero))
}

@inline(__always)
func binaryCrossEntropy(_ x: Vector, _ z: Vector) -> (loss: Vector, gradient: Vector) {
    let probability = vectorSigmoid(x)
    let isPositive = x .> constant(0)
    let complement = constant(1) - z
    let softplus = vectorLogarithmOfOnePlus(vectorExponential(negated(magnitude(x))))
    return (
        softplus.addingProduct(magnitude(x), z.replacing(with: complement, where: isPositive)),
        (probability.value - z).replacing(with: complement - probability.complement, where: isPositive)
    )
}
