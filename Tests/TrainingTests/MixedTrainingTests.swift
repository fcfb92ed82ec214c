import Communication
import DataLoading
import Errors
import KernelContract
import Kernels
import Models
import Tensors
import Testing
import Training

@Suite("Training on mixed pictures")
struct MixedTrainingTests {
    private static let (sampleCount, height, width) = (
        MadePictures.sampleCount, MadePictures.height, MadePictures.width
    )
    private static let (epochs, batchSize) = (2, 24)

    private static func order(_ epoch: Int) -> EpochOrder {
        EpochOrder(
            indices: (0..<sampleCount).map { Int32($0) }, seed: 5, epoch: UInt64(epoch), batchSize: batchSize)
    }

    /// One sample of a batch, made by the definitions.
    private struct Made {
        let pixels: [UInt8]
        let label, partner: Int
        let share: Float
    }

    private static func batch(_ step: Int, of epoch: Int, _ augmentation: Augmentation) throws -> [Made] {
        let images = try MadePictures.images()
        let order = order(epoch)
        let positions = order.positions(ofStep: step)
        func changed(_ sample: Int32) -> [UInt8] {
            augmentation.reference(
                images.image(Int(sample)), height: height, width: width, channels: 1, seed: 5, epoch: UInt64(epoch),
                sample: UInt64(sample))
        }
        return positions.map { position in
            let draw = augmentation.mixing.draw(
                seed: 5, epoch: UInt64(epoch), position: position, batch: positions, height: height, width: width)
            let (own, other) = (order.samples[position], order.samples[positions.lowerBound + draw.partner])
            return Made(
                pixels: draw.reference(changed(own), changed(other), width: width, channels: 1),
                label: Int(images.labels[Int(own)]), partner: Int(images.labels[Int(other)]), share: draw.share)
        }
    }

    struct Outcome: Equatable {
        var losses: [Double] = []
        var correctCounts: [Int] = []
        /// Tensors, one after the other.
        var parameters: [UInt32] = []
    }

    private static func options(_ change: (inout TrainingOptions) -> Void) -> TrainingOptions {
        var options = TrainingOptions()
        (options.batchSize, options.learningRate, options.optimizer, options.seed) = (24, 0.1, "sgd", 5)
        change(&options)
        return options
    }

    private static func tensors(_ network: Network, _ values: UnsafePointer<Float>) -> [Float] {
        network.layout.entries.flatMap { entry in entry.range.map { values[$0] } }
    }

    private static func train(
        _ options: TrainingOptions, threads: Int, kernels: any KernelSet
    ) throws -> Outcome {
        let configuration = try options.resolved()
        let images = try MadePictures.images()
        return try withWorkers(threads == 1 ? .solo : .threads(threads)) { communicator in
            let network = try network(configuration)
            var trainer = try Trainer(
                configuration, network: network, images: images, sampleCount: sampleCount, kernels: kernels,
                communicator: communicator)
            let length = RunLength(configuration, sampleCount: sampleCount)
            var outcome = Outcome()
            for epoch in 1...epochs {
                let order = order(epoch)
                for index in 0..<length.stepsPerEpoch {
                    let result = try trainer.step(order, index: index, learningRate: 0.1)
                    outcome.losses.append(result.lossSum / result.lossDenominator)
                    outcome.correctCounts.append(result.correctCount)
                }
            }
            try communicator.barrier()
            outcome.parameters = tensors(network, trainer.parameters).map(\.bitPattern)
            return outcome
        }[0]
    }

    private static func network(_ configuration: TrainingConfiguration) throws -> Network {
        try Network(
            configuration.model, inputShape: [height, width],
            outputs: configuration.loss.target == .input ? .inputs : .classes(4))
    }

    /// One dense layer and gradient descent, as plain loops: the definition.
    private static func slowly(_ options: TrainingOptions) throws -> Outcome {
        let configuration = try options.resolved()
        let network = try network(configuration)
        let buffer = AlignedBuffer<Float>(count: network.layout.floatCount)
        network.initialize(buffer.base, seed: 5)
        let inputs = height * width
        // `[inputs, 4]`, then `[4]`.
        var (weight, bias) = (Array(tensors(network, buffer.base)[..<(inputs * 4)]), [Float](repeating: 0, count: 4))
        let loss = configuration.loss
        let classWeights =
            loss.classWeights.isEmpty ? [Float](repeating: 1, count: 4) : loss.classWeights.map { Float($0) }
        let shares = ReferenceClassShares(
            labelShare: Float(1 - loss.labelSmoothing), uniformShare: Float(loss.labelSmoothing / 4),
            weights: classWeights, totalWeight: Float(classWeights.reduce(0.0) { $0 + Double($1) }))
        var outcome = Outcome()
        for epoch in 1...epochs {
            for step in 0..<order(epoch).stepCount {
                let batch = try batch(step, of: epoch, configuration.data.augmentation)
                let partition = GrainPartition(sampleCount: batch.count, grainSize: configuration.grainSize)
                func sum<Number>(_ zero: Number, _ add: (Number, Number) -> Number, _ term: (Number, Int) -> Number)
                    -> Number
                {
                    CanonicalTree.sum(
                        count: partition.grainCount, zero: zero,
                        { partition.samples(of: $0..<$0 + 1).reduce(zero, term) }, add)
                }
                let pixels = batch.map { $0.pixels.map { Float($0) / 255 } }
                let denominator: Double
                switch loss.kind {
                case .crossEntropy where loss.classWeights.isEmpty: denominator = Double(batch.count)
                case .crossEntropy:
                    denominator = sum(0, +) { sum, s in
                        let (own, other) = (classWeights[batch[s].label], classWeights[batch[s].partner])
                        return sum + (Double(batch[s].share) * Double(own) + Double(1 - batch[s].share) * Double(other))
                    }
                default: denominator = Double(batch.count * 4)
                }
                let rows = batch.indices.map { s -> (RowLoss<Float>, Int) in
                    let outputs = (0..<4).map { (j: Int) -> Float in
                        var chain: Float = 0
                        for k in 0..<inputs { chain = chain.addingProduct(pixels[s][k], weight[k * 4 + j]) }
                        return chain + 0 + bias[j]
                    }
                    let (label, partner, share) = (batch[s].label, batch[s].partner, batch[s].share)
                    guard loss.kind != .crossEntropy else {
                        let result = Reference.mixedCrossEntropy(
                            outputs, label: label, partner: partner, share: share, shares: shares)
                        return (result, Reference.prediction(outputs))
                    }
                    var targets = [Float](repeating: 0, count: 4)
                    targets[label] += share
                    targets[partner] += 1 - share
                    let result = Reference.reconstructionLoss(loss.kind, outputs, targets: targets)
                    return (result, Reference.prediction(outputs))
                }
                outcome.losses.append(sum(0.0, +) { $0 + Double(rows[$1].0.loss) } / denominator)
                outcome.correctCounts.append(
                    batch.indices.filter { s in
                        rows[s].1 == (batch[s].share < 0.5 ? batch[s].partner : batch[s].label)
                    }.count)
                let gradients = rows.map { row in row.0.gradient.map { $0 / Float(denominator) } }
                for k in 0..<inputs {
                    for j in 0..<4 {
                        let gradient = sum(Float(0), +) { $0.addingProduct(pixels[$1][k], gradients[$1][j]) } + 0
                        weight[k * 4 + j] = weight[k * 4 + j].addingProduct(gradient, -0.1)
                    }
                }
                for j in 0..<4 {
                    let gradient = sum(Float(0), +) { $0 + gradients[$1][j] }
                    bias[j] = bias[j].addingProduct(gradient, -0.1)
                }
            }
        }
        outcome.parameters = (weight + bias).map(\.bitPattern)
        return outcome
    }

    static let losses: [@Sendable (inout TrainingOptions) -> Void] = [
        { _ in },
        { ($0.labelSmoothing, $0.classWeights) = (0.1, "1,2,0.5,3") },
        { $0.loss = "mse" }, { $0.loss = "mae" }, { $0.loss = "bce" },
    ]

    @Test(
        "as plain loops", arguments: losses.indices,
        ["mixup 0.4", "shift 1, flip, cutmix 1", "noise 9, mixup 2, cutmix 1"])
    func equalsPlainLoops(loss: Int, text: String) throws {
        let options = Self.options {
            ($0.model, $0.augmentation) = ("dense 4", text)
            Self.losses[loss](&$0)
        }
        let expected = try Self.slowly(options)
        for kernels in KernelSelection.available {
            for threads in [1, 2, 3, 8] {
                #expect(
                    try Self.train(options, threads: threads, kernels: kernels) == expected,
                    "\(kernels.instructionSet), \(threads) threads")
            }
        }
    }

    /// A first layer whose inputs workers hand to each other, one whose they do not, targets that are the inputs,
    /// accumulation.
    static let models: [@Sendable (inout TrainingOptions) -> Void] = [
        { $0.model = "dense 32, relu, dense 4" }, { $0.model = "conv 6 3x3, relu, maxpool 2, dense 4" },
        { ($0.model, $0.target, $0.loss) = ("dense 20, relu, dense 90", "input", "bce") },
        { ($0.model, $0.accumulate) = ("flatten, residual { dense 90, relu }, batchnorm, dense 4", 2) },
    ]

    @Test("any number of workers", arguments: models.indices, ["mixup 0.4", "rotate 20, cutmix 1"])
    func anyWorkers(model: Int, text: String) throws {
        let options = Self.options {
            $0.augmentation = text
            Self.models[model](&$0)
        }
        let expected = try Self.train(options, threads: 1, kernels: ReferenceKernels())
        var plain = options
        plain.augmentation = nil
        #expect(try Self.train(plain, threads: 1, kernels: ReferenceKernels()) != expected)
        for kernels in KernelSelection.available {
            for threads in [1, 2, 3, 8] {
                #expect(
                    try Self.train(options, threads: threads, kernels: kernels) == expected,
                    "\(kernels.instructionSet), \(threads) threads")
            }
        }
    }

    @Test("an auto-encoder's targets are its mixed inputs")
    func targetsAreInputs() throws {
        let options = Self.options {
            ($0.model, $0.target, $0.loss, $0.augmentation) = ("dense 90", "input", "mse", "shift 1, mixup 0.4")
        }
        let configuration = try options.resolved()
        let network = try Self.network(configuration)
        let buffer = AlignedBuffer<Float>(count: network.layout.floatCount)
        network.initialize(buffer.base, seed: 5)
        let weight = Self.tensors(network, buffer.base)
        // The first step's loss, before anything is learned.
        let batch = try Self.batch(0, of: 1, configuration.data.augmentation)
        let losses = batch.map { made -> Double in
            let pixels = made.pixels.map { Float($0) / 255 }
            let outputs = (0..<90).map { (j: Int) -> Float in
                var chain: Float = 0
                for k in 0..<90 { chain = chain.addingProduct(pixels[k], weight[k * 90 + j]) }
                return chain + 0
            }
            return Double(Reference.reconstructionLoss(.meanSquaredError, outputs, targets: pixels).loss)
        }
        let partition = GrainPartition(sampleCount: 24, grainSize: configuration.grainSize)
        let sum = CanonicalTree.sum(
            count: partition.grainCount, zero: 0.0,
            { partition.samples(of: $0..<$0 + 1).reduce(0.0) { $0 + losses[$1] } }, +)
        let outcome = try Self.train(options, threads: 3, kernels: KernelSelection.available[0])
        #expect(outcome.losses[0] == sum / (24 * 90))
        #expect(outcome.correctCounts.allSatisfy { $0 == 0 })
    }

    @Test func batchesOfOne() {
        var options = Self.options { ($0.model, $0.augmentation) = ("dense 4", "mixup 1") }
        options.batchSize = 1
        let failure = #expect(throws: Failure.self) { try options.resolved() }
        #expect(failure?.kind == .usage && failure?.message.contains("--batch-size 1 has none") == true)
    }
}
