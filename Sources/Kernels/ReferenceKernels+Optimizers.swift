import KernelContract

extension ReferenceKernels {
    package func updateSGD(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
        velocity: UnsafeMutablePointer<Float>?, count: Int, learningRate: Float, momentum: Float
    ) {
        for i in 0..<count {
            var v = gradient[i]
            if let velocity {
                v = v.addingProduct(velocity[i], momentum)
                velocity[i] = v
            }
            parameters[i] = parameters[i].addingProduct(v, -learningRate)
        }
    }

    package func updateAdam(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, m: UnsafeMutablePointer<Float>,
        v: UnsafeMutablePointer<Float>, count: Int, step: AdamStep
    ) {
        for i in 0..<count {
            let g = gradient[i]
            m[i] = m[i].addingProduct(g - m[i], step.oneMinusBeta1)
            v[i] = (v[i] * step.beta2).addingProduct(g * step.oneMinusBeta2, g)
            let denominator = step.epsilon.addingProduct(v[i].squareRoot(), step.inverseRootBiasCorrection2)
            parameters[i] = parameters[i].addingProduct(-step.stepSize, m[i] / denominator)
        }
    }
}
