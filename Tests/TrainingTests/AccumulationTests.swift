import Communication
import DataLoading
import KernelContract
import Kernels
import Models
import Testing
import Training

@Suite("Accumulated gradients, full batches and inputs as targets")
struct AccumulationTests {
    private static let sampleCount = 100

    private static func images() throws -> LabelledImages {
        let labels = (0..<sampleCount).map { UInt8($0 * 7 % 4) }
        var pixels: [UInt8] = []
        for image in 0..<sampleCount {
            for pixel in 0..<30 {
                let isLit = pixel / 8 == Int(labels[image])
                pixels.append(UInt8((image * 31 + pixel * 17) % 97 + (isLit ? 150 : 0)))
            }
        }
        return LabelledImages(
            pixels: try ByteBuffer(pixels), labels: labels, height: 5, width: 6, channels: 1, classCount: 4)
    }

    struct Outcome: Equatable {
        let hash: String
        let parameters: [Float]
        /// Mean loss of each step.
        let losses: [Double]
    }

    private static func train(
        _ change: (inout TrainingOptions) -> Void, kernels: any KernelSet = ReferenceKernels(), threads: Int = 1,
        epochs: Int = 2
    ) throws -> Outcome {
        var options = TrainingOptions()
        options.model = "dense 16, relu, dense 4"
        options.optimizer = "momentum"
        options.learningRate = 0.1
        options.epochs = epochs
        options.seed = 5
        change(&options)
        let configuration = try options.resolved()
        let images = try images()
        return try withWorkers(threads == 1 ? .solo : .threads(threads)) { communicator in
            let network = try Network(
                configuration.model, inputShape: [5, 6],
                outputs: configuration.loss.target == .input ? .inputs : .classes(4))
            let length = RunLength(configuration, sampleCount: images.count)
            var trainer = try Trainer(
                configuration, network: network, images: images, sampleCount: images.count, kernels: kernels,
                communicator: communicator)
            var order = EpochOrder(
                indices: (0..<Int32(images.count)).map { $0 }, seed: 5, epoch: 0, batchSize: length.batchSize)
            var losses: [Double] = []
            for epoch in 1...epochs {
                order.prepare(epoch: UInt64(epoch))
                for index in 0..<length.stepsPerEpoch {
                    let result = try trainer.step(order, index: index, learningRate: configuration.learningRate)
                    losses.append(result.lossSum / result.lossDenominator)
                }
            }
            #expect(trainer.stepCount == length.stepCount)
            try communicator.barrier()
            return Outcome(
                hash: network.parametersSHA256(trainer.parameters, state: trainer.state),
                parameters: (0..<network.layout.floatCount).map { trainer.parameters[$0] }, losses: losses)
        }[0]
    }

    private static func accumulate(_ options: inout TrainingOptions) {
        options.batchSize = 16
        options.accumulate = 3
        options.classWeights = "1,2,0.5,3"
        options.clipNorm = 1
    }

    /// 100 samples are 7 batches of 16, the last of 4: steps of 3, 3 and 1 batches.
    @Test(
        "the same bits for any worker and instruction set", arguments: KernelSelection.available.map(\.instructionSet))
    func sameBits(instructionSet: InstructionSet) throws {
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        let expected = try Self.train(Self.accumulate)
        #expect(expected.losses.count == 6)
        for threads in [1, 2, 3, 5] {
            #expect(
                try Self.train(Self.accumulate, kernels: kernels, threads: threads) == expected, "\(threads) threads")
        }
    }

    /// Three batches of 16 in one step are one batch of 48: the same samples, denominators and updates, other sums.
    @Test("steps of several batches are those of one large batch", arguments: ["", "1,2,0.5,3"], [1, 2])
    func agreesWithOneBatch(weights: String, threads: Int) throws {
        func options(_ batchSize: BatchSize, _ accumulation: Int) -> (inout TrainingOptions) -> Void {
            {
                $0.batchSize = batchSize
                $0.accumulate = accumulation
                $0.classWeights = weights.isEmpty ? nil : weights
            }
        }
        let parts = try Self.train(options(16, 3), threads: threads)
        let whole = try Self.train(options(48, 1), threads: threads)
        #expect(parts.losses.count == whole.losses.count)
        for (a, b) in zip(parts.losses, whole.losses) { #expect(abs(a - b) < 2e-6 * b) }
        for (a, b) in zip(parts.parameters, whole.parameters) { #expect(abs(a - b) < 2e-6) }
        // One batch alone is another training.
        let single = try Self.train(options(16, 1), threads: threads)
        #expect(zip(single.parameters, whole.parameters).contains { abs($0 - $1) > 1e-3 })
    }

    @Test("more batches than an epoch has are all of them")
    func beyondTheEpoch() throws {
        let all = try Self.train {
            $0.batchSize = 16
            $0.accumulate = 7
        }
        let more = try Self.train {
            $0.batchSize = 16
            $0.accumulate = 1 << 40
        }
        #expect(all == more && all.losses.count == 2)
    }

    @Test("all samples in one batch")
    func fullBatch() throws {
        func options(_ batchSize: BatchSize) -> (inout TrainingOptions) -> Void {
            {
                $0.batchSize = batchSize
                $0.grain = 8
                $0.scaleLearningRate = 50
            }
        }
        let all = try Self.train(options(.all), epochs: 20)
        #expect(try all == Self.train(options(100), epochs: 20))
        #expect(try all == Self.train(options(.all), threads: 3, epochs: 20))
        #expect(all.losses.count == 20 && all.losses[19] < 0.7 * all.losses[0])
    }

    /// The first layer changes its input, and would in place; the target stays the pixels.
    private static func autoencoder(_ options: inout TrainingOptions) {
        options.target = "input"
        options.model = "sigmoid, dense 30"
        options.batchSize = 25
    }

    @Test("the target is the network's input")
    func inputIsTarget() throws {
        let outcome = try Self.train(Self.autoencoder)
        var options = TrainingOptions()
        Self.autoencoder(&options)
        let network = try Network(ModelText.parse("sigmoid, dense 30"), inputShape: [5, 6], outputs: .inputs)
        var parameters = [Float](repeating: 0, count: network.layout.floatCount)
        network.initialize(&parameters, seed: 5)
        let images = try Self.images()
        let order = EpochOrder(indices: (0..<100).map { $0 }, seed: 5, epoch: 1, batchSize: 25)
        let weights = network.layout.entries[0].range.lowerBound
        var loss = 0.0
        for sample in order.batch(0) {
            let x = images.image(Int(sample)).map { Double($0) / 255 }
            for j in 0..<30 {
                var output = 0.0
                for i in 0..<30 { output += Double(parameters[weights + i * 30 + j]) / (1 + exponential(-x[i])) }
                loss += (output - x[j]) * (output - x[j])
            }
        }
        #expect(abs(outcome.losses[0] - loss / (25 * 30)) < 1e-6 * loss)
    }

    @Test("an auto-encoder trains to the same bits", arguments: KernelSelection.available.map(\.instructionSet))
    func autoencoderBits(instructionSet: InstructionSet) throws {
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        for loss in ["mse", "mae", "bce"] {
            func options(_ options: inout TrainingOptions) {
                options.target = "input"
                options.loss = loss
                options.model = "dropout 0.2, dense 7, tanh, dense 30"
                options.batchSize = 25
                options.accumulate = 2
                options.optimizer = "adam"
                options.learningRate = 0.01
            }
            let expected = try Self.train(options, epochs: 5)
            #expect(expected.losses.last! < 0.95 * expected.losses[0], "\(loss): \(expected.losses)")
            for threads in [1, 3] {
                #expect(try Self.train(options, kernels: kernels, threads: threads, epochs: 5) == expected, "\(loss)")
            }
        }
    }
}

/// eˣ for small x, by its series.
private func exponential(_ x: Double) -> Double {
    var (sum, term) = (1.0, 1.0)
    for k in 1...30 {
        term *= x / Double(k)
        sum += term
    }
    return sum
}
