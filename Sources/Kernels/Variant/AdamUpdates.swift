import KernelContract

/// Adam's constants in all lanes.
private struct AdamConstants {
    let oneMinusBeta1, beta2, oneMinusBeta2, inverseRoot, epsilon, decay: Vector
    let decays: Bool

    @inline(__always)
    init(_ step: AdamStep) {
        oneMinusBeta1 = Vector(repeating: step.oneMinusBeta1)
        beta2 = Vector(repeating: step.beta2)
        oneMinusBeta2 = Vector(repeating: step.oneMinusBeta2)
        inverseRoot = Vector(repeating: step.inverseRootBiasCorrection2)
        epsilon = Vector(repeating: step.epsilon)
        decay = Vector(repeating: step.weightDecay)
        decays = step.weightDecay != 0
    }
}

extension VariantKernels {
    @inline(never)
    package func updateAdam(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, m: UnsafeMutablePointer<Float>,
        v: UnsafeMutablePointer<Float>, count: Int, step: AdamStep, posted: UnsafeMutablePointer<Float>?
    ) {
        let constants = AdamConstants(step)
        let stepSize = Vector(repeating: -step.stepSize)
        let shrinkage = Vector(repeating: step.shrinkage)
        let shrinks = step.shrinkage != 1
        let target = UpdateTarget(parameters, posted: posted)
        var i = 0
        while i + 16 <= count {
            var p = load(UnsafePointer(parameters + i))
            var g = load(gradient + i)
            if constants.decays { g = g.addingProduct(p, constants.decay) }
            if shrinks { p *= shrinkage }
            let (newM, denominator) = advance(g, m: m + i, v: v + i, constants)
            target.put(p.addingProduct(stepSize, newM / denominator), i)
            i += 16
        }
        guard i < count else { return }
        withPadding(gradient + i, parameters + i, m + i, v + i, count: count - i, posted: posted.map { $0 + i }) {
            g, p, m, v in
            updateAdam(parameters: p, gradient: g, m: m, v: v, count: 16, step: step, posted: nil)
        }
    }

    @inline(never)
    package func updateNadam(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, m: UnsafeMutablePointer<Float>,
        v: UnsafeMutablePointer<Float>, count: Int, step: AdamStep, posted: UnsafeMutablePointer<Float>?
    ) {
        let constants = AdamConstants(step)
        let stepSize = Vector(repeating: step.stepSize)
        let gradientStepSize = Vector(repeating: step.gradientStepSize)
        let target = UpdateTarget(parameters, posted: posted)
        var i = 0
        while i + 16 <= count {
            let p = load(UnsafePointer(parameters + i))
            var g = load(gradient + i)
            if constants.decays { g = g.addingProduct(p, constants.decay) }
            let (newM, denominator) = advance(g, m: m + i, v: v + i, constants)
            let direction = (g * gradientStepSize).addingProduct(newM, stepSize)
            target.put(p - direction / denominator, i)
            i += 16
        }
        guard i < count else { return }
        withPadding(gradient + i, parameters + i, m + i, v + i, count: count - i, posted: posted.map { $0 + i }) {
            g, p, m, v in
            updateNadam(parameters: p, gradient: g, m: m, v: v, count: 16, step: step, posted: nil)
        }
    }

    @inline(never)
    package func directLAMB(
        parameters: UnsafePointer<Float>, gradient: UnsafePointer<Float>, m: UnsafeMutablePointer<Float>,
        v: UnsafeMutablePointer<Float>, count: Int, step: AdamStep, to direction: UnsafeMutablePointer<Float>
    ) {
        let constants = AdamConstants(step)
        let stepSize = Vector(repeating: step.stepSize)
        var i = 0
        while i + 16 <= count {
            let (newM, denominator) = advance(load(gradient + i), m: m + i, v: v + i, constants)
            let adaptive = newM * stepSize / denominator
            store(adaptive.addingProduct(load(parameters + i), constants.decay), direction + i)
            i += 16
        }
        guard i < count else { return }
        for j in i..<count { direction[j] = gradient[j] }
        // The direction takes the gradient's place in the copies.
        withPadding(parameters + i, direction + i, m + i, v + i, count: count - i, posted: nil) { p, direction, m, v in
            directLAMB(
                parameters: p, gradient: UnsafePointer(direction), m: m, v: v, count: 16, step: step, to: direction)
        }
    }

    /// Advances 16 elements of both moments; returns the new m and the denominator.
    @inline(__always)
    private func advance(
        _ g: Vector, m: UnsafeMutablePointer<Float>, v: UnsafeMutablePointer<Float>, _ constants: AdamConstants
    ) -> (m: Vector, denominator: Vector) {
        let oldM = load(UnsafePointer(m))
        let newM = flushed(oldM.addingProduct(g - oldM, constants.oneMinusBeta1))
        let newV = flushed((load(UnsafePointer(v)) * constants.beta2).addingProduct(g * constants.oneMinusBeta2, g))
        store(newM, m)
        store(newV, v)
        return (newM, constants.epsilon.addingProduct(newV.squareRoot(), constants.inverseRoot))
    }
}
