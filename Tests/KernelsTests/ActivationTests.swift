import Foundation
import KernelContract
import Kernels
import Testing

let activationFunctions: [ActivationFunction] =
    ActivationKind.allCases.map { ActivationFunction($0) }
    + ActivationKind.allCases.filter { $0.constant != nil }.map { ActivationFunction($0, constant: 0.3) }

@Suite("Activations")
struct ActivationTests {
    private static let inputs = TranscendentalTests.inputs

    private static func activate(_ kernels: any KernelSet, _ function: ActivationFunction, _ x: [Float]) -> [Float] {
        var y = [Float](repeating: .nan, count: x.count)
        kernels.activate(function, x, count: x.count, to: &y)
        return y
    }

    private static func gradient(
        _ kernels: any KernelSet, _ function: ActivationFunction, source: [Float], dy: [Float]
    ) -> [Float] {
        var dx = [Float](repeating: .nan, count: dy.count)
        kernels.activationGradient(function, source: source, dy: dy, count: dy.count, to: &dx)
        return dx
    }

    /// All NaNs count as one.
    private func firstDifference(_ a: [Float], _ b: [Float]) -> Int? {
        zip(a, b).enumerated().first { $1.0.bitPattern != $1.1.bitPattern && !($1.0.isNaN && $1.1.isNaN) }?.offset
    }

    @Test("the same bits on every instruction set", arguments: variants.map(\.instructionSet), activationFunctions)
    func bitsEqual(instructionSet: InstructionSet, function: ActivationFunction) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        let x = Self.inputs
        let y = Self.activate(reference, function, x)
        let different = firstDifference(Self.activate(kernels, function, x), y)
        #expect(different == nil, "value at \(x[different ?? 0])")
        let source = function.kind.gradientNeedsInput ? x : y
        let dy = randomValues(x.count, seed: 40)
        let dx = Self.gradient(kernels, function, source: source, dy: dy)
        let expected = Self.gradient(reference, function, source: source, dy: dy)
        let apart = firstDifference(dx, expected) ?? 0
        #expect(
            bits([dx[apart]]) == bits([expected[apart]]),
            "gradient at \(source[apart]), dy \(dy[apart]): \(dx[apart]), not \(expected[apart])")
    }

    @Test("sizes around a vector's, in place", arguments: variants.map(\.instructionSet), activationFunctions)
    func sizes(instructionSet: InstructionSet, function: ActivationFunction) throws {
        let kernels = try #require(variants.first { $0.instructionSet == instructionSet })
        for count in ElementwiseTests.counts {
            func run(_ kernels: any KernelSet) -> [[UInt32]] {
                var y = randomValues(count + 1, seed: 41)
                y.withUnsafeMutableBufferPointer {
                    kernels.activate(function, $0.baseAddress!, count: count, to: $0.baseAddress!)
                }
                let source = y
                var dx = randomValues(count + 1, seed: 42)
                dx.withUnsafeMutableBufferPointer {
                    kernels.activationGradient(
                        function, source: source, dy: $0.baseAddress!, count: count, to: $0.baseAddress!)
                }
                return [bits(y), bits(dx)]
            }
            #expect(run(kernels) == run(reference), "count \(count)")
            #expect(run(kernels)[0][count] == randomValues(count + 1, seed: 41)[count].bitPattern)
        }
    }

    /// Greatest errors in ULP where the exact value is a normal Float (and e^x, for silu); docs/NUMERICS.md quotes them.
    private static let bounds: [ActivationKind: Double] = [
        .leakyReLU: 0.51, .elu: 2, .selu: 2, .gelu: 6, .silu: 3, .sigmoid: 2.5, .tanh: 3, .softplus: 3, .identity: 0,
    ]

    @Test("within the stated ULP of the Double value", arguments: activationFunctions)
    func accuracy(function: ActivationFunction) throws {
        let y = Self.activate(reference, function, Self.inputs)
        var worst = (error: 0.0, x: Float(0))
        for (x, y) in zip(Self.inputs, y) where x.isFinite {
            let exact = exactActivation(function, Double(x))
            guard Float(exact).isNormal, function.kind != .silu || x > -87 else { continue }
            let error = abs(Double(y) - exact) / Double(Float(exact).ulp)
            if error > worst.error { worst = (error, x) }
        }
        let bound = try #require(Self.bounds[function.kind])
        #expect(worst.error <= bound, "\(worst.error) ULP at \(worst.x)")
        #expect(bound == 0 || worst.error > bound / 3, "the bound is loose: \(worst.error) ULP")
    }

    @Test("special values", arguments: KernelSelection.available.map(\.instructionSet), activationFunctions)
    func special(instructionSet: InstructionSet, function: ActivationFunction) throws {
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        let number = function.constant
        let x: [Float] = [.nan, .infinity, -.infinity, -0.0, 0]
        let y = Self.activate(kernels, function, x)
        #expect(y[0].isNaN)
        let limits: (Float, Float) =
            switch function.kind {
            case .leakyReLU, .identity: (.infinity, -.infinity)
            case .elu: (.infinity, -number)
            case .selu: (.infinity, -SELU.scaleAlpha)
            case .gelu, .silu, .softplus: (.infinity, 0)
            case .sigmoid: (1, 0)
            case .tanh: (1, -1)
            }
        #expect(y[1] == limits.0 && y[2] == limits.1, "\(y)")
        switch function.kind {
        case .sigmoid: #expect(y[3] == 0.5 && y[4] == 0.5)
        case .softplus: #expect(y[3] == Float(log(2.0)) && y[4] == y[3])
        default: #expect(bits([y[3], y[4]]) == bits([-0.0, 0]), "\(y)")
        }
        let gradient = Self.gradient(
            kernels, function, source: function.kind.gradientNeedsInput ? x : y, dy: [1, 1, 1, 1, 1])
        // Piecewise linear functions have a slope, NaN or not; the others carry NaN on.
        #expect(gradient[0].isNaN || [.leakyReLU, .identity].contains(function.kind), "\(gradient)")
        let slopes: (Float, Float) =
            switch function.kind {
            case .leakyReLU: (1, number)
            case .identity: (1, 1)
            case .selu: (SELU.scale, 0)
            case .elu, .gelu, .silu, .softplus: (1, 0)
            case .sigmoid, .tanh: (0, 0)
            }
        #expect(gradient[1] == slopes.0 && gradient[2] == slopes.1, "\(gradient)")
    }

    @Test("gradients are central differences of the definition", arguments: activationFunctions)
    func differences(function: ActivationFunction) {
        let x = (-96...96).map { Float($0) * 0.11 + 0.003 }
        let y = Self.activate(reference, function, x)
        let dx = Self.gradient(
            reference, function, source: function.kind.gradientNeedsInput ? x : y, dy: x.map { _ in 1 })
        let h = 1e-5
        for (x, dx) in zip(x, dx) {
            let upper = exactActivation(function, Double(x) + h)
            let slope = (upper - exactActivation(function, Double(x) - h)) / (2 * h)
            #expect(abs(Double(dx) - slope) < 4e-7, "f′(\(x)) = \(dx), differences give \(slope)")
        }
    }
}
