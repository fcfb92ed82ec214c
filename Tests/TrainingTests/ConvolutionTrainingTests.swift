import Communication
import DataLoading
import Errors
import KernelContract
import Kernels
import Models
import Testing
import Training

@Suite("A convolutional network trains to the same bits")
struct ConvolutionTrainingTests {
    private static let model =
        "conv 8 3x3, relu, maxpool 2, conv 12 3x3, relu, maxpool 2, dense 16, relu, dense 4"
    private static let stepCount = 20

    /// 100 images of a bright bar whose place tells the class, with a pattern that differs from image to image.
    private static func images() throws -> LabelledImages {
        let (height, width, count) = (14, 13, 100)
        var pixels: [UInt8] = []
        let labels = (0..<count).map { UInt8($0 * 7 % 4) }
        for image in 0..<count {
            for row in 0..<height {
                for column in 0..<width {
                    let isBar = row / 4 == Int(labels[image])
                    pixels.append(UInt8((image * 31 + row * 17 + column * 29) % 97 + (isBar ? 150 : 0)))
                }
            }
        }
        return LabelledImages(
            pixels: try ByteBuffer(pixels), labels: labels, height: height, width: width, channels: 1, classCount: 4)
    }

    /// Hash of the parameters, first and last loss.
    private static func train(
        _ kernels: any KernelSet, threads: Int, model: String = model, layers: String? = nil
    ) throws -> (hash: String, first: Double, last: Double) {
        var options = TrainingOptions()
        options.model = model
        options.layers = layers
        options.batchSize = 40
        options.learningRate = 0.01
        options.seed = 5
        let configuration = try options.resolved()
        let images = try images()
        let outcomes = try withWorkers(threads == 1 ? .solo : .threads(threads)) { communicator in
            let network = try Network(
                configuration.model, inputShape: [14, 13], classCount: 4, settings: configuration.layers)
            var trainer = try Trainer(
                configuration, network: network, images: images, sampleCount: images.count, kernels: kernels,
                communicator: communicator)
            // 40, 40 and 20 samples: the last batch of an epoch is short.
            var order = EpochOrder(
                indices: (0..<Int32(images.count)).map { $0 }, seed: 5, epoch: 0, batchSize: 40)
            var losses: [Double] = []
            var epoch: UInt64 = 0
            while trainer.stepCount < stepCount {
                epoch += 1
                order.prepare(epoch: epoch)
                for index in 0..<min(order.stepCount, stepCount - trainer.stepCount) {
                    let result = try trainer.step(order, index: index, learningRate: configuration.learningRate)
                    losses.append(result.lossSum / Double(result.sampleCount))
                }
            }
            try communicator.barrier()
            return (
                network.parametersSHA256(trainer.parameters, state: trainer.state), losses[0], losses[losses.count - 1]
            )
        }
        return outcomes[0]
    }

    @Test("threads and instruction sets", arguments: KernelSelection.available.map(\.instructionSet))
    func sameBits(instructionSet: InstructionSet) throws {
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        let expected = try Self.train(ReferenceKernels(), threads: 1)
        #expect(expected.last < 0.7 * expected.first, "loss \(expected.first) → \(expected.last)")
        for threads in [1, 2, 3, 5] {
            let result = try Self.train(kernels, threads: threads)
            #expect(result.hash == expected.hash, "\(instructionSet), \(threads) threads")
            #expect(result.last == expected.last, "\(instructionSet), \(threads) threads")
        }
    }

    /// Five grains of 8, and three with a short last one at an epoch's end: the fifth thread is idle in short batches, and
    /// two are.
    @Test(
        "every layer that has a state, or sums over the batch",
        arguments: KernelSelection.available.map(\.instructionSet))
    func statefulLayers(instructionSet: InstructionSet) throws {
        let kernels = try #require(KernelSelection.available.first { $0.instructionSet == instructionSet })
        let model =
            "conv 5 3x3, batchnorm, relu, maxpool 2, residual { conv 5 3 padding 1, batchnorm, relu, dropout 0.2 }, "
            + "conv-transpose 4 2x2 stride 2, layernorm, gelu, flatten, batchnorm, dropout 0.1, dense 16, layernorm, "
            + "residual { dense 16, softmax, batchnorm } shortcut { dense 16 }, dense 4"
        let layers = "0: learning-rate 0.02; *.bias: weight-decay 0; 5: frozen; dense: init orthogonal"
        let expected = try Self.train(ReferenceKernels(), threads: 1, model: model, layers: layers)
        #expect(expected.last < 0.7 * expected.first, "loss \(expected.first) → \(expected.last)")
        for threads in 1...5 {
            let result = try Self.train(kernels, threads: threads, model: model, layers: layers)
            #expect(result.hash == expected.hash, "\(instructionSet), \(threads) threads")
            #expect(result.last == expected.last, "\(instructionSet), \(threads) threads")
        }
    }

    @Test("the hash covers running statistics")
    func hashCoversState() throws {
        let network = try Network(ModelText.parse("dense 4, batchnorm"), inputShape: [14, 13], classCount: 4)
        var parameters = [Float](repeating: 0.5, count: network.layout.floatCount)
        var state = [Float](repeating: 0.25, count: network.stateLayout.floatCount)
        var hashes = [network.parametersSHA256(&parameters, state: &state)]
        for entry in network.stateLayout.entries {
            state[entry.range.upperBound - 1] += 1
            hashes.append(network.parametersSHA256(&parameters, state: &state))
        }
        #expect(Set(hashes).count == 3)
    }

    @Test("all layers of images", arguments: [1, 2, 3])
    func everyLayer(threads: Int) throws {
        let model =
            "avgpool 2 stride 1, conv 6 3x2 padding same, maxpool 3 stride 2 padding 1, conv 7 3 stride 2 padding 1, "
            + "relu, conv 5 1x1, global-avgpool, flatten, dense 4"
        let expected = try Self.train(ReferenceKernels(), threads: 1, model: model)
        let kernels = try #require(KernelSelection.available.first)
        #expect(try Self.train(kernels, threads: threads, model: model).hash == expected.hash)
    }
}
