import Checkpoints
import Communication
import DataLoading
import Errors
import Foundation
import KernelContract
import Models
import Tensors

/// Which part of a data set is scored.
package enum EvaluatedSplit: String, Sendable, CaseIterable {
    case train, test
}

/// `lockstep evaluate`'s result.
package struct EvaluationReport: Codable, Sendable {
    package let checkpoint: String
    package let parametersSHA256: String
    /// Whether the moving average of the parameters was scored.
    package let isAverage: Bool
    package let dataset: String
    package let split: String
    package let sampleCount: Int
    package let loss: Double
    /// Nil, as the matrix is, where outputs are compared with inputs.
    package let accuracy: Double?
    /// `[class, predicted]`, counts.
    package let confusionMatrix: [[Int]]?
    package let classNames: [String]
    /// Of the scoring alone, without reading files.
    package let seconds: Double
}

/// A checkpoint file and, where it lies in a run's folder, that run's options.
package struct CheckpointLocation: Sendable {
    package let path: String
    package let runOptions: TrainingOptions?

    /// - Parameter argument: A checkpoint, or a run's folder, whose last checkpoint is taken.
    package init(_ argument: String) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: argument, isDirectory: &isFolder) else {
            throw Failure(.inputNotFound, "\(argument): no such checkpoint or run")
        }
        var path = argument
        if isFolder.boolValue {
            let folder = "\(argument)/checkpoints"
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            let steps = names.filter { $0.hasPrefix("step-") && $0.hasSuffix(".safetensors") }
            // Longer names have more digits: step-1000000 comes after step-999999.
            guard let last = steps.max(by: { ($0.count, $0) < ($1.count, $1) }) else {
                throw Failure(.inputNotFound, "\(folder): no checkpoint there; has the run ended?")
            }
            path = "\(folder)/\(last)"
        }
        let run = URL(fileURLWithPath: path).deletingLastPathComponent().deletingLastPathComponent().path
        let configuration = "\(run)/config.yaml"
        let isInRun = FileManager.default.fileExists(atPath: configuration)
        runOptions = isInRun ? try TrainingOptions(contentsOf: configuration) : nil
        self.path = path
    }
}

extension TrainingOptions {
    /// The options of the run that wrote a checkpoint, which may be named by its folder: those that its folder keeps, or what
    /// the file itself says; nil where it says nothing.
    package init?(ofCheckpoint argument: String) throws {
        let location = try CheckpointLocation(argument)
        if let options = location.runOptions {
            self = options
            return
        }
        guard let yaml = try SafetensorsReader(location.path).header.metadata[MetadataKey.configuration] else {
            return nil
        }
        try self.init(yaml: yaml, path: location.path)
    }
}

/// Scores a checkpoint with all workers.
package struct CheckpointEvaluation: Sendable {
    private let path: String
    private let dataset: SharedDataset
    private let split: EvaluatedSplit
    private let loss: LossDescription?
    private let kernels: any KernelSet

    /// - Parameter loss: Nil for that of the checkpoint's target: cross-entropy, or mse for inputs.
    package init(
        path: String, dataset: SharedDataset, split: EvaluatedSplit, loss: LossDescription? = nil,
        kernels: any KernelSet
    ) {
        self.path = path
        self.dataset = dataset
        self.split = split
        self.loss = loss
        self.kernels = kernels
    }

    package func run(_ communicator: borrowing Communicator) throws -> EvaluationReport {
        let checkpoint = try communicator.agree { try Checkpoint(contentsOf: path) }
        let network = try communicator.agree { try Network(checkpoint, path: path) }
        let data = try communicator.agree { try dataset.load() }
        let images = split == .train ? data.train : data.test
        let parameters = AlignedBuffer<Float>(count: network.layout.floatCount)
        let state = AlignedBuffer<Float>(count: network.stateLayout.floatCount)
        try communicator.agree {
            let classCount = network.target == .label ? network.outputCount : data.classCount
            guard network.inputFeatures == images.pixelsPerImage, classCount == data.classCount else {
                throw Failure(
                    .data,
                    "\(path) takes \(network.inputFeatures) values and \(classCount) classes, but \(data.name) has "
                        + "\(images.pixelsPerImage) pixels and \(data.classCount) classes")
            }
            try network.layout.load(
                checkpoint, prefix: checkpoint.hasAverages ? Checkpoint.averagePrefix : "", into: parameters.base,
                path: path)
            try network.stateLayout.load(checkpoint, into: state.base, path: path)
        }
        let loss = try communicator.agree {
            let description =
                self.loss ?? LossDescription(LossDescription.defaultKind(network.target), target: network.target)
            guard description.target == network.target else {
                throw Failure(
                    .data,
                    "\(path) was trained with target \(network.target.rawValue), but the run's config.yaml says "
                        + "\(description.target.rawValue)")
            }
            return try Loss(description, outputCount: network.outputCount)
        }
        let evaluator = Evaluator(network: network, loss: loss, kernels: kernels)
        try communicator.barrier()
        let begin = PhaseClock.now()
        let evaluation = try evaluator.evaluate(
            images, indices: (0..<Int32(images.count)).map { $0 }, parameters: parameters.base,
            state: state.base, communicator: communicator)
        return EvaluationReport(
            checkpoint: path, parametersSHA256: checkpoint.parametersSHA256, isAverage: checkpoint.hasAverages,
            dataset: data.name, split: split.rawValue,
            sampleCount: evaluation.sampleCount, loss: evaluation.loss, accuracy: evaluation.accuracy,
            confusionMatrix: evaluation.confusionMatrix, classNames: data.classNames,
            seconds: Double(PhaseClock.now() - begin) * 1e-9)
    }
}
