import Foundation
import KernelContract
import Kernels
import Models
import Optimizers
import Tensors
import Testing

/// Ten steps of training by PyTorch in float64: Tests/Fixtures/training.py, which says how bounds are found.
private struct Golden: Decodable {
    struct Case: Decodable {
        let model: String
        let inputShape: [Int]
        let loss: String
        let labelSmoothing: Double
        let classWeights: [Double]
        let optimizer: String
        let learningRate: Double
        let schedule: String
        /// By tensor, in PyTorch's order: multiples of 1/256.
        let initial: [String: [Int]]
        /// By tensor, after the last step; running statistics as well.
        let final: [String: [Double]]
        /// By tensor, and of `losses` and `outputs`.
        let bounds: [String: Double]
        /// By step.
        let losses: [Double]
        /// In evaluation, after the last step.
        let outputs: [Double]
    }

    let versions: [String: String]
    let samples: Int
    let stepsPerEpoch: Int
    let seed: UInt64
    /// Multiples of 2⁻²⁰: the samples of every case, images with channels first.
    let pool: [Int]
    let labels: [UInt8]
    let cases: [Case]

    static let shared: Golden = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/training.json")
        do { return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file)) } catch {
            fatalError("\(file.path): \(error)")
        }
    }()
}

extension LayerDescription {
    /// The names of this layer and of those inside.
    fileprivate var names: [String] {
        let own = String(text.prefix { $0 != " " })
        guard case .residual(let block) = self else { return [own] }
        return [own] + (block.layers + block.shortcut).flatMap(\.names)
    }
}

@Suite("Ten steps of training as PyTorch makes them in float64")
struct TrainingGoldenTests {
    /// The tables of what is offered drive the test: what the fixture lacks fails.
    @Test("nothing is offered uncompared")
    func everythingIsCompared() throws {
        let cases = Golden.shared.cases
        let layers = try cases.flatMap { try ModelText.parse($0.model).flatMap(\.names) }
        #expect(Set(layers) == Set(ModelText.layerNames))
        #expect(Set(ActivationKind.allCases.map(\.rawValue)).isSubset(of: layers))
        #expect(Set(cases.map(\.loss)) == Set(LossKind.allCases.map(\.rawValue)))
        #expect(Set(cases.map(\.optimizer)) == Set(OptimizerRule.allCases.map(\.rawValue)))
        let schedules = Set(cases.map { String($0.schedule.prefix { $0 != " " }) })
        #expect(schedules == Set(ScheduleText.names))
        #expect(cases.contains { $0.labelSmoothing > 0 && $0.classWeights.isEmpty })
        #expect(cases.contains { $0.labelSmoothing == 0 && !$0.classWeights.isEmpty })
        #expect(cases.contains { $0.labelSmoothing > 0 && !$0.classWeights.isEmpty })
        #expect(cases.allSatisfy { $0.losses.count == 10 })
        #expect(Golden.shared.versions["torch"]?.hasPrefix("2.") == true)
    }

    @Test(arguments: Golden.shared.cases.indices.map { $0 }, KernelSelection.available.map(\.instructionSet))
    func agrees(number: Int, instructionSet: InstructionSet) throws {
        let test = Golden.shared.cases[number]
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        let found = try GoldenTraining(test, kernels)
        let name = "\(test.model), \(test.loss), \(test.optimizer), \(test.schedule)"
        for (step, (own, exact)) in zip(found.losses, test.losses).enumerated() {
            #expect(abs(own - exact) <= test.bounds["losses"]!, "loss of step \(step): \(own), \(exact); \(name)")
        }
        #expect(found.outputs.count == test.outputs.count)
        for (own, exact) in zip(found.outputs, test.outputs) {
            #expect(abs(Double(own) - exact) <= test.bounds["outputs"]!, "\(own), PyTorch \(exact); \(name)")
        }
        #expect(Set(found.tensors.keys) == Set(test.final.keys), "\(name)")
        var moved = 0.0
        for (tensor, values) in test.final {
            let own = try #require(found.tensors[tensor])
            let bound = try #require(test.bounds[tensor])
            #expect(own.count == values.count)
            for (index, exact) in values.enumerated() {
                #expect(
                    abs(Double(own[index]) - exact) <= bound,
                    "\(tensor) \(index): \(own[index]), PyTorch \(exact), bound \(bound); \(name)")
            }
            guard let initial = test.initial[tensor] else { continue }
            for (before, after) in zip(initial, values) { moved = max(moved, abs(after - Double(before) / 256)) }
        }
        // The bounds can tell rules apart.
        #expect(test.initial.keys.allSatisfy { test.bounds[$0]! <= moved * 1e-3 }, "\(name)")
    }
}

/// The same training by Lockstep.
private struct GoldenTraining {
    private(set) var losses: [Double] = []
    /// As PyTorch stores them.
    private(set) var tensors: [String: [Float]] = [:]
    private(set) var outputs: [Float] = []

    init(_ test: Golden.Case, _ kernels: any KernelSet) throws {
        let golden = Golden.shared
        let (samples, partition) = (golden.samples, GrainPartition(sampleCount: golden.samples, grainSize: 5))
        let network = try Network(ModelText.parse(test.model), inputShape: Shape(test.inputShape), classCount: 3)
        let parameters = AlignedMemory(count: network.layout.floatCount)
        let gradients = AlignedMemory(count: network.layout.floatCount)
        let state = AlignedMemory(count: network.stateLayout.floatCount + 1)
        let workspace = AlignedMemory(count: KernelWorkspace.floatCount)
        let blockSums = AlignedBuffer<Double>(count: network.layout.floatCount)
        for entry in network.layout.entries {
            let values = try #require(test.initial[entry.name], "\(entry.name) of \(test.model)")
            try #require(values.count == entry.range.count)
            entry.forEachStored { parameters.base[entry.range.lowerBound + $1] = Float(values[$0]) / 256 }
        }
        network.initializeState(state.base)
        let activations = Activations(network: network, capacity: samples)
        let rowLosses = AlignedMemory(count: samples)
        let predictions = AlignedBuffer<UInt8>(count: samples)
        let labels = AlignedBuffer<UInt8>(count: samples)
        labels.base.update(from: golden.labels, count: samples)
        let kind = try #require(LossKind(rawValue: test.loss))
        let loss = try Loss(
            LossDescription(kind, labelSmoothing: test.labelSmoothing, classWeights: test.classWeights), outputCount: 3)
        let denominator = loss.denominator(partition) { golden.labels[$0] }
        let rule = try #require(OptimizerRule(rawValue: test.optimizer))
        var optimizer = Optimizer(
            UpdateDescription(OptimizerDescription(rule)), layout: network.layout,
            slice: 0..<network.layout.floatCount, kernels: kernels, blockSums: blockSums.base,
            averages: gradients.base)
        let stepCount = test.losses.count
        var schedule = Schedule(
            try ScheduleText.parse(test.schedule), learningRate: test.learningRate,
            stepsPerEpoch: golden.stepsPerEpoch, totalSteps: stepCount)
        func context(_ mode: LayerContext.Mode) -> LayerContext {
            LayerContext(
                kernels: kernels, workspace: workspace.base, parameters: parameters.base, state: state.base, mode: mode)
        }
        for step in 0..<stepCount {
            Self.fill(activations.input, network.inputShape)
            let training = context(
                .training(
                    TrainingPosition(
                        seed: golden.seed, epoch: UInt64(step / golden.stepsPerEpoch + 1),
                        position: step % golden.stepsPerEpoch * samples,
                        batch: WholeBatch(sampleCount: samples, grainSize: partition.grainSize))))
            try activations.forward(training, sampleCount: samples)
            loss.evaluate(
                LossPass(
                    kind, rowCount: samples, classCount: 3, outputs: activations.logits, rowStride: 3,
                    labels: labels.base, denominator: Float(denominator), losses: rowLosses.base,
                    predictions: predictions.base, gradient: activations.logitsGradient),
                kernels: kernels, workspace: workspace.base)
            losses.append((0..<samples).reduce(0.0) { $0 + Double(rowLosses.base[$1]) } / denominator)
            try activations.backward(
                training, sampleCount: samples, grainSize: partition.grainSize, subtrees: [0..<samples]
            ) { _ in gradients.base }
            optimizer.begin(step: step + 1, learningRate: schedule.learningRate(step: step))
            optimizer.receive(0..<network.layout.floatCount, parameters: parameters.base, gradient: gradients.base)
            try optimizer.finish(parameters: parameters.base) { _ in }
            if (step + 1) % golden.stepsPerEpoch == 0 {
                schedule.finishEpoch(
                    loss: losses.suffix(golden.stepsPerEpoch).reduce(0, +) / Double(golden.stepsPerEpoch))
            }
        }
        Self.fill(activations.input, network.inputShape)
        try activations.forward(context(.evaluation), sampleCount: samples)
        outputs = (0..<samples * 3).map { activations.logits[$0] }
        for entry in network.layout.entries {
            tensors[entry.name] = entry.stored(parameters.base + entry.range.lowerBound)
        }
        for entry in network.stateLayout.entries {
            tensors[entry.name] = entry.stored(state.base + entry.range.lowerBound)
        }
    }

    /// The pool's samples; images from channels first to channels last.
    private static func fill(_ input: UnsafeMutablePointer<Float>, _ shape: Shape) {
        let channels = shape.extents.count == 3 ? shape.extents[2] : 1
        let positions = shape.elementCount / channels
        for sample in 0..<Golden.shared.samples {
            for element in 0..<shape.elementCount {
                let (channel, position) = (element / positions, element % positions)
                input[sample * shape.elementCount + position * channels + channel] =
                    Float(Golden.shared.pool[sample * shape.elementCount + element]) * 0x1p-20
            }
        }
    }
}
