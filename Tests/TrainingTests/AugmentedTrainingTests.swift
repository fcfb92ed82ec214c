import Communication
import DataLoading
import KernelContract
import Kernels
import Models
import Testing
import Training

@Suite("Training on changed pictures")
struct AugmentedTrainingTests {
    private static let (sampleCount, height, width) = (
        MadePictures.sampleCount, MadePictures.height, MadePictures.width
    )
    private static let epochs = 3

    /// All epochs' pictures behind each other, each made by the definition.
    private static func imagesOfAllEpochs(_ augmentation: Augmentation) throws -> LabelledImages {
        let images = try MadePictures.images()
        var pixels: [UInt8] = []
        for epoch in 0..<epochs {
            for sample in 0..<sampleCount {
                pixels += augmentation.reference(
                    images.image(sample), height: height, width: width, channels: 1, seed: 5,
                    epoch: UInt64(epoch + 1), sample: UInt64(sample))
            }
        }
        return LabelledImages(
            pixels: try ByteBuffer(pixels), labels: (0..<epochs).flatMap { _ in images.labels }, height: height,
            width: width, channels: 1, classCount: 4)
    }

    struct Outcome: Equatable {
        let hash: String
        let losses: [Double]
    }

    /// Steps of 24 samples: the fourth batch of an epoch has 12. With `isMade`, the pictures are changed beforehand.
    private static func train(
        _ options: TrainingOptions, threads: Int, kernels: any KernelSet, isMade: Bool = false,
        standardizes: Bool = false
    ) throws -> Outcome {
        var options = options
        options.batchSize = 24
        options.learningRate = 0.01
        options.seed = 5
        let asked = try options.resolved()
        let images = isMade ? try imagesOfAllEpochs(asked.data.augmentation) : try MadePictures.images()
        if isMade { options.augmentation = nil }
        let configuration = try options.resolved()
        let standardization =
            standardizes ? InputStandardization(.pixel, try MadePictures.images(), samples: [3, 5, 9]) : nil
        return try withWorkers(threads == 1 ? .solo : .threads(threads)) { communicator in
            let network = try Network(
                configuration.model, inputShape: [height, width],
                outputs: configuration.loss.target == .input ? .inputs : .classes(4))
            var trainer = try Trainer(
                configuration, network: network, images: images, sampleCount: sampleCount,
                standardization: standardization, kernels: kernels, communicator: communicator)
            let length = RunLength(configuration, sampleCount: sampleCount)
            var losses: [Double] = []
            for epoch in 0..<epochs {
                let first = isMade ? epoch * sampleCount : 0
                let order = EpochOrder(
                    indices: (first..<first + sampleCount).map { Int32($0) }, seed: 5, epoch: UInt64(epoch + 1),
                    batchSize: 24)
                for index in 0..<length.stepsPerEpoch {
                    let result = try trainer.step(order, index: index, learningRate: 0.01)
                    losses.append(result.lossSum / result.lossDenominator)
                }
            }
            try communicator.barrier()
            return Outcome(hash: network.parametersSHA256(trainer.parameters, state: trainer.state), losses: losses)
        }[0]
    }

    /// A first layer whose inputs workers hand to each other, one whose they do not, and targets that are the inputs.
    static let models: [(model: String, target: String?)] = [
        ("dense 32, relu, dense 4", nil), ("conv 6 3x3, relu, maxpool 2, dense 4", nil),
        ("dense 20, relu, dense 90", "input"), ("flatten, residual { dense 90, relu }, batchnorm, dense 4", nil),
    ]

    @Test(
        "as if all pictures had been made beforehand", arguments: models.indices,
        ["shift 2, rotate 15", "elastic 2 4, flip, erase 0.5 4, noise 8, scale 0.8 1.2, shear 0.1"])
    func equalsDataMadeBeforehand(model: Int, text: String) throws {
        var options = TrainingOptions()
        (options.model, options.target) = (Self.models[model].model, Self.models[model].target)
        options.augmentation = text
        let expected = try Self.train(options, threads: 1, kernels: ReferenceKernels(), isMade: true)
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
        #expect(try Self.train(options, threads: 3, kernels: ReferenceKernels()) == expected)
    }

    /// Bytes of 0 are other numbers then: nothing may leave them out.
    @Test("standardised, also changed", arguments: models.indices, [nil, "shift 2, erase 1 5"])
    func standardized(model: Int, text: String?) throws {
        var options = TrainingOptions()
        (options.model, options.target) = (Self.models[model].model, Self.models[model].target)
        options.augmentation = text
        let expected = try Self.train(options, threads: 1, kernels: ReferenceKernels(), standardizes: true)
        #expect(try Self.train(options, threads: 1, kernels: ReferenceKernels()) != expected)
        for kernels in KernelSelection.available {
            for threads in [1, 2, 3] {
                #expect(
                    try Self.train(options, threads: threads, kernels: kernels, standardizes: true) == expected,
                    "\(kernels.instructionSet), \(threads) threads")
            }
        }
    }

    @Test("mean and standard deviation, by hand")
    func standardizationByHand() throws {
        // Places: 0 and 255; always 51; 10, 20.
        let images = LabelledImages(
            pixels: try ByteBuffer([0, 51, 10, 255, 51, 20, 7, 7, 7]), labels: [0, 1, 0], height: 1, width: 3,
            channels: 1, classCount: 2)
        let pixel = InputStandardization(.pixel, images, samples: [0, 1])
        #expect(pixel.means == [0.5, 0.2, Float(15.0 / 255)])
        #expect(pixel.scales == [2, 1, 51])
        let whole = InputStandardization(.dataset, images, samples: [1, 0])
        // 0, 51, 10, 255, 51, 20: sum 387, sum of squares 70,727.
        let variance = 70_727.0 / 6 - 64.5 * 64.5
        #expect(whole.means == [Float](repeating: Float(64.5 / 255), count: 3))
        #expect(whole.scales.allSatisfy { abs(Double($0) * variance.squareRoot() / 255 - 1) < 1e-6 })
    }
}
