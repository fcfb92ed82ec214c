import KernelContract

extension VariantKernels {
    @inline(never)
    package func updateSGD(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
        velocity: UnsafeMutablePointer<Float>?, count: Int, learningRate: Float, momentum: Float
    ) {
        let rate = Vector(repeating: -learningRate)
        let momentumVector = Vector(repeating: momentum)
        var i = 0
        while i + 16 <= count {
            var v = load(gradient + i)
            if let velocity {
                v = v.addingProduct(load(UnsafePointer(velocity + i)), momentumVector)
                store(v, velocity + i)
            }
            store(load(UnsafePointer(parameters + i)).addingProduct(v, rate), parameters + i)
            i += 16
        }
        while i < count {
            var v = gradient[i]
            if let velocity {
                v.addProduct(velocity[i], momentum)
                velocity[i] = v
            }
            parameters[i].addProduct(v, -learningRate)
            i += 1
        }
    }

    @inline(never)
    package func updateAdam(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, m: UnsafeMutablePointer<Float>,
        v: UnsafeMutablePointer<Float>, count: Int, step: AdamStep
    ) {
        let oneMinusBeta1 = Vector(repeating: step.oneMinusBeta1)
        let beta2 = Vector(repeating: step.beta2)
        let oneMinusBeta2 = Vector(repeating: step.oneMinusBeta2)
        let inverseRoot = Vector(repeating: step.inverseRootBiasCorrection2)
        let epsilon = Vector(repeating: step.epsilon)
        let stepSize = Vector(repeating: -step.stepSize)
        var i = 0
        while i + 16 <= count {
            let g = load(gradient + i)
            let oldM = load(UnsafePointer(m + i))
            let newM = oldM.addingProduct(g - oldM, oneMinusBeta1)
            let newV = (load(UnsafePointer(v + i)) * beta2).addingProduct(g * oneMinusBeta2, g)
            let denominator = epsilon.addingProduct(newV.squareRoot(), inverseRoot)
            store(newM, m + i)
            store(newV, v + i)
            store(load(UnsafePointer(parameters + i)).addingProduct(stepSize, newM / denominator), parameters + i)
            i += 16
        }
        while i < count {
            let g = gradient[i]
            m[i].addProduct(g - m[i], step.oneMinusBeta1)
            v[i] = (v[i] * step.beta2).addingProduct(g * step.oneMinusBeta2, g)
            let denominator = step.epsilon.addingProduct(v[i].squareRoot(), step.inverseRootBiasCorrection2)
            parameters[i].addProduct(-step.stepSize, m[i] / denominator)
            i += 1
        }
    }
}
