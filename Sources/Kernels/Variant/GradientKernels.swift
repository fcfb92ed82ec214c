import KernelContract

extension VariantKernels {
    @inline(never)
    package func clamp(_ x: UnsafePointer<Float>, count: Int, limit: Float, to y: UnsafeMutablePointer<Float>) {
        let upper = Vector(repeating: limit)
        let lower = Vector(repeating: -limit)
        var i = 0
        while i + 16 <= count {
            var value = load(x + i)
            value = value.replacing(with: upper, where: value .> upper)
            store(value.replacing(with: lower, where: value .< lower), y + i)
            i += 16
        }
        while i < count {
            let value = x[i]
            y[i] = value > limit ? limit : value < -limit ? -limit : value
            i += 1
        }
    }

    @inline(never)
    package func scale(_ values: UnsafeMutablePointer<Float>, count: Int, by factor: Float) {
        let factors = Vector(repeating: factor)
        var i = 0
        while i + 16 <= count {
            store(load(UnsafePointer(values + i)) * factors, values + i)
            i += 16
        }
        while i < count {
            values[i] *= factor
            i += 1
        }
    }

    @inline(never)
    package func sumOfSquares(_ values: UnsafePointer<Float>, count: Int) -> Float {
        var lanes = Vector(repeating: 0)
        var i = 0
        while i + 16 <= count {
            let x = load(values + i)
            lanes = lanes.addingProduct(x, x)
            i += 16
        }
        if i < count {
            // Lanes beyond the end add 0², which changes no sum of squares.
            var rest = Vector(repeating: 0)
            for j in i..<count { rest[j - i] = values[j] }
            lanes = lanes.addingProduct(rest, rest)
        }
        return laneSum(lanes)
    }

    @inline(never)
    package func updateAverage(
        _ average: UnsafeMutablePointer<Float>, with x: UnsafePointer<Float>, count: Int, weight: Float
    ) {
        let weights = Vector(repeating: weight)
        var i = 0
        while i + 16 <= count {
            let old = load(UnsafePointer(average + i))
            store(old.addingProduct(load(x + i) - old, weights), average + i)
            i += 16
        }
        while i < count {
            average[i] = average[i].addingProduct(x[i] - average[i], weight)
            i += 1
        }
    }
}
