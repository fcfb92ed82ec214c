import KernelContract

extension ReferenceKernels {
    package func updateSGD(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
        velocity: UnsafeMutablePointer<Float>?, count: Int, step: SGDStep,
        posted: UnsafeMutablePointer<Float>?
    ) {
        for i in 0..<count {
            let g = decayed(gradient[i], parameters[i], step.weightDecay)
            var direction = g
            if let velocity {
                velocity[i] = flushed(g.addingProduct(velocity[i], step.momentum))
                direction = step.isNesterov ? g.addingProduct(velocity[i], step.momentum) : velocity[i]
            }
            parameters[i] = parameters[i].addingProduct(direction, -step.learningRate)
            posted?[i] = parameters[i]
        }
    }

    package func updateByRootMeanSquare(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, v: UnsafeMutablePointer<Float>,
        count: Int, step: RootMeanSquareStep, posted: UnsafeMutablePointer<Float>?
    ) {
        for i in 0..<count {
            let g = decayed(gradient[i], parameters[i], step.weightDecay)
            v[i] = flushed((v[i] * step.oldWeight).addingProduct(g * step.newWeight, g))
            parameters[i] = parameters[i].addingProduct(-step.learningRate, g / (v[i].squareRoot() + step.epsilon))
            posted?[i] = parameters[i]
        }
    }

    package func updateAdam(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, m: UnsafeMutablePointer<Float>,
        v: UnsafeMutablePointer<Float>, count: Int, step: AdamStep, posted: UnsafeMutablePointer<Float>?
    ) {
        for i in 0..<count {
            let g = decayed(gradient[i], parameters[i], step.weightDecay)
            if step.shrinkage != 1 { parameters[i] *= step.shrinkage }
            let denominator = advance(g, m: m + i, v: v + i, step)
            parameters[i] = parameters[i].addingProduct(-step.stepSize, m[i] / denominator)
            posted?[i] = parameters[i]
        }
    }

    package func updateNadam(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, m: UnsafeMutablePointer<Float>,
        v: UnsafeMutablePointer<Float>, count: Int, step: AdamStep, posted: UnsafeMutablePointer<Float>?
    ) {
        for i in 0..<count {
            let g = decayed(gradient[i], parameters[i], step.weightDecay)
            let denominator = advance(g, m: m + i, v: v + i, step)
            parameters[i] -= (g * step.gradientStepSize).addingProduct(m[i], step.stepSize) / denominator
            posted?[i] = parameters[i]
        }
    }

    package func directLAMB(
        parameters: UnsafePointer<Float>, gradient: UnsafePointer<Float>, m: UnsafeMutablePointer<Float>,
        v: UnsafeMutablePointer<Float>, count: Int, step: AdamStep, to direction: UnsafeMutablePointer<Float>
    ) {
        for i in 0..<count {
            let denominator = advance(gradient[i], m: m + i, v: v + i, step)
            direction[i] = (m[i] * step.stepSize / denominator).addingProduct(parameters[i], step.weightDecay)
        }
    }

    package func clamp(_ x: UnsafePointer<Float>, count: Int, limit: Float, to y: UnsafeMutablePointer<Float>) {
        for i in 0..<count { y[i] = x[i] > limit ? limit : x[i] < -limit ? -limit : x[i] }
    }

    package func scale(_ values: UnsafeMutablePointer<Float>, count: Int, by factor: Float) {
        for i in 0..<count { values[i] *= factor }
    }

    package func sumOfSquares(_ values: UnsafePointer<Float>, count: Int) -> Float {
        var lanes = [Float](repeating: 0, count: 16)
        for i in 0..<count { lanes[i % 16] = lanes[i % 16].addingProduct(values[i], values[i]) }
        return Reference.laneSum(lanes)
    }

    package func updateAverage(
        _ average: UnsafeMutablePointer<Float>, with x: UnsafePointer<Float>, count: Int, weight: Float
    ) {
        for i in 0..<count { average[i] = average[i].addingProduct(x[i] - average[i], weight) }
    }

    /// An optimizer's state as it is kept: 0 where it is subnormal.
    private func flushed(_ x: Float) -> Float {
        x < Float.leastNormalMagnitude && x > -Float.leastNormalMagnitude ? 0 : x
    }

    /// The gradient with coupled weight decay.
    private func decayed(_ g: Float, _ p: Float, _ weightDecay: Float) -> Float {
        weightDecay == 0 ? g : g.addingProduct(p, weightDecay)
    }

    /// Advances one element of Adam's moments and returns the denominator.
    private func advance(
        _ g: Float, m: UnsafeMutablePointer<Float>, v: UnsafeMutablePointer<Float>, _ step: AdamStep
    ) -> Float {
        m.pointee = flushed(m.pointee.addingProduct(g - m.pointee, step.oneMinusBeta1))
        v.pointee = flushed((v.pointee * step.beta2).addingProduct(g * step.oneMinusBeta2, g))
        return step.epsilon.addingProduct(v.pointee.squareRoot(), step.inverseRootBiasCorrection2)
    }
}
