import CMachine
import KernelContract

extension VariantKernels {
    @inline(never)
    package func updateSGD(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
        velocity: UnsafeMutablePointer<Float>?, count: Int, step: SGDStep,
        posted: UnsafeMutablePointer<Float>?
    ) {
        let rate = Vector(repeating: -step.learningRate)
        let momentum = Vector(repeating: step.momentum)
        let decay = Vector(repeating: step.weightDecay)
        let decays = step.weightDecay != 0
        let target = UpdateTarget(parameters, posted: posted)
        var i = 0
        while i + 16 <= count {
            let p = load(UnsafePointer(parameters + i))
            var g = load(gradient + i)
            if decays { g = g.addingProduct(p, decay) }
            var direction = g
            if let velocity {
                let v = flushed(g.addingProduct(load(UnsafePointer(velocity + i)), momentum))
                store(v, velocity + i)
                direction = step.isNesterov ? g.addingProduct(v, momentum) : v
            }
            target.put(p.addingProduct(direction, rate), i)
            i += 16
        }
        guard i < count else { return }
        withPadding(
            gradient + i, parameters + i, velocity.map { $0 + i }, nil, count: count - i, posted: posted.map { $0 + i }
        ) { g, p, v, _ in
            updateSGD(
                parameters: p, gradient: g, velocity: velocity == nil ? nil : v, count: 16, step: step, posted: nil)
        }
    }

    @inline(never)
    package func updateByRootMeanSquare(
        parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, v: UnsafeMutablePointer<Float>,
        count: Int, step: RootMeanSquareStep, posted: UnsafeMutablePointer<Float>?
    ) {
        let rate = Vector(repeating: -step.learningRate)
        let oldWeight = Vector(repeating: step.oldWeight)
        let newWeight = Vector(repeating: step.newWeight)
        let epsilon = Vector(repeating: step.epsilon)
        let decay = Vector(repeating: step.weightDecay)
        let decays = step.weightDecay != 0
        let target = UpdateTarget(parameters, posted: posted)
        var i = 0
        while i + 16 <= count {
            let p = load(UnsafePointer(parameters + i))
            var g = load(gradient + i)
            if decays { g = g.addingProduct(p, decay) }
            let newV = flushed((load(UnsafePointer(v + i)) * oldWeight).addingProduct(g * newWeight, g))
            store(newV, v + i)
            target.put(p.addingProduct(rate, g / (newV.squareRoot() + epsilon)), i)
            i += 16
        }
        guard i < count else { return }
        withPadding(gradient + i, parameters + i, v + i, nil, count: count - i, posted: posted.map { $0 + i }) {
            g, p, v, _ in
            updateByRootMeanSquare(parameters: p, gradient: g, v: v, count: 16, step: step, posted: nil)
        }
    }
}

/// New parameters go to their place and, where `posted` is not nil, to where others read them: line by line between divisions
/// and roots, so that no line waits for the one before to leave.
struct UpdateTarget {
    private let parameters: UnsafeMutablePointer<Float>
    private let posted: UnsafeMutablePointer<Float>?
    private let streams: Bool

    @inline(__always)
    init(_ parameters: UnsafeMutablePointer<Float>, posted: UnsafeMutablePointer<Float>?) {
        self.parameters = parameters
        self.posted = posted
        streams = UInt(bitPattern: posted) % 64 == 0
    }

    /// 16 parameters from place `index` on.
    @inline(__always)
    func put(_ values: Vector, _ index: Int) {
        store(values, parameters + index)
        guard let posted else { return }
        if streams { lockstep_stream(values, posted + index) } else { store(values, posted + index) }
    }
}

/// An optimizer's state as it is kept (`OptimizerKernels`). Not a number stays what it is.
@inline(__always)
func flushed(_ x: Vector) -> Vector {
    let least = Vector(repeating: .leastNormalMagnitude)
    return x.replacing(
        with: Vector(repeating: 0), where: (x .< least) .& (x .> Vector(repeating: -.leastNormalMagnitude)))
}

extension VariantKernels {
    /// Calls `body` with copies of fewer than 16 floats, padded by zeros to 16, and takes back all but the gradient; what
    /// was `a` goes to `posted` too.
    @inline(__always)
    func withPadding(
        _ gradient: UnsafePointer<Float>, _ a: UnsafeMutablePointer<Float>, _ b: UnsafeMutablePointer<Float>?,
        _ c: UnsafeMutablePointer<Float>?, count: Int, posted: UnsafeMutablePointer<Float>?,
        _ body: (
            UnsafePointer<Float>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>
        ) -> Void
    ) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 64) { copies in
            let copy = copies.baseAddress.unsafelyUnwrapped
            for i in 0..<64 { copy[i] = 0 }
            for i in 0..<count {
                copy[i] = gradient[i]
                copy[16 + i] = a[i]
                if let b { copy[32 + i] = b[i] }
                if let c { copy[48 + i] = c[i] }
            }
            body(UnsafePointer(copy), copy + 16, copy + 32, copy + 48)
            for i in 0..<count {
                a[i] = copy[16 + i]
                if let posted { posted[i] = copy[16 + i] }
                if let b { b[i] = copy[32 + i] }
                if let c { c[i] = copy[48 + i] }
            }
        }
    }
}
