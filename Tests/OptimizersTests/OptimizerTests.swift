import KernelContract
import Kernels
import Optimizers
import Tensors
import Testing

@Suite("Ten steps as PyTorch makes them")
struct OptimizerTests {
    /// The table of rules drives the test: one that the fixture lacks fails.
    @Test(arguments: OptimizerRule.allCases) func everyRuleIsCompared(rule: OptimizerRule) throws {
        let trainings = Fixture.shared.trainings.filter { $0.rule == rule.rawValue }
        // Defaults, another weight decay, clipping.
        try #require(trainings.count >= 3)
        #expect(trainings.contains { $0.clipNorm != nil })
        for hyperparameter in rule.defaults.map(\.hyperparameter) where hyperparameter != .epsilon {
            let values = Set(trainings.map { $0.hyperparameters[hyperparameter.rawValue] })
            #expect(values.count > 1, "\(hyperparameter.rawValue) is the same in all trainings")
        }
        // The fixture states PyTorch's defaults; ours must be those.
        let plain = try #require(trainings.first { $0.isDefault && $0.clipNorm == nil && $0.average == nil })
        #expect(plain.description() == UpdateDescription(OptimizerDescription(rule)))
    }

    @Test(arguments: Array(Fixture.shared.trainings.indices), KernelSelection.available.map(\.instructionSet))
    func parametersAgree(index: Int, instructionSet: InstructionSet) throws {
        let fixture = Fixture.shared
        let training = fixture.trainings[index]
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        let update = try #require(training.description())
        var layout = ParameterLayout()
        for (tensor, values) in fixture.start.enumerated() { layout.append("\(tensor)", [values.count]) }
        let parameters = AlignedBuffer<Float>(count: layout.floatCount)
        let averages = AlignedBuffer<Float>(count: layout.floatCount)
        let gradient = AlignedBuffer<Float>(count: layout.floatCount)
        let sums = AlignedBuffer<Double>(count: 3 * layout.entries.count)
        for (entry, values) in zip(layout.entries, fixture.start) {
            for (i, value) in zip(entry.range, values) { parameters.base[i] = value }
        }
        var optimizer = Optimizer(
            update, layout: layout, slice: 0..<layout.floatCount, kernels: kernels, blockSums: sums.base,
            averages: averages.base)
        for (step, tensors) in fixture.gradients.enumerated() {
            for (entry, values) in zip(layout.entries, tensors) {
                for (i, value) in zip(entry.range, values) { gradient.base[i] = value }
            }
            optimizer.begin(step: step + 1, learningRate: training.learningRate)
            optimizer.receive(0..<layout.floatCount, parameters: parameters.base, gradient: gradient.base)
            try optimizer.finish(parameters: parameters.base) { _ in }
        }
        // Each step rounds p once, and p's change, made by at most 16 roundings, by 16 · 2⁻²⁴ of itself.
        let greatest = fixture.start.joined().map { abs(Double($0)) }.max()!
        var moved = 0.0
        for (before, after) in zip(fixture.start.joined(), training.parameters.joined()) {
            moved = max(moved, abs(after - Double(before)))
        }
        let tolerance = Double(fixture.gradients.count) * 0x1p-24 * (greatest + moved + 16 * moved)
        func compare(_ found: borrowing AlignedBuffer<Float>, _ expected: [[Double]]) {
            for (entry, values) in zip(layout.entries, expected) {
                for (i, value) in zip(entry.range, values) {
                    let apart = abs(Double(found.base[i]) - value)
                    #expect(apart <= tolerance, "\(training.rule) \(i): \(found.base[i]), PyTorch \(value)")
                }
            }
        }
        // The tolerance can tell rules apart.
        #expect(tolerance < moved * 1e-3)
        compare(parameters, training.parameters)
        if let expected = training.averages { compare(averages, expected) }
    }
}
