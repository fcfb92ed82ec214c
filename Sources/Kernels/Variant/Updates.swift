import KernelContract

/// Floats of one step of a tree sum: a few of them fit L1 beside each other.
private let treeBlock = 512

extension VariantKernels {
    @inline(never)
    package func treeSum(
        _ sources: UnsafeBufferPointer<UnsafePointer<Float>>, additions: UnsafeBufferPointer<Int>, offset: Int,
        count: Int, to destination: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>
    ) {
        guard sources.count > 1 else {
            for source in sources where source + offset != UnsafePointer(destination) {
                destination.update(from: source + offset, count: count)
            }
            return
        }
        withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: 64) { stack in
            for first in stride(from: 0, to: count, by: treeBlock) {
                let length = min(treeBlock, count - first)
                var depth = 0
                for leaf in 0..<sources.count {
                    stack[depth] = sources[leaf] + offset + first
                    depth += 1
                    for merge in 0..<additions[leaf] {
                        depth -= 1
                        let isLast = leaf == sources.count - 1 && merge == additions[leaf] - 1
                        let sum = isLast ? destination + first : workspace + (depth - 1) * treeBlock
                        add(stack[depth - 1], stack[depth], count: length, to: sum)
                        stack[depth - 1] = UnsafePointer(sum)
                    }
                }
            }
        }
    }

    @inline(__always)
    private func add(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int, to sum: UnsafeMutablePointer<Float>
    ) {
        var i = 0
        while i + 16 <= count {
            store(load(a + i) + load(b + i), sum + i)
            i += 16
        }
        while i < count {
            sum[i] = a[i] + b[i]
            i += 1
        }
    }

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
