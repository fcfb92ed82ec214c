import Communication
import KernelContract
import Kernels
import Optimizers
import Tensors
import Testing

@Suite("Ten steps as PyTorch makes them")
struct OptimizerTests {
    /// The table of rules drives the test: one that the fixture lacks fails.
    @Test(arguments: OptimizerRule.allCases) func everyRuleIsCompared(rule: OptimizerRule) throws {
        let trainings = Fixture.shared.trainings.filter { $0.rule == rule.rawValue && $0.tensors == nil }
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
        let groups = Fixture.shared.trainings.filter { $0.rule == rule.rawValue }.compactMap(\.tensors)
        #expect(groups.contains { $0.contains { $0.learningRate != nil && $0.weightDecay != nil } })
        for tensor in Fixture.shared.start.indices { #expect(groups.contains { $0[tensor].isFrozen == true }) }
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
            update, tensors: training.tensorUpdates, layout: layout, slice: 0..<layout.floatCount, kernels: kernels,
            blockSums: sums.base,
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
        for (tensor, update) in training.tensorUpdates.enumerated() where update.isFrozen {
            #expect(layout.entries[tensor].range.map { parameters.base[$0] } == fixture.start[tensor])
        }
    }

    /// Groups change nothing where slices cut tensors: each worker's slice by itself, norms exchanged.
    @Test(arguments: OptimizerRule.allCases, [2, 3, 4])
    func slicesGiveTheSameBits(rule: OptimizerRule, size: Int) throws {
        var tensorsInOrder = ParameterLayout()
        for (name, count) in [("a", 3_000), ("b", 70), ("c", 2_100), ("d", 16)] { tensorsInOrder.append(name, [count]) }
        let layout = tensorsInOrder
        let tensors = [
            TensorUpdate(), TensorUpdate(isFrozen: true), TensorUpdate(learningRateFactor: 0.5, weightDecay: 0.1),
            TensorUpdate(),
        ]
        let update = UpdateDescription(
            OptimizerDescription(rule), clipping: GradientClipping(norm: 0.5), averageDecay: 0.9)
        func train(size: Int) throws -> [UInt32] {
            let parameters = AlignedBuffer<Float>(count: layout.floatCount)
            let averages = AlignedBuffer<Float>(count: layout.floatCount)
            let gradient = AlignedBuffer<Float>(count: layout.floatCount)
            // One number for each block and column.
            let sums = AlignedBuffer<Double>(count: 3 * 16)
            for i in 0..<layout.floatCount { parameters.base[i] = Float(i % 37 - 18) / 16 }
            nonisolated(unsafe) let (p, a, g, s) = (parameters.base, averages.base, gradient.base, sums.base)
            _ = try withWorkers(size == 1 ? .solo : .threads(size)) { communicator in
                let slice = layout.slice(of: communicator.rank, size: communicator.size)
                var optimizer = Optimizer(
                    update, tensors: tensors, layout: layout, slice: slice, kernels: KernelSelection.available[0],
                    blockSums: s, averages: a)
                for step in 1...3 {
                    for i in slice { g[i] = Float((i * 31 + step * 17) % 53 - 26) / 64 }
                    optimizer.begin(step: step, learningRate: 0.01)
                    optimizer.receive(slice, parameters: p, gradient: g + slice.lowerBound)
                    try optimizer.finish(parameters: p) { _ in try communicator.barrier() }
                    try communicator.barrier()
                }
            }
            return (0..<layout.floatCount).flatMap {
                [parameters.base[$0].bitPattern, averages.base[$0].bitPattern]
            }
        }
        #expect(try train(size: size) == train(size: 1))
    }
}
