import Communication
import DataLoading
import Errors
import Foundation
import Kernels
import Models
import Training

/// A trained network read from a checkpoint. Not to be used by two threads at once.
public final class SavedNetwork {
    /// The checkpoint's file.
    public let path: String
    private let predictor: Predictor

    /// - Parameter path: A checkpoint, or a run's folder, whose last checkpoint is taken.
    /// - Throws: ``LockstepError`` where the file is missing, damaged or not Lockstep's.
    public init(contentsOf path: String) throws {
        (self.path, predictor) = try translatingFailures {
            let file = try CheckpointLocation(path).path
            let kernels = try KernelSelection.select(environment: ProcessInfo.processInfo.environment)
            return (file, try Predictor(checkpoint: file, kernels: kernels))
        }
    }

    /// The model that was trained.
    public var model: Model { Model(text: ModelText.text(of: predictor.network.description)) }

    /// Shape of one sample, such as [28, 28].
    public var inputShape: [Int] { predictor.network.inputShape.extents }

    /// The number that proves a run.
    public var parametersSHA256: String { predictor.parametersSHA256 }

    /// The outputs for one image of bytes in the order [height, width, channels]: for a classifier a logit for each class.
    ///
    /// - Throws: ``LockstepError`` where the number of bytes is not that of the input.
    public func outputs(for image: [UInt8]) throws -> [Float] {
        try translatingFailures { try predictor.outputs(image) }
    }

    /// The class of the greatest output; of equal ones the first.
    public func predictedClass(of image: [UInt8]) throws -> Int {
        let outputs = try outputs(for: image)
        return outputs.indices.reduce(0) { outputs[$1] > outputs[$0] ? $1 : $0 }
    }

    /// What the network scores on a data set.
    public struct Score: Sendable, Hashable {
        public let loss: Double
        /// Nil where samples have no classes to hit.
        public let accuracy: Double?
        public let sampleCount: Int
    }

    /// Scores the test part of a data set with threads of this process.
    ///
    /// - Parameters:
    ///   - dataset: A name of the catalogue or a folder.
    ///   - workers: By default as many as processors.
    public func score(on dataset: String, workers: Int? = nil) throws -> Score {
        try translatingFailures {
            let kernels = try KernelSelection.select(environment: ProcessInfo.processInfo.environment)
            let classes = (try? TrainingOptions(ofCheckpoint: path))?.classes
            let evaluation = CheckpointEvaluation(
                path: path, dataset: SharedDataset(name: dataset, dataDirectory: nil, classes: classes), split: .test,
                loss: try CheckpointLocation(path).runOptions?.resolvedLoss() ?? .init(), kernels: kernels)
            let alone = LaunchEnvironment(variable: nil, rank: 0, size: 1)
            let plan = try alone.plan(workers: workers, defaultWorkers: ProcessorSet.allowed().count)
            let reports = try withWorkers(plan) { communicator in try evaluation.run(communicator) }
            return Score(
                loss: reports[0].loss, accuracy: reports[0].accuracy, sampleCount: reports[0].sampleCount)
        }
    }
}

/// The test images of a data set, to try a network on.
public struct TestImages: Sendable {
    private let images: LabelledImages
    /// One for each class, or empty where they are not known.
    public let classNames: [String]

    /// - Parameter dataset: A name of the catalogue or a folder.
    public init(_ dataset: String) throws {
        let data = try translatingFailures { try SharedDataset(name: dataset, dataDirectory: nil).load() }
        images = data.test
        classNames = data.classNames
    }

    public var count: Int { images.count }
    /// [height, width, channels]
    public var shape: [Int] { [images.height, images.width, images.channels] }

    /// The bytes of an image, row by row, and its class.
    public subscript(index: Int) -> (pixels: [UInt8], label: Int) {
        (images.image(index), Int(images.labels[index]))
    }
}
