import KernelContract

extension VariantKernels {
    /// Applies a vector operation to pairs; the rest of fewer than 16 goes through padded copies.
    @inline(__always)
    private func map(
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int, to z: UnsafeMutablePointer<Float>,
        _ operation: (Vector, Vector) -> Vector
    ) {
        var i = 0
        while i + 16 <= count {
            store(operation(load(x + i), load(y + i)), z + i)
            i += 16
        }
        guard i < count else { return }
        var restX = Vector(repeating: 0)
        var restY = restX
        for j in i..<count {
            restX[j - i] = x[j]
            restY[j - i] = y[j]
        }
        let result = operation(restX, restY)
        for j in i..<count { z[j] = result[j - i] }
    }

    @inline(never)
    package func activate(
        _ function: ActivationFunction, _ x: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>
    ) {
        let zero = constant(0)
        let number = constant(function.constant)
        switch function.kind {
        case .leakyReLU:
            map(x, count: count, to: y) { (number * $0).replacing(with: $0, where: $0 .> zero) }
        case .elu:
            map(x, count: count, to: y) {
                $0.replacing(with: number * vectorExponentialMinusOne($0), where: $0 .< zero)
            }
        case .selu:
            // Read here: a constant of another module is a call.
            let scale = constant(SELU.scale)
            let scaleAlpha = constant(SELU.scaleAlpha)
            map(x, count: count, to: y) {
                let isNegative = $0 .< zero
                return $0.replacing(with: vectorExponentialMinusOne($0), where: isNegative)
                    * scale.replacing(with: scaleAlpha, where: isNegative)
            }
        case .gelu:
            map(x, count: count, to: y) {
                $0.replacing(with: constant(-15), where: $0 .< constant(-15))
                    * vectorNormalDistribution($0).distribution
            }
        case .silu:
            map(x, count: count, to: y) {
                $0.replacing(with: constant(-104), where: $0 .< constant(-104)) * separateSigmoid($0).value
            }
        case .sigmoid:
            map(x, count: count, to: y) { vectorSigmoid($0).value }
        case .tanh:
            map(x, count: count, to: y) { vectorTanh($0) }
        case .softplus:
            map(x, count: count, to: y) {
                zero.replacing(with: $0, where: $0 .> zero)
                    + vectorLogarithmOfOnePlus(vectorExponential(negated(magnitude($0))))
            }
        case .identity:
            map(x, count: count, to: y) { $0 }
        }
    }

    @inline(never)
    package func activationGradient(
        _ function: ActivationFunction, source: UnsafePointer<Float>, dy: UnsafePointer<Float>, count: Int,
        to dx: UnsafeMutablePointer<Float>
    ) {
        let zero = constant(0)
        let one = constant(1)
        let number = constant(function.constant)
        switch function.kind {
        case .leakyReLU:
            map(source, dy, count: count, to: dx) { y, dy in (number * dy).replacing(with: dy, where: y .> zero) }
        case .elu:
            map(source, dy, count: count, to: dx) { y, dy in
                dy * (y + number).replacing(with: one, where: y .> zero)
            }
        case .selu:
            let scale = constant(SELU.scale)
            let scaleAlpha = constant(SELU.scaleAlpha)
            map(source, dy, count: count, to: dx) { y, dy in
                dy * (y + scaleAlpha).replacing(with: scale, where: y .> zero)
            }
        case .gelu:
            map(source, dy, count: count, to: dx) { x, dy in
                let bounded = bound(x, 15)
                let (distribution, bell) = vectorNormalDistribution(x)
                return dy * distribution.addingProduct(bounded * constant(0.398_942_280_401_432_7), bell)
            }
        case .silu:
            map(source, dy, count: count, to: dx) { x, dy in
                let (value, complement) = separateSigmoid(x)
                return dy * (value * one.addingProduct(bound(x, 104), complement))
            }
        case .sigmoid:
            map(source, dy, count: count, to: dx) { y, dy in dy * (y * (one - y)) }
        case .tanh:
            map(source, dy, count: count, to: dx) { y, dy in dy * one.addingProduct(negated(y), y) }
        case .softplus:
            map(source, dy, count: count, to: dx) { y, dy in dy * negated(vectorExponentialMinusOne(negated(y))) }
        case .identity:
            map(source, dy, count: count, to: dx) { $1 }
        }
    }

    /// x within ±limit; NaN stays.
    @inline(__always)
    private func bound(_ x: Vector, _ limit: Float) -> Vector {
        let low = x.replacing(with: constant(-limit), where: x .< constant(-limit))
        return low.replacing(with: constant(limit), where: low .> constant(limit))
    }

    @inline(never)
    package func multiplyElements(
        _ x: UnsafePointer<Float>, by factors: UnsafePointer<Float>, count: Int, to y: UnsafeMutablePointer<Float>
    ) {
        map(x, factors, count: count, to: y) { $0 * $1 }
    }
}
