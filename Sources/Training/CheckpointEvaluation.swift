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
    /// `validation` is the data set's own part, or what the run held out.
    case train, validation, test
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
    /// Nil where outputs are compared with inputs.
    package let error: ErrorRate?
    /// Where the data say who wrote each sample, as QMNIST's do.
    package let writers: WriterErrors?
    /// By the series of NIST's forms, likewise.
    package let series: [GroupError]?
    /// Of a table, in its targets' own unit: the means over its columns, and what each scores where there are several.
    package let scores: RegressionScores?
    package let columns: [ColumnScores]?
    /// Of the scoring alone, without reading files.
    package let seconds: Double
    /// One for each sample; nil where outputs are compared with inputs. Not part of the JSON.
    package var samples: ScoredSamples?

    private enum CodingKeys: String, CodingKey {
        case checkpoint, parametersSHA256, isAverage, dataset, split, sampleCount, loss, accuracy, confusionMatrix
        case classNames, error, writers, series, scores, columns, seconds
    }

    /// Of one target column.
    package struct ColumnScores: Codable, Sendable {
        package let name: String
        package let scores: RegressionScores
    }
}

/// What is known of each scored sample, in order.
package struct ScoredSamples: Sendable {
    package let labels: [UInt8]
    package let predictions: [UInt8]
    /// The predictions' probabilities.
    package let confidences: [Float]
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
    private let configuration: TrainingConfiguration?

    /// - Parameters:
    ///   - loss: Nil for that of the checkpoint's target: cross-entropy, or mse for inputs.
    ///   - configuration: Of the run on the same data, which says what it held out; nil where that is not known.
    package init(
        path: String, dataset: SharedDataset, split: EvaluatedSplit, loss: LossDescription? = nil,
        configuration: TrainingConfiguration? = nil, kernels: any KernelSet
    ) {
        self.configuration = configuration
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
        let (images, indices) = try communicator.agree { try samples(of: data) }
        let parameters = AlignedBuffer<Float>(count: network.layout.floatCount)
        let state = AlignedBuffer<Float>(count: network.stateLayout.floatCount)
        try communicator.agree {
            try checkColumns(checkpoint, data)
            let classCount = network.target == .label ? network.outputCount : data.classCount
            guard network.inputFeatures == images.pixelsPerImage, classCount == data.classCount else {
                throw Failure(
                    .data,
                    "\(path) takes \(network.inputFeatures) values and \(classCount) classes, but \(data.name) has "
                        + "\(images.pixelsPerImage) pixels and \(data.classCount) classes")
            }
            try network.loadEvaluated(checkpoint, parameters: parameters.base, state: state.base, path: path)
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
        let standardization = try communicator.agree {
            try InputStandardization(checkpoint, features: network.inputFeatures, path: path)
        }
        let targetStandardization = try communicator.agree {
            try TargetStandardization(checkpoint, outputs: network.outputCount, path: path)
        }
        let evaluator = Evaluator(
            network: network, loss: loss, standardization: standardization,
            targetStandardization: targetStandardization, kernels: kernels)
        try communicator.barrier()
        let begin = PhaseClock.now()
        let evaluation = try evaluator.evaluate(
            images, indices: indices, parameters: parameters.base, state: state.base,
            keepsPredictions: true, communicator: communicator)
        let seconds = Double(PhaseClock.now() - begin) * 1e-9
        // Of no sample there is no rate.
        let matrix = indices.isEmpty ? nil : evaluation.confusionMatrix
        let correctCount = matrix.map { matrix in matrix.indices.reduce(0) { $0 + matrix[$1][$1] } }
        let groups = Self.errors(evaluation, images, indices)
        return EvaluationReport(
            checkpoint: path, parametersSHA256: checkpoint.parametersSHA256, isAverage: checkpoint.hasAverages,
            dataset: data.name, split: split.rawValue,
            sampleCount: evaluation.sampleCount, loss: evaluation.loss, accuracy: evaluation.accuracy,
            confusionMatrix: evaluation.confusionMatrix, classNames: data.classNames,
            error: correctCount.map { ErrorRate(wrongCount: indices.count - $0, of: indices.count) },
            writers: groups.map { WriterErrors($0.writers) }, series: groups?.series,
            scores: evaluation.scores.map { RegressionScores(meanOf: $0) },
            columns: evaluation.scores.flatMap { scores in
                scores.count < 2
                    ? nil : zip(data.columns?.targets ?? [], scores).map { .init(name: $0, scores: $1) }
            }, seconds: seconds,
            samples: evaluation.predictions.flatMap { predictions in
                evaluation.confidences.map {
                    ScoredSamples(
                        labels: indices.map { images.labels[Int($0)] }, predictions: predictions, confidences: $0)
                }
            })
    }

    /// - Throws: `Failure(.data)` where a table's columns are not those that the network knows, or only one of both is a table.
    private func checkColumns(_ checkpoint: Checkpoint, _ data: ImageDataset) throws {
        let known = checkpoint.metadata[MetadataKey.columns] == nil ? nil : try checkpoint.columns(path: path)
        guard known == data.columns else {
            let (one, other) =
                known == nil ? ("images", "is a table") : ("rows of a table", "has other columns, or images")
            throw Failure(.data, "\(path) was trained on \(one), but \(data.name) \(other)")
        }
    }

    /// What is scored.
    package func samples(of data: ImageDataset) throws -> (images: LabelledImages, indices: [Int32]) {
        func all(_ images: LabelledImages) -> (LabelledImages, [Int32]) {
            (images, (0..<Int32(images.count)).map { $0 })
        }
        switch split {
        case .train: return all(data.train)
        case .test: return all(data.test)
        case .validation:
            let heldOut = try data.validation.map { all($0).1 } ?? configuration?.split(data).validation ?? []
            guard !heldOut.isEmpty else {
                throw Failure(
                    .data,
                    "--split validation: \(data.name) has no validation part, and \(path) is not known to have held one out"
                )
            }
            return (data.validationImages, heldOut)
        }
    }

    /// By writer and by series; nil where they are not known, or there are no classes.
    private static func errors(
        _ evaluation: Evaluation, _ images: LabelledImages, _ indices: [Int32]
    ) -> (writers: [GroupError], series: [GroupError])? {
        guard !indices.isEmpty, let predictions = evaluation.predictions, let origins = images.origins
        else { return nil }
        let isWrong = zip(indices, predictions).map { images.labels[Int($0)] != $1 }
        func groups(_ column: ExtendedLabels.Column) -> [GroupError] {
            GroupError.all(groups: indices.map { origins.value(column, of: Int($0)) }, isWrong: isWrong)
        }
        return (groups(.writer), groups(.series))
    }
}
